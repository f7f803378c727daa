import '@tensorflow/tfjs';
import { key, mlp } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { identity, scaledMlp } from '../src/index.js';
import { heads } from '../src/registry.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

describe('scaledMlp', () => {
  const options = { in: 3, hidden: [4], out: 2, shift: [1000, -2], scale: [50, 0.5] };

  it('is the MLP in the units of the targets', () => {
    const params = mlp(options).init(key(1));
    const x = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const plain = mlp(options).apply(params, x).arraySync() as number[][];
    const before = tf.memory().numTensors;
    const scaled = scaledMlp(options).apply(params, x);
    expect(tf.memory().numTensors).toBe(before + 1);
    (scaled.arraySync() as number[][]).forEach(([a, b], i) => {
      expect(a).toBeCloseTo(1000 + 50 * plain[i]![0]!, 3);
      expect(b).toBeCloseTo(-2 + 0.5 * plain[i]![1]!, 5);
    });
  });

  it('is rebuilt from its config', () => {
    const { config } = scaledMlp(options);
    expect(heads.fromConfig(JSON.parse(JSON.stringify(config))).config).toEqual(config);
  });

  it('says what is wrong', async () => {
    const messageOf = async (change: object) =>
      (await failure(() => scaledMlp({ ...options, ...change }))).message;
    expect(await messageOf({ shift: [1] })).toBe(
      'trainer.scaledMlp: shift must be 2 finite numbers, got [1]',
    );
    expect(await messageOf({ scale: [1, 0] })).toBe(
      'trainer.scaledMlp: scale must be 2 positive numbers, got [1, 0]',
    );
  });
});

describe('identity', () => {
  it('leaves what it gets as it is, and is rebuilt from its config', async () => {
    const head = heads.fromConfig(identity({ in: 2 }).config);
    const x = tf.tensor2d([[1, 2]]);
    const y = head.apply(head.init(key(0)), x);
    x.dispose();
    expect([...y.dataSync()]).toEqual([1, 2]);
    const wrong = await failure(() => head.apply({}, tf.ones([1, 3])));
    expect(wrong.message).toContain('trainer.identity: input must be [batch, 2], got [1, 3]');
  });
});
