import { expectClose, expectNoLeaks, gradients, moduleContract } from '@chainrule/testing';
import * as union from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import {
  disposeTree,
  flatten,
  fromFunction,
  fromLayersModel,
  isTrainable,
  key,
  type Module,
  mapTree,
  type Params,
  unflatten,
} from '../src/index.js';

const { layers } = union;
const image = () =>
  tf.tensor4d(
    Array.from({ length: 3 * 36 }, (_, i) => Math.sin(i * i)),
    [3, 6, 6, 1],
  );

function cnn(): union.LayersModel {
  return union.sequential({
    layers: [
      layers.conv2d({
        inputShape: [6, 6, 1],
        filters: 4,
        kernelSize: 3,
        name: 'conv',
        useBias: false,
      }),
      layers.batchNormalization({ name: 'norm', momentum: 0.9 }),
      layers.activation({ activation: 'tanh', name: 'tanh' }),
      layers.flatten({ name: 'flat' }),
      layers.dense({ units: 2, name: 'top' }),
    ],
  });
}

describe('fromLayersModel', () => {
  let model: union.LayersModel;
  beforeAll(() => {
    model = cnn();
  });
  afterAll(() => {
    model.dispose();
  });

  it('names trainable weights by layer, and the others below statistics', () => {
    const params = fromLayersModel(model).init(key(0));
    const paths = flatten(params).map(([path]) => path);
    expect(paths).toEqual([
      'conv/kernel',
      'norm/gamma',
      'norm/beta',
      'top/kernel',
      'top/bias',
      'statistics/norm/moving_mean',
      'statistics/norm/moving_variance',
    ]);
    expect(paths.filter(isTrainable)).toHaveLength(5);
    disposeTree(params);
  });

  it('gives what model.predict gives, and follows its parameters', () => {
    const module = fromLayersModel(model);
    const params = module.init(key(0));
    const x = image();
    expectClose(module.apply(params, x), model.predict(x) as tf.Tensor);
    const doubled = mapTree(params, (leaf: tf.Tensor, path) =>
      path.startsWith('top/') ? tf.mul(leaf, 2) : leaf,
    ) as Params;
    expectClose(module.apply(doubled, x), tf.mul(model.predict(x) as tf.Tensor, 2), { atol: 1e-5 });
  });

  it('reports the moving averages of batch norm and leaves the model as it was', () => {
    const module = fromLayersModel(model);
    const params = module.init(key(0));
    const x = image();
    const before = tf.tidy(() => model.getWeights().map((w) => Array.from(w.dataSync())));
    const reported = new Map<tf.Tensor, tf.Tensor>();
    expectNoLeaks(() => {
      const y = module.apply(params, x, {
        training: true,
        update: (leaf, value) => void reported.set(leaf, tf.keep(value)),
      });
      y.dispose();
      const values = new Map(
        flatten(params).map(([path, leaf]) => [
          path,
          Array.from((reported.get(leaf) ?? leaf).dataSync()),
        ]),
      );
      tf.tidy(() => {
        const features = tf.conv2d(x, (params.conv as Params).kernel as tf.Tensor4D, 1, 'valid');
        const { mean, variance } = tf.moments(features, [0, 1, 2]);
        expectClose(values.get('statistics/norm/moving_mean')!, tf.mul(mean, 0.1), { atol: 1e-5 });
        expectClose(
          values.get('statistics/norm/moving_variance')!,
          tf.add(tf.mul(variance, 0.1), 0.9),
          { atol: 1e-5 },
        );
      });
      expect(reported.size).toBe(2);
      disposeTree([...reported.values()]);
      reported.clear();
    });
    const after = tf.tidy(() => model.getWeights().map((w) => Array.from(w.dataSync())));
    expect(after).toEqual(before);
  });

  it('learns: gradient descent on the parameters, statistics included', () => {
    const module = fromLayersModel<tf.Tensor4D, tf.Tensor2D>(model);
    const x = image();
    const target = tf.tensor2d([1, 0, 0, 1, 1, 1], [3, 2]);
    let params = module.init(key(0));
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) {
      const before = params;
      const next = new Map<string, tf.Tensor>();
      const paths = new Map(flatten(params).map(([path, leaf]) => [leaf, path]));
      const update = (leaf: tf.Tensor, value: tf.Tensor) =>
        void next.set(paths.get(leaf)!, tf.keep(value));
      const loss = (p: Params) => {
        const error = tf.sub(module.apply(p, x, { training: true, update }), target);
        const value = tf.mean(tf.square(error));
        losses.push(value.dataSync()[0]!);
        return value;
      };
      params = tf.tidy(() => {
        const slopes = gradients(loss, params);
        for (const [path, leaf] of flatten(params)) {
          if (!next.has(path)) next.set(path, tf.sub(leaf, tf.mul(slopes.get(path)!, 0.1)));
        }
        return unflatten(before, next) as never;
      });
      disposeTree(before);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 20);
    const mean = flatten(params).find(([path]) => path === 'statistics/norm/moving_mean')![1];
    expect(mean.dataSync().every((m) => m !== 0)).toBe(true);
  });

  it('comes back from its config and parameters', async () => {
    const module = fromLayersModel(model);
    const params = module.init(key(0));
    const x = image();
    const expected = module.apply(params, x);
    const topology = JSON.parse(JSON.stringify(module.config.topology)) as object;
    const again = fromLayersModel(await union.models.modelFromJSON(topology as union.io.ModelJSON));
    expectClose(again.apply(params, x), expected);
  });

  it('uncovers the weights when the model throws', () => {
    const module = fromLayersModel(model);
    const params = module.init(key(0));
    expectNoLeaks(() => {
      const wrong = tf.ones([1, 2]);
      expect(() => module.apply(params, wrong)).toThrow(/expected/i);
      wrong.dispose();
    });
    expect(Object.keys(model.weights[0]!)).not.toContain('read');
    const x = image();
    expectClose(model.predict(x) as tf.Tensor, module.apply(params, x));
  });

  it('takes several inputs', () => {
    const a = union.input({ shape: [2], name: 'a' });
    const b = union.input({ shape: [3], name: 'b' });
    const both = layers.concatenate({ name: 'both' }).apply([a, b]) as union.SymbolicTensor;
    const out = layers.dense({ units: 1, name: 'out' }).apply(both) as union.SymbolicTensor;
    const two = union.model({ inputs: [a, b], outputs: out });
    const module = fromLayersModel<tf.Tensor[], tf.Tensor2D>(two);
    expectTypeOf(module).toExtend<Module<tf.Tensor[], tf.Tensor2D>>();
    const inputs = [tf.ones([4, 2]), tf.ones([4, 3])];
    expectClose(module.apply(module.init(key(0)), inputs), two.predict(inputs) as tf.Tensor);
  });

  it('refuses a model that can not be built', () => {
    expect(() => fromLayersModel(union.sequential({ name: 'draft' }))).toThrow(
      'tensor.fromLayersModel: "draft" can not be built; give it layers, the first with an inputShape',
    );
  });
});

const shared = cnn();
moduleContract('fromLayersModel', () => fromLayersModel<tf.Tensor4D, tf.Tensor2D>(shared), {
  input: image,
  outputShape: [3, 2],
  fromConfig: () => fromLayersModel<tf.Tensor4D, tf.Tensor2D>(shared),
});

const pool = () =>
  fromFunction((x: tf.Tensor4D) => tf.mean<tf.Tensor2D>(x, [1, 2]), { type: 'pool' });
moduleContract('fromFunction', pool, {
  input: image,
  outputShape: [3, 1],
  fromConfig: pool,
});
