import { useNative } from '@chainrule/backend-node/backend';
import { small } from '@chainrule/encoders-image';
import { adamw, sgd } from '@chainrule/optim';
import { eager, flatten, key, type Params } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, freeze, frozen, perPath, train, trainState } from '../src/index.js';
import { xorModel, xorOptions } from './options.js';
import { failure } from './support.js';

beforeAll(async () => {
  await useNative({ training: true });
});

/** By path, how far each leaf went. */
async function moved(options: object, executor = {}) {
  const start = xorModel().init(key(5));
  const run = train({ ...xorOptions(), epochs: 1, params: start, ...options, ...executor });
  const { params } = await finish(run);
  const before = new Map(flatten(start));
  return new Map(
    flatten(params).map(([path, leaf]) => {
      const from = before.get(path)!.dataSync();
      const distances = [...leaf.dataSync()].map((x, i) => Math.abs(x - from[i]!));
      return [path, Math.max(...distances)] as const;
    }),
  );
}

describe.each([['compiled'], ['eager']])('%s', (how) => {
  const executor = how === 'eager' ? { executor: eager() } : {};

  it('freeze leaves what is below its paths where it was, weight decay and all', async () => {
    const optimizer = adamw({ learningRate: 0.01, weightDecay: 0.1 });
    const found = await moved({ optimizer, trainable: freeze('encoders/a', 'head') }, executor);
    for (const [path, distance] of found) {
      if (/^(encoders\/a|head)\//.test(path)) expect(distance, path).toBe(0);
      else expect(distance, path).toBeGreaterThan(0);
    }
  });

  it('perPath gives each part its own optimiser', async () => {
    const optimizer = perPath(
      { 'encoders/a': sgd({ learningRate: 0 }), head: adamw({ learningRate: 1e-4 }) },
      adamw({ learningRate: 1e-2 }),
    );
    const found = await moved({ optimizer }, executor);
    expect(found.get('encoders/a/kernel')).toBe(0);
    expect(found.get('head/layers/0/kernel')).toBeGreaterThan(1e-5);
    // Four steps of Adam go no further than four times the rate, and hardly less at first.
    expect(found.get('head/layers/0/kernel')).toBeLessThan(6e-4);
    expect(found.get('encoders/b/kernel')).toBeGreaterThan(5e-3);
  });
});

describe('freeze', () => {
  it('knows paths, not beginnings of names', () => {
    const trainable = freeze('encoders/text');
    expect(trainable('encoders/text/words')).toBe(false);
    expect(trainable('encoders/textual/words')).toBe(true);
  });

  it('keeps no optimiser state of what is frozen', () => {
    tf.tidy(() => {
      const params = xorModel().init(key(0));
      const state = trainState(params, adamw(), freeze('encoders'));
      const paths = flatten(state.optimizer).map(([path]) => path);
      expect(paths.some((path) => path.includes('head/'))).toBe(true);
      expect(paths.some((path) => path.includes('encoders/'))).toBe(false);
    });
  });
});

describe('perPath', () => {
  it('is, with one optimiser everywhere, that optimiser', async () => {
    const one = await moved({ optimizer: adamw({ learningRate: 0.01 }) });
    const same = { 'encoders/b': adamw({ learningRate: 0.01 }) };
    const many = await moved({ optimizer: perPath(same, adamw({ learningRate: 0.01 })) });
    for (const [path, distance] of one) expect(many.get(path), path).toBeCloseTo(distance, 6);
  });

  it('names a path below which nothing stands', async () => {
    const optimizer = perPath({ 'encoder/a': adamw() }, adamw());
    const wrong = await failure(() => optimizer.init(xorModel().init(key(0))));
    expect(wrong.message).toBe(
      'trainer.perPath: no trained parameter stands below "encoder/a"; the first of them is "encoders/a/kernel"',
    );
  });
});

describe('frozen', () => {
  it('runs batch norm by its running statistics, and leaves them alone', () => {
    tf.tidy(() => {
      const encoder = small({ size: [16, 16], width: 4, norm: 'batch' });
      const params: Params = encoder.init(key(0));
      const x = tf.randomUniform([2, 16, 16, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
      const reported: string[] = [];
      const context = { training: true, key: key(1), update: () => reported.push('leaf') };
      const { vector } = frozen(encoder).apply(params as never, x, context as never);
      expect(reported).toEqual([]);
      expectClose(vector, encoder.apply(params as never, x).vector);
      expect(frozen(encoder).config).toEqual(encoder.config);
    });
  });
});
