import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type DescentStep,
  descend,
  type GradientTransformation,
  momentum,
  sgd,
} from '../src/index.js';

const target = tf.tensor2d([
  [1, 2],
  [3, 4],
]);
const loss = (z: tf.Tensor2D): tf.Scalar => tf.mul(0.5, tf.sum(tf.squaredDifference(z, target)));

describe('descend', () => {
  it('follows zₖ = y + (1 − α)ᵏ(z₀ − y), and returns a tree of its own', async () => {
    await expectNoLeaks(async () => {
      const z = tf.tensor2d([
        [0, 5],
        [-1, 2],
      ]);
      const seen: number[][] = [];
      const result = await descend(loss, z, sgd({ learningRate: 0.25 }), {
        gradientTolerance: 1e-4,
        onStep: ({ step, tree }) => {
          expectTypeOf(tree).toEqualTypeOf<tf.Tensor2D>();
          seen.push([...tree.dataSync()]);
          expectClose(
            tree,
            tf.tidy(() =>
              tf.add(target, tf.mul(0.75 ** step, tf.sub(z, target))).arraySync(),
            ) as number[][],
          );
        },
      });
      expectTypeOf(result.tree).toEqualTypeOf<tf.Tensor2D>();
      expect(result.converged).toBe(true);
      expect(result.history).toHaveLength(result.steps + 1);
      expect(seen).toHaveLength(result.steps + 1);
      expect(result.history.at(-1)).toBe(result.loss);
      expect(result.history[0]).toBeCloseTo(15);
      expectClose(result.tree, target, { atol: 1e-4 });
      expect([...z.dataSync()]).toEqual([0, 5, -1, 2]);
      tf.dispose([z, result.tree]);
    });
  });

  it('says when the steps ran out', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    const result = await descend(loss, z, sgd({ learningRate: 0.1 }), { steps: 3 });
    expect(result).toMatchObject({ steps: 3, converged: false });
    const none = await descend(loss, z, sgd({ learningRate: 0.1 }), { steps: 0 });
    expect(none).toMatchObject({ steps: 0, converged: false, loss: 15, history: [15] });
  });

  it('stops where the loss stands still', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    const flat = (x: tf.Tensor2D) => tf.add(loss(x), 1000) as tf.Scalar;
    const result = await descend(flat, z, sgd({ learningRate: 0.5 }), { lossTolerance: 1e-3 });
    expect(result.converged).toBe(true);
    expect(result.steps).toBeLessThan(5);
  });

  it('leaves statistics as they are', async () => {
    const tree = { w: tf.scalar(1), statistics: { mean: tf.scalar(5) } };
    await expectNoLeaks(async () => {
      const result = await descend(
        (p: typeof tree) => tf.square(tf.add(p.w, p.statistics.mean)) as tf.Scalar,
        tree,
        momentum({ learningRate: 0.1, decay: 0.5 }),
        { steps: 200 },
      );
      expect(result.tree.statistics.mean.dataSync()[0]).toBe(5);
      expectClose(result.tree.w, -5, { atol: 1e-4 });
      tf.dispose([result.tree]);
    });
  });

  it('names the step at which it diverged, and what to do', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    await expectNoLeaks(
      async () =>
        await expect(descend(loss, z, sgd({ learningRate: 1e15 }))).rejects.toThrow(
          /^descend: the loss is Infinity after step \d+ \(the loss was .* before it\); try a smaller learning rate/,
        ),
    );
    const root = (x: tf.Tensor2D) => tf.sum(tf.sqrt(tf.sub(x, 1))) as tf.Scalar;
    await expect(descend(root, z, sgd({ learningRate: 1 }))).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('the loss is NaN at the start; check the objective'),
    });
  });

  it('stops on an abort signal, which gets its turn', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    await expectNoLeaks(async () => {
      const endless = { steps: 1e9, gradientTolerance: 0 };
      const still: GradientTransformation = sgd({ learningRate: 1e-6 });
      await expect(
        descend(loss, z, still, { ...endless, signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({ name: 'AbortError' });
      await expect(
        descend(loss, z, still, { ...endless, signal: AbortSignal.timeout(100) }),
      ).rejects.toMatchObject({ name: 'TimeoutError' });
    });
  });

  it('leaks nothing where onStep throws', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    const onStep = ({ step }: DescentStep<tf.Tensor2D>) => {
      if (step === 2) throw new Error('enough');
    };
    await expectNoLeaks(
      async () =>
        await expect(descend(loss, z, sgd({ learningRate: 0.1 }), { onStep })).rejects.toThrow(
          'enough',
        ),
    );
  });

  it('refuses options that make no sense', async () => {
    const z = tf.zeros<tf.Rank.R2>([2, 2]);
    await expect(descend(loss, z, sgd({ learningRate: 0.1 }), { steps: -1 })).rejects.toThrow(
      'descend: steps must be at least 0, got -1',
    );
  });
});
