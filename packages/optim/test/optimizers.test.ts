import { type Config, flatten, mapTree } from '@chainrule/tensor';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { applyStep, descend, updateStep, valueAndGrad } from '../src/index.js';
import { transformations } from '../src/registry.js';

type Point = { readonly x: tf.Scalar; readonly y: tf.Scalar };

/** (1 − x)² + 100(y − x²)², whose minimum 0 is at (1, 1), along a narrow curved valley. */
const rosenbrock = ({ x, y }: Point): tf.Scalar =>
  tf.add(
    tf.square(tf.sub(1, x)),
    tf.mul(100, tf.square(tf.sub(y, tf.square(x)))),
  ) as unknown as tf.Scalar;

/** An ellipse 10 times as long as wide: ½(x − 3)² + 5(y + 1)². */
const quadratic = ({ x, y }: Point): tf.Scalar =>
  tf.add(
    tf.mul(0.5, tf.square(tf.sub(x, 3))),
    tf.mul(5, tf.square(tf.add(y, 1))),
  ) as unknown as tf.Scalar;

const chain = (...links: Config[]): Config => ({ type: 'chain', transformations: links });
const rate = (learningRate: number): Config => ({ type: 'scaleByLearningRate', learningRate });

/** Every registered transformation, in a chain that descends. */
const table: { [name: string]: { quadratic: Config; rosenbrock: Config; steps: number } } = {
  sgd: {
    quadratic: { type: 'sgd', learningRate: 0.1 },
    rosenbrock: { type: 'sgd', learningRate: 2e-3 },
    steps: 2000,
  },
  momentum: {
    quadratic: { type: 'momentum', learningRate: 0.02 },
    rosenbrock: { type: 'momentum', learningRate: 5e-4, decay: 0.95 },
    steps: 2000,
  },
  nesterov: {
    quadratic: { type: 'nesterov', learningRate: 0.02 },
    rosenbrock: { type: 'nesterov', learningRate: 5e-4, decay: 0.95 },
    steps: 2000,
  },
  adam: {
    quadratic: { type: 'adam', learningRate: { type: 'linear', from: 0.2, to: 0, steps: 400 } },
    rosenbrock: { type: 'adam', learningRate: 0.05 },
    steps: 1000,
  },
  adamw: {
    quadratic: {
      type: 'adamw',
      learningRate: { type: 'cosine', peak: 0.2, steps: 400, warmup: 20 },
      weightDecay: 1e-6,
    },
    rosenbrock: { type: 'adamw', learningRate: 0.05, weightDecay: 1e-6 },
    steps: 1000,
  },
  trace: {
    quadratic: chain({ type: 'trace', nesterov: true }, rate(0.02)),
    rosenbrock: chain({ type: 'trace', decay: 0.95 }, rate(5e-4)),
    steps: 2000,
  },
  scaleByAdam: {
    quadratic: chain(
      { type: 'scaleByAdam' },
      {
        type: 'scaleByLearningRate',
        learningRate: { type: 'step', initial: 0.2, milestones: [200, 300], factor: 0.05 },
      },
    ),
    rosenbrock: chain({ type: 'scaleByAdam' }, rate(0.05)),
    steps: 1000,
  },
  scaleByLearningRate: { quadratic: rate(0.1), rosenbrock: rate(2e-3), steps: 2000 },
  addDecayedWeights: {
    quadratic: chain({ type: 'addDecayedWeights', weightDecay: 1e-6 }, rate(0.1)),
    rosenbrock: chain(
      { type: 'addDecayedWeights', weightDecay: 1e-6 },
      { type: 'adam', learningRate: 0.05 },
    ),
    steps: 1000,
  },
  clipByGlobalNorm: {
    quadratic: chain({ type: 'clipByGlobalNorm' }, rate(0.15)),
    rosenbrock: chain(
      { type: 'clipByGlobalNorm', maxNorm: 10 },
      { type: 'adam', learningRate: 0.05 },
    ),
    steps: 1000,
  },
  clipByValue: {
    quadratic: chain({ type: 'clipByValue' }, rate(0.15)),
    rosenbrock: chain({ type: 'clipByValue', maxValue: 10 }, { type: 'adam', learningRate: 0.05 }),
    steps: 1000,
  },
};
table.chain = table.clipByGlobalNorm!;

describe('every transformation', () => {
  it('stands in the table', () => {
    expect(Object.keys(table).sort()).toEqual([...transformations.names].sort());
  });

  for (const [name, row] of Object.entries(table)) {
    describe(name, () => {
      it('is rebuilt from its config, which is plain JSON', () => {
        const config = transformations.fromConfig(row.quadratic).config;
        expect(JSON.parse(JSON.stringify(config))).toEqual(config);
        expect(transformations.fromConfig(config).config).toEqual(config);
      });

      it('finds the minimum of a quadratic', async () => {
        await expectNoLeaks(async () => {
          const start = { x: tf.scalar(-2), y: tf.scalar(2) };
          const { tree } = await descend(
            quadratic,
            start,
            transformations.fromConfig(row.quadratic),
            { steps: 400, gradientTolerance: 1e-3 },
          );
          expectClose([...tree.x.dataSync(), ...tree.y.dataSync()], [3, -1], { atol: 5e-3 });
          tf.dispose([start, tree]);
        });
      });

      it('finds the minimum of the Rosenbrock function', async () => {
        const start = { x: tf.scalar(-0.5), y: tf.scalar(1) };
        const { loss } = await descend(
          rosenbrock,
          start,
          transformations.fromConfig(row.rosenbrock),
          { steps: row.steps, gradientTolerance: 1e-3 },
        );
        expect(loss).toBeLessThan(1e-2);
      });

      it('changes nothing that it is given, and leaks nothing', () => {
        const transformation = transformations.fromConfig(row.quadratic);
        const params = { x: tf.scalar(-2), y: tf.scalar(2) };
        const grads = { x: tf.scalar(1), y: tf.scalar(-3) };
        const state = tf.tidy(() => transformation.init(params) as never) as tf.Tensor[];
        const given = { params, grads, state };
        const values = () => flatten(given).map(([path, leaf]) => [path, ...leaf.dataSync()]);
        const before = values();
        expectNoLeaks(() => {
          tf.tidy(() => {
            applyStep(transformation, grads, state, params);
            transformation.update(grads, state, params);
          });
        });
        expect(values()).toEqual(before);
      });

      it('goes on from a state that was saved', () => {
        tf.tidy(() => {
          const transformation = transformations.fromConfig(row.quadratic);
          const gradient = valueAndGrad(quadratic);
          const run = (params: Point, state: Saved, steps: number): [Point, Saved] => {
            for (let i = 0; i < steps; i++) {
              [params, state] = updateStep(transformation, gradient(params).grads, state, params);
            }
            return [params, state];
          };
          type Saved = ReturnType<typeof transformation.init>;
          const start = { x: tf.scalar(-2), y: tf.scalar(2) };
          const [straight] = run(start, transformation.init(start), 6);
          const [half, state] = run(start, transformation.init(start), 3);
          const restored = mapTree(state, (leaf: tf.Tensor) =>
            tf.tensor(leaf.arraySync(), leaf.shape, leaf.dtype),
          );
          const [resumed] = run(half, restored, 3);
          expect(resumed.x.dataSync()).toEqual(straight.x.dataSync());
          expect(resumed.y.dataSync()).toEqual(straight.y.dataSync());
        });
      });
    });
  }
});
