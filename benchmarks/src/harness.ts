import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { ChainruleError } from '@chainrule/tensor';
import Table from 'cli-table3';

/** A program that does the same work again and again, and says how long each time took. */
export interface Contestant {
  readonly name: string;
  readonly command: readonly [file: string, ...args: string[]];
}

/** What a contestant says when it has done the work once. */
interface Ready {
  readonly parameters: number;
  /** Numbers that all contestants must agree on: a loss, the norm of a gradient. */
  readonly checks: { readonly [name: string]: number };
  /** The first time, compilation included. */
  readonly firstMs: number;
}

export interface Result extends Ready {
  readonly name: string;
  readonly ms: readonly number[];
  readonly peakMb: number;
}

export interface Race {
  /** Turns that each contestant takes. */
  readonly rounds: number;
  /** How often it does the work in a turn. */
  readonly steps: number;
  /** A turn ends after this time too. Whose single step takes longer has one turn. Default 4,000. */
  readonly turnMs?: number;
  /** How far checks may differ, relatively; default 1e-3. */
  readonly tolerance?: number;
}

/** Everything runs on the same two cores, as many threads each. */
export const CORES = Math.min(2, availableParallelism());

/**
 * Runs contestants in turn, round by round, so that whatever else the machine does meets all of
 * them. One that can not start is left out, with a line that says why; the first must start.
 *
 * @throws where a contestant computes something else than the first.
 */
export async function race(contestants: readonly Contestant[], options: Race): Promise<Result[]> {
  const { rounds, steps, turnMs = 4000, tolerance = 1e-3 } = options;
  const running: Running[] = [];
  warnWhereBusy();
  try {
    for (const contestant of contestants) {
      const own = launch(contestant);
      try {
        const ready = await own.answer<Ready>();
        say(`${contestant.name}: ready after a first step of ${ready.firstMs.toFixed(0)} ms`);
        running.push({ ...own, ready });
      } catch (error) {
        own.kill();
        if (running.length === 0) throw error;
        say(`${contestant.name}: left out, ${(error as Error).message}`);
      }
    }
    for (const { name, ready } of running) compare(running[0]!, name, ready, tolerance);
    for (let round = 1; round <= rounds; round++) {
      for (const own of running) {
        if (own.ms.length > 0 && own.ms.at(-1)! > turnMs) continue;
        own.tell(`run ${steps} ${turnMs}`);
        own.ms.push(...(await own.answer<{ ms: number[] }>()).ms);
      }
      say(`round ${round} of ${rounds}`);
    }
    const results: Result[] = [];
    for (const { name, ms, ready, tell, answer } of running) {
      tell('end');
      results.push({ name, ms, ...ready, ...(await answer<{ peakMb: number }>()) });
    }
    return results;
  } finally {
    for (const own of running) own.kill();
  }
}

function warnWhereBusy(): void {
  const [load = 0] = loadavg();
  if (load < 1 || load < availableParallelism() - CORES + 1) return;
  say(`the machine is busy (load ${load.toFixed(1)}): medians will be too high, look at minima`);
}

type Launched = ReturnType<typeof launch>;
type Running = Launched & { readonly ready: Ready };

function launch({ name, command }: Contestant) {
  const [file, ...args] = pinned(command);
  const child: ChildProcess = spawn(file!, args, {
    env: {
      ...process.env,
      OMP_NUM_THREADS: `${CORES}`,
      TF_NUM_INTRAOP_THREADS: `${CORES}`,
      CUDA_VISIBLE_DEVICES: '-1',
      TF_CPP_MIN_LOG_LEVEL: '3',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const ended = once(child, 'close');
  // Its answer is what matters; how it ended is asked for only when there is none.
  ended.catch(() => {});
  const answers = createInterface(child.stdout!)[Symbol.asyncIterator]();
  return {
    name,
    ms: [] as number[],
    tell: (line: string) => void child.stdin!.write(`${line}\n`),
    /** The next line that is JSON; libraries may print others. */
    async answer<T>(): Promise<T> {
      for (;;) {
        const { value, done } = await answers.next();
        if (done) {
          await ended;
          throw new Error(lastLine(errors) || `${name} ended without a word`);
        }
        if (value.startsWith('{')) return JSON.parse(value) as T;
      }
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function pinned(command: Contestant['command']): readonly string[] {
  if (availableParallelism() === CORES || process.platform !== 'linux') return command;
  return ['taskset', '--cpu-list', `0-${CORES - 1}`, ...command];
}

/** The last line that is not one of a stack. */
function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => /^\S/.test(line) && !line.startsWith('Node.js'));
  return lines.at(-1)?.trim() ?? '';
}

function compare(first: Running, name: string, ready: Ready, tolerance: number): void {
  for (const [check, expected] of Object.entries(first.ready.checks)) {
    const got = ready.checks[check]!;
    if (Math.abs(got - expected) <= tolerance * Math.abs(expected)) continue;
    throw new ChainruleError(
      'BENCH_DIFFERS',
      `${name} does other work than ${first.name}: its ${check} is ${got}, not ${expected}`,
    );
  }
}

/** Progress, on stderr. */
export function say(line: string): void {
  process.stderr.write(`  ${line}\n`);
}

export interface Statistics {
  readonly median: number;
  readonly min: number;
}

export function statistics(ms: readonly number[]): Statistics {
  const sorted = ms.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
  return { median: round(median), min: round(sorted[0]!) };
}

const round = (ms: number): number => Number(ms.toPrecision(5));

/** What stands on the last line with `--json`. Times are in ms. */
export interface Summary {
  readonly bench: string;
  readonly ours: Statistics;
  readonly peers: { readonly [name: string]: Statistics };
  /** Our median ÷ the fastest peer's; null without a peer. */
  readonly ratio: number | null;
}

export function summarize(bench: string, [ours, ...peers]: readonly Result[]): Summary {
  const own = statistics(ours!.ms);
  const others = Object.fromEntries(peers.map(({ name, ms }) => [name, statistics(ms)]));
  const fastest = Math.min(...Object.values(others).map(({ median }) => median));
  const ratio = peers.length === 0 ? null : Number((own.median / fastest).toFixed(3));
  return { bench, ours: own, peers: others, ratio };
}

/** Prints what `race` found, ours first and the others from fast to slow. */
export function report(summary: Summary, results: readonly Result[]): void {
  const [ours, ...peers] = results;
  const rank = ({ ms }: Result) => statistics(ms).median;
  const rows = [ours!, ...peers.toSorted((a, b) => rank(a) - rank(b))].map((result) => {
    const { median, min } = statistics(result.ms);
    return [
      result.name,
      median.toFixed(1),
      min.toFixed(1),
      (median / summary.ours.median).toFixed(2),
      result.firstMs.toFixed(0),
      result.peakMb.toFixed(0),
      result.parameters.toLocaleString('en'),
    ];
  });
  const head = ['system', 'median ms', 'min ms', '× ours', 'first ms', 'peak MB', 'parameters'];
  print(table(head, rows));
  if (summary.ratio !== null) {
    print(`\nratio ${summary.ratio}: our median ÷ the fastest peer's, on ${CORES} cores`);
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]);
  const drawn = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: { ...Object.fromEntries(none), middle: '' },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn.toString();
}
