import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useNative } from '@chainrule/backend-node/backend';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPage, softwareGpu } from '../../../scripts/lib/page.mjs';
import type { UseWebOptions, WebBackend } from '../src/index.js';
import { losses } from './page/losses.js';

// Training steps in a worker of a page in real Chromium, against TensorFlow's losses.

const STEPS = 5;
const worker = fileURLToPath(new URL('./page/worker.ts', import.meta.url));
const binaries = dirname(
  createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'),
);
const files = Object.fromEntries(
  ['', '-simd', '-threaded-simd'].map((kind) => [
    `/wasm/tfjs-backend-wasm${kind}.wasm`,
    readFileSync(`${binaries}/dist/tfjs-backend-wasm${kind}.wasm`),
  ]),
);

type Page = Awaited<ReturnType<typeof openPage>>;
interface Trained {
  readonly losses: readonly number[];
  readonly leaked: number;
}

let reference: Trained;
beforeAll(async () => {
  expect((await useNative()).name).toBe('tensorflow');
  reference = await losses(STEPS);
});

async function trainIn(page: Page, options: UseWebOptions) {
  const backend = (await page.call('start', { wasmPaths: '/wasm/', ...options })) as WebBackend;
  return { backend, trained: (await page.call('losses', STEPS)) as Trained };
}

function expectAgrees({ losses: ours, leaked }: Trained, tolerance: number) {
  expect(leaked).toBe(0);
  expect(ours.length).toBe(STEPS);
  ours.forEach((loss, i) => {
    const expected = reference.losses[i]!;
    expect(Math.abs(loss - expected) / expected, `loss ${i}`).toBeLessThan(tolerance);
  });
}

describe('a page that is cross-origin isolated', () => {
  const opened: Page[] = [];
  const open = async (args: readonly string[] = []) => {
    const page = await openPage({ worker, files, args });
    opened.push(page);
    return page;
  };
  afterAll(() => Promise.all(opened.map((page) => page.close())));

  test('trains on wasm with two threads, and to the bit as with one', async () => {
    const two = await trainIn(await open(), { prefer: ['wasm'], threads: 2 });
    expect(two.backend).toEqual({ name: 'wasm', simd: true, threads: 2 });
    expectAgrees(two.trained, 1e-3);
    const one = await trainIn(await open(), { prefer: ['wasm'], threads: 1 });
    expect(one.backend).toEqual({ name: 'wasm', simd: true, threads: 1 });
    expect(one.trained.losses).toEqual(two.trained.losses);
  });

  test('prefers wasm where the processor draws', async () => {
    const { backend } = await trainIn(await open(softwareGpu), { threads: 2 });
    expect(backend.name).toBe('wasm');
  });

  test('trains on WebGL', async () => {
    const { backend, trained } = await trainIn(await open(softwareGpu), { prefer: ['webgl'] });
    expect(backend).toEqual({ name: 'webgl' });
    expectAgrees(trained, 5e-3);
  });

  // There is no GPU here, and the adapter that computes on the processor gives wrong gradients.
  test('takes no WebGPU adapter that is software, but the next backend', async () => {
    const page = await open(softwareGpu);
    const { backend, trained } = await trainIn(page, { prefer: ['webgpu', 'wasm'], threads: 1 });
    expect(backend.name).toBe('wasm');
    expectAgrees(trained, 1e-3);
  });

  test('goes on to wasm where there is no WebGPU adapter', async () => {
    const page = await open(['--disable-gpu', '--disable-features=WebGPU']);
    const { backend } = await trainIn(page, { prefer: ['webgpu', 'wasm'], threads: 1 });
    expect(backend.name).toBe('wasm');
  });
});

test('a page that is not isolated trains on wasm with one thread', async () => {
  const page = await openPage({ worker, files, isolated: false });
  try {
    const { backend, trained } = await trainIn(page, { prefer: ['wasm'], threads: 2 });
    expect(backend).toEqual({ name: 'wasm', simd: true, threads: 1 });
    expectAgrees(trained, 1e-3);
  } finally {
    await page.close();
  }
});
