import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { registerTrainingKernels, useWeb } from '../src/index.js';
import { agrees, probe } from '../src/probe.js';

test('chooses wasm under Node, where it trains', async () => {
  const backend = await useWeb();
  expect(backend).toEqual({ name: 'wasm', simd: true, threads: 1 });
  expect(tf.getBackend()).toBe('wasm');
  expect(agrees(await probe())).toBe(true);
});

test('goes on to the next backend where one does not start', async () => {
  expect(await useWeb({ prefer: ['webgpu', 'cpu'] })).toEqual({ name: 'cpu' });
  await expect(useWeb({ prefer: ['webgpu'] })).rejects.toThrow(/no backend trains here; webgpu: /);
});

test('registers once', async () => {
  await useWeb({ prefer: ['wasm'] });
  expect(registerTrainingKernels('wasm')).toEqual([]);
});
