import { copyFileSync, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativePaths } from '@chainrule/backend-node/install';
import type { Executor } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { run } from '../../../scripts/lib/run.mjs';
import { type ExecutorName, executorOf } from '../executors.js';
import { CORES, print, say, statistics, table } from '../harness.js';
import { interpreter, peersFolder } from '../python.js';
import { workload } from '../workloads/index.js';
import type { Bench, BenchOptions } from './bench.js';

/** The parts of tfjs-node's backend through which all native work goes. */
interface Native {
  binding: { loadSavedModel(folder: string, tags: string): number };
  executeSingleOutput(op: string, ...rest: unknown[]): unknown;
  executeMultipleOutputs(op: string, ...rest: unknown[]): unknown;
}

type Row = readonly [op: string, calls: number, ms: number];

/** Where a step's time goes, operation by operation: eager, and as the compiled graph. */
export const profile: Bench = {
  summary: "where a step's time goes: pnpm bench profile step, lstm or attention",
  async run(options: BenchOptions) {
    const name = options.workload ?? 'step';
    const steps = options.steps ?? 10;
    const eager = await profileEager(name, steps);
    const compiled = await profileCompiled(name, steps);
    if (!options.json) return;
    const ours = statistics(compiled?.ms ?? eager.ms);
    const parts = { eager: eager.rows, compiled: compiled?.rows ?? null };
    print(JSON.stringify({ bench: 'profile', ours, peers: {}, ratio: null, ...parts }));
  },
};

async function prepared(name: string, kind: ExecutorName) {
  const executor: Executor = await executorOf(kind);
  const { step } = await (await workload(name, {})).prepare(executor);
  const timed = async (): Promise<number> => {
    const began = performance.now();
    await step();
    return performance.now() - began;
  };
  return { native: tf.backend() as unknown as Native, timed };
}

async function repeat(steps: number, timed: () => Promise<number>): Promise<number[]> {
  const ms: number[] = [];
  for (let i = 0; i < steps; i++) ms.push(await timed());
  return ms;
}

/** Native operations run at once and to their end, so their calls can be timed one by one. */
async function profileEager(name: string, steps: number) {
  const { native, timed } = await prepared(name, 'eager');
  await repeat(2, timed);
  const spent = new Map<string, { calls: number; ms: number }>();
  const { executeSingleOutput: single, executeMultipleOutputs: multiple } = native;
  const timing = <F extends (op: string, ...rest: unknown[]) => unknown>(f: F) =>
    function (this: Native, op: string, ...rest: unknown[]) {
      const began = performance.now();
      const result = f.call(this, op, ...rest);
      const entry = spent.get(op) ?? { calls: 0, ms: 0 };
      spent.set(op, { calls: entry.calls + 1, ms: entry.ms + performance.now() - began });
      return result;
    };
  native.executeSingleOutput = timing(single);
  native.executeMultipleOutputs = timing(multiple);
  const ms = await repeat(steps, timed);
  native.executeSingleOutput = single;
  native.executeMultipleOutputs = multiple;

  const rows = [...spent].map(([op, e]): Row => [op, e.calls / steps, e.ms / steps]);
  const total = ms.reduce((sum, value) => sum + value, 0) / steps;
  const rest = total - rows.reduce((sum, [, , own]) => sum + own, 0);
  show(`${name}, eager: ${total.toFixed(1)} ms a step`, [...rows, ['(JavaScript)', 1, rest]]);
  return { ms, rows };
}

/** The same graph under TensorFlow's own tracing, which the binding has no way to ask for. */
async function profileCompiled(name: string, steps: number) {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-profile-'));
  try {
    const { native, timed } = await prepared(name, 'compiled');
    const graph = join(folder, 'saved_model.pb');
    const { binding } = native;
    const loadSavedModel: typeof binding.loadSavedModel = (from, tags) => {
      copyFileSync(join(from, 'saved_model.pb'), graph);
      return binding.loadSavedModel(from, tags);
    };
    // The binding's own functions can not be replaced.
    native.binding = Object.create(binding, { loadSavedModel: { value: loadSavedModel } });
    await repeat(3, timed);
    native.binding = binding;
    const ms = await repeat(steps, timed);
    const { median } = statistics(ms);

    const python = interpreter('tensorflow');
    if (python === undefined) {
      print(`\n${name}, compiled: ${median} ms a step`);
      say('what the compiled graph spends needs TensorFlow: `pnpm bench setup`');
      return { ms, rows: null };
    }
    const { operations } = nativePaths();
    const script = join(peersFolder, 'tensorflow_profile.py');
    const { stdout } = await run(python, [script, graph, `${steps}`], {
      env: {
        TF_NUM_INTRAOP_THREADS: `${CORES}`,
        TF_CPP_MIN_LOG_LEVEL: '3',
        ...(existsSync(operations) && { CHAINRULE_OPERATIONS: operations }),
      },
    });
    const traced = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      wallMs: number;
      ops: Row[];
      longest: [name: string, op: string, ms: number][];
    };
    show(
      `${name}, compiled: ${median} ms a step, ${traced.wallMs.toFixed(1)} ms in Python's session ` +
        `(operations overlap on ${CORES} cores)`,
      traced.ops,
    );
    const longest = traced.longest.map(([node, op, own]) => [node, op, own.toFixed(2)]);
    print(`\n${table(['the longest', 'operation', 'ms'], longest)}`);
    return { ms, rows: traced.ops };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function show(title: string, rows: readonly Row[]): void {
  const total = rows.reduce((sum, [, , ms]) => sum + ms, 0);
  const sorted = rows.toSorted((a, b) => b[2] - a[2]).slice(0, 25);
  const lines = sorted.map(([op, calls, ms]) => [
    op,
    calls.toFixed(0),
    ms.toFixed(2),
    `${((100 * ms) / total).toFixed(1)} %`,
  ]);
  print(`\n${title}\n${table(['operation', 'calls', 'ms', 'share'], lines)}`);
}
