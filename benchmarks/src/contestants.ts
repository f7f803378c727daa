import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ExecutorName, executorOf, executors } from './executors.js';
import { type Contestant, type Race, type Result, race, say } from './harness.js';
import { type Family, interpreter, peersFolder } from './python.js';
import { encode } from './workload.js';
import { workload } from './workloads/index.js';

/** Peers in Python: each file of `peers` runs a family, in variants. */
export const peers = {
  'torch-eager': { name: 'PyTorch, eager', family: 'torch' },
  'torch-compile': { name: 'PyTorch, torch.compile', family: 'torch' },
  'tensorflow-function': { name: 'Keras, tf.function', family: 'tensorflow' },
  'tensorflow-xla': { name: 'Keras, XLA', family: 'tensorflow' },
} as const satisfies { [id: string]: { name: string; family: Family } };

export type ContestantId = ExecutorName | keyof typeof peers;

export interface Competition {
  /** A file of `workloads` and a function of the peers. */
  readonly workload: string;
  readonly options?: object;
  /** Ours first. */
  readonly contestants: readonly ContestantId[];
}

/** Has them do one workload from the same numbers. */
export async function compete(
  { workload: name, options = {}, contestants }: Competition,
  settings: Race,
): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-bench-'));
  try {
    const file = join(folder, 'data.safetensors');
    if (contestants.some((id) => id in peers)) {
      await executorOf('eager');
      await writeFile(file, encode(await (await workload(name, options)).data()));
    }
    const list = contestants.flatMap((id) => contestant(id, name, options, file) ?? []);
    return await race(list, settings);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function contestant(
  id: ContestantId,
  workloadName: string,
  options: object,
  file: string,
): Contestant | undefined {
  if (!(id in peers)) {
    const own = id as ExecutorName;
    const child = fileURLToPath(new URL('./child.ts', import.meta.url));
    const args = ['--import', import.meta.resolve('tsx'), child];
    const command = [process.execPath, ...args, workloadName, JSON.stringify(options), own];
    return { name: executors[own], command: command as [string, ...string[]] };
  }
  const { name, family } = peers[id as keyof typeof peers];
  const python = interpreter(family);
  if (python === undefined) {
    say(`${name}: left out, there is no Python environment; make it with \`pnpm bench setup\``);
    return undefined;
  }
  const variant = id.slice(family.length + 1);
  return {
    name,
    command: [python, join(peersFolder, `${family}_peer.py`), workloadName, variant, file],
  };
}
