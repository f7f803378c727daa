import '@tensorflow/tfjs';
import { type Dataset, dataset, type Example, loader, pixelImage } from '@chainrule/data';
import { cnn } from '@chainrule/encoders-image';
import { bagOfWords, fitWordTokenizer } from '@chainrule/encoders-text';
import { product } from '@chainrule/fusion';
import { key, mlp } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { classification, evaluate, multimodal } from '../src/index.js';
import { xorData, xorOptions } from './options.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

/** Seven pictures with two questions each. */
function questions(): Dataset {
  const images = Array.from({ length: 7 }, (_, i) =>
    pixelImage(`${i}`, new Uint8Array(48).fill(36 * i), [4, 4, 3]),
  );
  const examples = images.flatMap((image, i): Example[] => [
    { inputs: { image, text: 'is it dark?' }, label: i < 4 ? 'yes' : 'no' },
    { inputs: { image, text: 'is it bright?' }, label: i < 4 ? 'no' : 'yes' },
  ]);
  return dataset({ name: 'questions', examples });
}

const data = questions();
const tokenizer = fitWordTokenizer(data.examples.map(({ inputs }) => inputs.text!));
const model = multimodal({
  encoders: {
    image: cnn({ size: [4, 4], blocks: [{ filters: 4, pool: 2 }], width: 4 }),
    text: bagOfWords({ vocabulary: tokenizer.vocabulary.length, width: 4 }),
  },
  fusion: product,
  head: (width) => mlp({ in: width, out: 2 }),
});
const params = model.init(key(0));
const objective = classification();

describe('evaluate', () => {
  const common = { imageSize: [4, 4], tokenizer } as const;

  it('counts each example once and padding not at all', async () => {
    const one = loader(data, {
      ...common,
      batchSize: 14,
      padTo: { examples: 1, image: 1, text: 1 },
    });
    const expected = await evaluate({ model, params, objective, data: one });
    const before = tf.memory().numTensors;
    for (const options of [
      // Batches of 4, 4, 4 and 2, the last one filled up to 4.
      { batchSize: 4 },
      // Batches of 3, 3 and 1 pictures with all their questions, filled up to 64 examples.
      { batchSize: 3, groupBy: 'image' },
      { batchSize: 5, padTo: { examples: 7 }, shuffle: false },
    ] as const) {
      const batches = loader(data, { ...common, ...options });
      const measured = await evaluate({ model, params, objective, data: batches });
      expect(measured.loss).toBeCloseTo(expected.loss, 5);
      expect(measured.accuracy).toBeCloseTo(expected.accuracy!, 6);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops with the signal’s reason', async () => {
    const reason = new Error('enough');
    const options = { ...xorOptions(), params: xorOptions().model.init(key(0)) };
    const before = tf.memory().numTensors;
    const error = await failure(() => evaluate({ ...options, signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('needs an example', async () => {
    const options = { ...xorOptions(), params: xorOptions().model.init(key(0)) };
    const empty = { ...xorData(), epoch: () => [] };
    expect(await failure(() => evaluate({ ...options, data: empty }))).toMatchObject({
      code: 'EMPTY_DATA',
      message: 'evaluate: the data gave no example; check that the data set is not empty',
    });
  });
});
