import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useNative } from '@chainrule/backend-node/backend';
import { compiledFunction } from '@chainrule/backend-node/compiled';
import {
  countParams,
  disposeTree,
  flatten,
  isTrainable,
  key,
  readSafetensors,
  treeToSafetensors,
  writeSafetensors,
} from '@chainrule/tensor';
import {
  expectClose,
  expectNoLeaks,
  gradients,
  loadFixture,
  moduleContract,
} from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EfficientNetLite0Params, efficientNetLite0 } from '../src/index.js';
import { efficientNetLite0Weights } from '../src/node.js';
import { imageEncoders } from '../src/registry.js';

let params: EfficientNetLite0Params;
let folder: string;
beforeAll(async () => {
  await useNative();
  params = await efficientNetLite0Weights({ head: 'logits' });
  folder = await mkdtemp(join(tmpdir(), 'chainrule-weights-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The pictures of efficientnet_lite0.py. */
function pictures(count: number): tf.Tensor4D {
  const size = 224;
  const data = new Float32Array(count * size * size * 3);
  let i = 0;
  for (let seed = 0; seed < count; seed++) {
    for (let h = 0; h < size; h++) {
      for (let w = 0; w < size; w++) {
        for (let c = 0; c < 3; c++) {
          const mixed = (h >> 3) * 40503 + (w >> 3) * 30011 + c * 9973 + seed * 7919;
          data[i++] = (Math.imul(mixed, 2654435761) >>> 24) / 255;
        }
      }
    }
  }
  return tf.tensor4d(data, [count, size, size, 3]);
}

describe('efficientNetLite0 with its ImageNet weights', () => {
  it('gives the logits that PyTorch gives', () => {
    const expected = loadFixture<number[][]>(import.meta.url, 'efficientnet_lite0.json');
    const encoder = efficientNetLite0({ head: 'logits' });
    const run = compiledFunction(
      (p: EfficientNetLite0Params, { x }: { readonly x: tf.Tensor4D }) =>
        encoder.apply(p, x).vector,
      params,
    );
    tf.tidy(() => {
      const logits = run.run({ x: pictures(expected.length) });
      expect(logits.shape).toEqual([8, 1000]);
      const largest = Math.max(...expected.flat().map(Math.abs));
      expectClose(logits, expected.flat(), { rtol: 0, atol: 1e-5 * largest });
    });
    run.dispose();
  });

  it('has as many weights as published', () => {
    const trained = flatten(params as never).filter(([path]) => isTrainable(path));
    expect(trained.reduce((sum, [, leaf]) => sum + (leaf as tf.Tensor).size, 0)).toBe(4_652_008);
    expect(countParams(params)).toBe(4_694_024);
  });

  it('comes without the classes for features, at any size', async () => {
    const own = await efficientNetLite0Weights();
    expect(own.dense).toBeUndefined();
    tf.tidy(() => {
      const encoder = efficientNetLite0({ size: [64, 48] });
      const { vector, tokens } = encoder.apply(own, tf.zeros([2, 64, 48, 3]));
      expect(vector.shape).toEqual([2, 1280]);
      expect(tokens!.shape).toEqual([2, 4, 1280]);
    });
    disposeTree(own);
  });

  it('puts layers in a row: what is seen, and where', async () => {
    const own = await efficientNetLite0Weights();
    const encoder = efficientNetLite0({ size: [224, 224], head: 'layers' });
    expect(encoder.layers).toEqual([1280, 1152, 672, 9 * 320, 16 * 112]);
    expect(encoder.width).toBe(7776);
    tf.tidy(() => {
      const x = pictures(1);
      const { vector } = encoder.apply(own, x);
      expect(vector.shape).toEqual([1, 7776]);
      const features = efficientNetLite0().apply(own, x).vector;
      expectClose(tf.square(tf.slice(vector, [0, 0], [1, 1280])), tf.add(features, 1e-4));
      // A red square on white changes the window most that it lies in.
      const square = (top: number, left: number) =>
        tf.mul<tf.Tensor4D>(
          tf.pad(tf.fill([1, 56, 56, 3], -1), [
            [0, 0],
            [top, 168 - top],
            [left, 168 - left],
            [0, 0],
          ]),
          [0, 1, 1],
        );
      const white = tf.ones<tf.Rank.R4>([1, 224, 224, 3]);
      const windows = (at: tf.Tensor4D) =>
        tf.reshape(tf.slice(encoder.apply(own, at).vector, [0, 3104], [1, 2880]), [9, 320]);
      const changed = (top: number, left: number) => {
        const other = windows(tf.add(white, square(top, left)));
        return tf.argMax(tf.mean(tf.abs(tf.sub(other, windows(white))), 1)).dataSync()[0];
      };
      expect([changed(8, 8), changed(8, 160), changed(160, 8)]).toEqual([0, 2, 6]);
    });
    disposeTree(own);
    expect(() => efficientNetLite0({ size: [64, 64], head: 'layers' })).toThrow('65×65 at least');
  });

  it('reads a file of its own, and names a tensor that does not fit', async () => {
    const file = join(folder, 'own.safetensors');
    const bytes = treeToSafetensors(params);
    await writeFile(file, bytes);
    const own = await efficientNetLite0Weights({ file, head: 'logits' });
    expectClose(own.stem.kernel, params.stem.kernel);
    disposeTree(own);

    const { tensors } = readSafetensors(bytes);
    const wrong = new Map(tensors);
    wrong.set('blocks/3/depthwise/kernel', {
      dtype: 'float32',
      shape: [3, 3, 144, 1],
      data: new Float32Array(9 * 144),
    });
    await writeFile(file, writeSafetensors(wrong));
    await expect(efficientNetLite0Weights({ file })).rejects.toThrow(
      '"blocks/3/depthwise/kernel" must be float32 [5, 5, 144, 1], the file has float32 [3, 3, 144, 1]',
    );
    await expect(efficientNetLite0Weights({ file: join(folder, 'none.pth') })).rejects.toThrow(
      'can not read',
    );
  });
});

describe('efficientNetLite0', () => {
  it('keeps the running statistics while frozen, with gradients to all else', () => {
    tf.tidy(() => {
      const encoder = efficientNetLite0({ size: [32, 32], head: 'dense', width: 3 });
      const own = { ...encoder.init(key(0)), ...params, dense: encoder.init(key(0)).dense! };
      const x = tf.randomUniform([2, 32, 32, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
      const updated: unknown[] = [];
      const context = {
        training: true,
        key: key(1),
        update: (leaf: unknown) => updated.push(leaf),
      };
      const inference = encoder.apply(own, x).vector;
      expectClose(encoder.apply(own, x, context).vector, inference);
      expect(updated).toEqual([]);
      const found = gradients((p) => encoder.apply(p, x, context).vector, own);
      for (const [path, gradient] of found) {
        if (isTrainable(path)) expect(gradient, path).toBeDefined();
      }
    });
  });

  it('leaks nothing', () => {
    const encoder = efficientNetLite0({ size: [32, 32] });
    expectNoLeaks(() => {
      const own = encoder.init(key(0));
      const x = tf.zeros<tf.Rank.R4>([1, 32, 32, 3]);
      const { vector, tokens } = encoder.apply(own, x);
      tf.dispose([vector, tokens!, x]);
      disposeTree(own);
    });
  });
});

moduleContract('efficientNetLite0', () => efficientNetLite0({ size: [32, 32], norm: 'train' }), {
  input: () => tf.randomUniform([3, 32, 32, 3], 0, 1, 'float32', 3) as tf.Tensor4D,
  outputShape: { vector: [3, 1280], tokens: [3, 1, 1280] },
  fromConfig: (config) => imageEncoders.fromConfig(config) as never,
});
