import { useNative } from '@chainrule/backend-node/backend';
import { cnn } from '@chainrule/encoders-image';
import { textEncoders } from '@chainrule/encoders-text/registry';
import { fusion as strategies } from '@chainrule/fusion/registry';
import {
  adamw,
  type GradientTransformation,
  merge,
  partition,
  valueAndGrad,
} from '@chainrule/optim';
import { transformations } from '@chainrule/optim/registry';
import {
  type Batch,
  type Encoder,
  eager,
  flatten,
  foldIn,
  isTrainable,
  key,
  mlp,
  type Params,
  split,
  tidy,
  uniformArray,
} from '@chainrule/tensor';
import { classification, multimodal, trainState, trainStep } from '@chainrule/trainer';
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useWeb } from '../src/index.js';

// Whole models on wasm, with our kernels, against TensorFlow.

const NATIVE = 'tensorflow';
beforeAll(async () => {
  expect((await useNative()).name).toBe(NATIVE);
  await useWeb({ prefer: ['wasm'] });
});

interface Parts {
  readonly image?: Encoder<tf.Tensor4D>;
  readonly text?: Encoder;
  readonly fusion?: string;
  readonly optimizer?: () => GradientTransformation;
}

const image = (norm: 'none' | 'batch' | 'group' = 'none') =>
  cnn({
    size: [8, 8],
    blocks: [8, 12].map((filters) => ({ filters, pool: 2, norm, groups: 4 })),
    width: 8,
    augment: ['flip'],
  });
const text = (type = 'lstm', options: object = { embedding: 6 }) =>
  textEncoders.create(type, { vocabulary: 9, width: 8, ...options });

function batchOf(): Batch {
  const ids = [2, 3, 4, 0, 5, 6, 7, 8, 2, 0, 0, 0, 8, 4, 3, 2];
  return {
    inputs: {
      image: tf.tensor(uniformArray(split(key(1), 'image'), 3 * 8 * 8 * 3), [3, 8, 8, 3]),
      text: tf.tensor2d(ids, [4, 4], 'int32'),
    },
    rows: {
      image: tf.tensor1d([0, 0, 1, 2, 2, 0], 'int32'),
      text: tf.tensor1d([3, 1, 0, 0, 2, 0], 'int32'),
    },
    target: tf.tensor1d([1, 0, 3, 2, 2, 0], 'int32'),
    weight: tf.tensor1d([1, 1, 1, 1, 1, 0]),
  };
}

/** The gradient at the start, and the losses of the first steps. */
async function trainOn(backend: string, parts: Parts, steps: number) {
  await tf.setBackend(backend);
  const model = multimodal({
    encoders: { image: parts.image ?? image(), text: parts.text ?? text() },
    fusion: (given) => strategies.create(parts.fusion ?? 'product', given),
    head: (width) => mlp({ in: width, hidden: [8], out: 4 }),
  });
  const optimizer = parts.optimizer?.() ?? adamw({ learningRate: 1e-2, weightDecay: 1e-4 });
  const objective = classification();
  const batch = batchOf();
  const before = tf.memory().numTensors;
  const gradients = tf.tidy(() => {
    const [trainable, fixed] = partition(model.init(key(0)) as Params, isTrainable);
    const { grads } = valueAndGrad((leaves: Params) => {
      const params = merge(leaves, fixed) as never;
      const output = model.apply(params, batch as never, { training: true, key: key(2) });
      return objective.measure(output, batch.target as tf.Tensor, batch.weight).loss;
    })(trainable);
    return flatten(grads).map(([path, leaf]) => [path, [...leaf.dataSync()]] as const);
  });
  const execution = eager().prepare(
    trainStep(model, objective, optimizer),
    tidy(() => trainState(model.init(key(0)), optimizer)),
  );
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push((await execution.run(batch, foldIn(key(3), i))).loss!);
  }
  execution.dispose();
  expect(tf.memory().numTensors, 'tensors leaked').toBe(before);
  tf.dispose(batch as never);
  return { gradients, losses };
}

async function expectSame(parts: Parts, steps = 3) {
  const ours = await trainOn('wasm', parts, steps);
  const reference = await trainOn(NATIVE, parts, steps);
  expect(ours.gradients.length).toBe(reference.gradients.length);
  const largest = Math.max(...reference.gradients.flatMap(([, values]) => values.map(Math.abs)));
  ours.gradients.forEach(([path, values], i) => {
    const [otherPath, expected] = reference.gradients[i]!;
    expect(path).toBe(otherPath);
    const error = Math.max(...values.map((value, j) => Math.abs(value - expected[j]!)));
    expect(error / largest, path).toBeLessThan(1e-4);
  });
  ours.losses.forEach((loss, i) => {
    const expected = reference.losses[i]!;
    expect(Math.abs(loss - expected) / expected, `loss ${i}`).toBeLessThan(1e-3);
  });
}

test.each(['none', 'batch', 'group'] as const)('image encoder, norm %s: 20 steps', (norm) =>
  expectSame({ image: image(norm) }, 20),
);

test.each([
  ['bagOfWords', {}],
  ['gru', { embedding: 6 }],
  ['biLstm', { embedding: 6 }],
  ['articleLstm', { embedding: 6 }],
  ['transformer', { heads: 2, layers: 1 }],
])('text encoder %s', (name, options) => expectSame({ text: text(name, options) }));

// Plain descent: Adam would make large steps of gradients that are rounding errors.
const sgd = () => transformations.create('sgd', { learningRate: 1e-2 });

test.each(strategies.names)('fusion %s', (fusion) => expectSame({ fusion, optimizer: sgd }));

describe('optimisers', () => {
  test.each(['sgd', 'momentum', 'nesterov', 'adam', 'adamw'])('%s', (name) =>
    expectSame({ optimizer: () => transformations.create(name, { learningRate: 1e-2 }) }, 5),
  );
});
