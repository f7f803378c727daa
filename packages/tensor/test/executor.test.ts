import '@tensorflow/tfjs';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { disposeTree, eager, type Key, key, split, tidy, uniform } from '../src/index.js';

type State = { w: tf.Tensor1D; fixed: tf.Tensor };
const step = ({ w, fixed }: State, { x }: { x: tf.Tensor1D }, source: Key) => {
  const next = tf.add<tf.Tensor1D>(
    tf.sub(w, tf.mul(x, 0.5)),
    tf.mul(uniform(split(source, 'n'), [2]), 0),
  );
  return { state: { w: next, fixed }, metrics: { sum: tf.sum(next) as tf.Scalar } };
};

describe('eager', () => {
  it('moves its state, hands out copies and leaks nothing', async () => {
    const x = tf.tensor1d([1, 2]);
    await expectNoLeaks(async () => {
      const execution = eager().prepare(step, { w: tf.tensor1d([1, 1]), fixed: tf.scalar(3) });
      expect(await execution.run({ x }, key(0))).toEqual({ sum: 0.5 });
      expect(await execution.run({ x }, key(1))).toEqual({ sum: -1 });
      const state = await execution.read();
      expectClose(state.w, [0, -1]);
      await execution.run({ x }, key(2));
      expectClose(state.w, [0, -1]);
      await execution.write(state);
      expect(await execution.run({ x }, key(2))).toEqual({ sum: -2.5 });
      disposeTree(state);
      execution.dispose();
    });
    expectClose(x, [1, 2]);
  });

  it('keeps state and batch where a metric is one of their tensors', async () => {
    await expectNoLeaks(async () => {
      const batch = { y: tf.scalar(5) };
      const execution = eager().prepare(
        ({ n }: { n: tf.Scalar }, { y }: { y: tf.Scalar }) => {
          const next = tf.add<tf.Scalar>(n, 1);
          return { state: { n: next }, metrics: { next, y } };
        },
        { n: tf.scalar(0) },
      );
      expect(await execution.run(batch, key(0))).toEqual({ next: 1, y: 5 });
      expect(await execution.run(batch, key(0))).toEqual({ next: 2, y: 5 });
      execution.dispose();
      batch.y.dispose();
    });
  });
});

describe('tidy', () => {
  it('keeps the tensors of what it returns', () => {
    expectNoLeaks(() => {
      const { a } = tidy(() => ({ a: [tf.add(tf.scalar(1), tf.scalar(2))] as const }));
      expectClose(a[0], 3);
      a[0].dispose();
    });
  });
});
