import { work } from './work.js';

/** A function of assembly/ over a range, which is cut into chunks of a size of its own. */
interface Job {
  readonly name: string;
  /** Its arguments; those of the range and the varying ones are filled in. */
  readonly args: readonly number[];
  /** Where `from` stands among the arguments; `to` comes next. */
  readonly at: number;
  readonly count: number;
  readonly chunk: number;
  /** An argument that moves on by `stride` from chunk to chunk. */
  readonly byChunk?: readonly [argument: number, stride: number];
  /** An argument that moves on by `stride` from thread to thread. */
  readonly byThread?: readonly [argument: number, stride: number];
}

export interface Threads {
  /** This one included. */
  readonly count: number;
  run(job: Job): void;
}

/** Numbers of the control block: see work.ts. */
export const CONTROL = 64;
const [NEXT, COMPLETED, JOB] = [0, 1, 2];
const CLOSED = 0xffff;

type Functions = Readonly<Record<string, (...numbers: number[]) => void>>;

/** Runs jobs where there is one thread. */
export function alone(functions: Functions): Threads {
  return {
    count: 1,
    run({ name, args, at, count, chunk, byChunk }) {
      const filled = [...args];
      for (let from = 0; from < count; from += chunk) {
        filled[at] = from;
        filled[at + 1] = Math.min(count, from + chunk);
        if (byChunk) filled[byChunk[0]] = args[byChunk[0]]! + (byChunk[1] * from) / chunk;
        functions[name]!(...filled);
      }
    },
  };
}

/**
 * Threads on shared memory. `at` is the address of {@link CONTROL} numbers that are 0. The caller's
 * thread works too, so a job is done sooner or at worst as late as without the others, which take
 * part as soon as they have started.
 */
export function startThreads(
  others: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  functions: Functions,
  at: number,
): Threads {
  const control = new Int32Array(memory.buffer, at, CONTROL);
  const names = Object.keys(functions);
  const source = `const work = ${work.toString()};
onmessage = ({ data: { module, memory, at, names, thread } }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const control = new Int32Array(memory.buffer, at, ${CONTROL});
  for (;;) Atomics.wait(control, ${NEXT}, work(control, exports, names, thread));
};`;
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  for (let thread = 1; thread <= others; thread++) {
    new Worker(address).postMessage({ module, memory, at, names, thread });
  }
  const mayWait = typeof window === 'undefined';
  return {
    count: 1 + others,
    run({ name, args, at: range, count, chunk, byChunk = [-1, 0], byThread = [-1, 0] }) {
      const generation = (Atomics.load(control, NEXT) >> 16) + 1;
      const first = (generation & 0x7fff) << 16;
      const chunks = Math.ceil(count / chunk);
      // Closed, so that nobody reads half of a job.
      Atomics.store(control, NEXT, first | CLOSED);
      Atomics.store(control, COMPLETED, 0);
      const words = [chunks, names.indexOf(name), range, count, chunk, ...byChunk, ...byThread];
      control.set([...words, args.length, ...args], JOB);
      Atomics.store(control, NEXT, first);
      Atomics.notify(control, NEXT);
      work(control, functions, names, 0);
      for (let turn = 0; ; turn++) {
        const completed = Atomics.load(control, COMPLETED);
        if (completed === chunks) return;
        if (mayWait && turn > 1000) Atomics.wait(control, COMPLETED, completed, 1);
      }
    },
  };
}
