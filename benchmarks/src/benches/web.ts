import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { easyVqa, type VqaExample } from '@chainrule/data/node';
import { openPage, softwareGpu } from '../../../scripts/lib/page.mjs';
import { print, say, statistics, table } from '../harness.js';
import type { Bench } from './bench.js';

const WORKER = fileURLToPath(new URL('../web/worker.ts', import.meta.url));
const SIZE = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;
const GOAL = 0.9;

interface Way {
  readonly name: string;
  readonly prefer: 'wasm' | 'webgl' | 'webgpu';
  readonly threads?: number;
  readonly stock?: boolean;
}

const ways: readonly Way[] = [
  { name: 'wasm, 1 thread', prefer: 'wasm', threads: 1 },
  { name: 'wasm, 2 threads', prefer: 'wasm', threads: 2 },
  { name: 'WebGL', prefer: 'webgl' },
  { name: 'WebGPU', prefer: 'webgpu' },
  { name: 'stock wasm', prefer: 'wasm', stock: true },
  { name: 'stock WebGL', prefer: 'webgl', stock: true },
  { name: 'stock WebGPU', prefer: 'webgpu', stock: true },
];

interface Steps {
  readonly ms: readonly number[];
  readonly losses: readonly number[];
  readonly kernels: readonly (readonly [name: string, ms: number])[];
}

/** Training in a page of real, headless Chromium. */
export const web: Bench = {
  summary: "npm start's training step in Chromium: wasm, WebGL, WebGPU; --train: to 90 %",
  async run({ json, steps = 10, epochs = 8, only, train, profile }) {
    const files = await served();
    const rows: { name: string; ms?: number; perSecond?: number; loss?: number; why?: string }[] =
      [];
    for (const way of ways) {
      if (only && !only.includes(way.name) && !only.includes(way.prefer)) continue;
      const page = await openPage({ worker: WORKER, files, args: softwareGpu });
      try {
        if (way.stock) await page.call('stock', way.prefer);
        else {
          const { prefer, threads } = way;
          await page.call('start', { prefer: [prefer], threads, wasmPaths: '/wasm/' });
        }
        const { ms, losses, kernels } = (await page.call('steps', steps, profile)) as Steps;
        const { median } = statistics(ms);
        rows.push({ name: way.name, ms: median, perSecond: 1000 / median, loss: losses.at(-1)! });
        if (profile)
          print(
            table(
              ['kernel', 'ms'],
              kernels.map(([k, v]) => [k, v.toFixed(1)]),
            ),
          );
      } catch (error) {
        rows.push({ name: way.name, why: (error as Error).message.split('\n')[0]! });
      } finally {
        await page.close();
      }
      const row = rows.at(-1)!;
      say(`${row.name}: ${row.ms === undefined ? row.why : `${row.ms.toFixed(0)} ms a step`}`);
    }
    const cells = rows.map(({ name, ms, perSecond, loss, why }) =>
      ms === undefined
        ? [name, '–', '–', why!]
        : [name, ms.toFixed(0), perSecond!.toFixed(2), loss!.toFixed(4)],
    );
    print(table(['backend', 'ms a step', 'steps/s', 'last loss'], cells));
    const curve = train ? await reach(files, epochs) : undefined;
    if (json) print(JSON.stringify({ bench: 'web', rows, ...(curve && { curve }) }));
  },
};

/** Trains on wasm with two threads until the goal, and prints the curve. */
async function reach(files: Awaited<ReturnType<typeof served>>, epochs: number) {
  const page = await openPage({ worker: WORKER, files, log: say });
  try {
    const chosen = await page.call('start', { prefer: ['wasm'], threads: 2, wasmPaths: '/wasm/' });
    say(`training on ${JSON.stringify(chosen)}`);
    const curve = (await page.call('train', { accuracy: GOAL, epochs, every: 20 })) as {
      epoch: number;
      seconds: number;
      loss: number;
      accuracy: number;
    }[];
    const { seconds, accuracy } = curve.at(-1)!;
    print(
      `${accuracy >= GOAL ? 'reached' : 'ended at'} ${(100 * accuracy).toFixed(1)} % of the test ` +
        `questions after ${(seconds / 60).toFixed(1)} minutes (epoch ${curve.length})`,
    );
    return curve;
  } finally {
    await page.close();
  }
}

/** easy-VQA and the wasm backend's binaries, by address. */
async function served() {
  const data = await easyVqa();
  const part = async (name: 'train' | 'test') => {
    const examples: readonly VqaExample[] = data[name].examples;
    const images = new Map(examples.map(({ inputs }) => [inputs.image.id, inputs.image]));
    const ordered = [...images.values()].sort(
      (a, b) => Number(a.id.split('/')[1]) - Number(b.id.split('/')[1]),
    );
    // The address of a picture is its place among those that are asked about.
    const place = new Map(ordered.map(({ id }, i) => [id, i]));
    return {
      pixels: Buffer.concat(await Promise.all(ordered.map((image) => image.read(SIZE)))),
      questions: examples.map(({ inputs, label }) => [
        inputs.text,
        label,
        `${name}/${place.get(inputs.image.id)}`,
      ]),
    };
  };
  const [train, test] = [await part('train'), await part('test')];
  const binaries = dirname(
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'),
  );
  const names = ['', '-simd', '-threaded-simd'].map((kind) => `tfjs-backend-wasm${kind}.wasm`);
  return {
    '/train.u8': train.pixels,
    '/test.u8': test.pixels,
    '/questions.json': JSON.stringify({
      classes: data.classes,
      train: train.questions,
      test: test.questions,
    }),
    ...Object.fromEntries(
      names.map((name) => [`/wasm/${name}`, readFileSync(`${binaries}/dist/${name}`)]),
    ),
  };
}
