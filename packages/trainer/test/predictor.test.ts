import '@tensorflow/tfjs';
import { sum } from '@chainrule/fusion';
import { key, mlp } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { multimodal, predictor } from '../src/index.js';
import { queries, trainedModel } from './answers.js';
import { numbers } from './options.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

describe('predictor', () => {
  it('gives the labels with their probabilities, the most probable first', async () => {
    const trained = trainedModel();
    const { image, text } = queries();
    const answers = await predictor(trained).classify({ image, text });
    // "colour" and "it" are no words that it knows.
    const ids = tf.tensor2d(
      [
        [3, 7, 4, 2, 0],
        [8, 1, 3, 1, 0],
      ],
      [2, 5],
      'int32',
    );
    const logits = trained.model.apply(trained.params, { inputs: { image, text: ids } });
    const expected = tf.softmax(logits).arraySync() as number[][];
    expect(answers).toHaveLength(2);
    answers.forEach((ranked, i) => {
      expect(new Set(ranked.map(({ label }) => label))).toEqual(new Set(trained.labels));
      for (const { label, probability } of ranked) {
        expect(probability).toBeCloseTo(expected[i]![trained.labels.indexOf(label as 'yes')]!, 6);
      }
      const probabilities = ranked.map(({ probability }) => probability);
      expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    });
  });

  it('takes ids as well as texts, and leaves the tensors alone', async () => {
    const { image, text } = queries();
    const ids = tf.tensor2d(
      [
        [3, 7, 4, 2, 0],
        [8, 1, 3, 1, 0],
      ],
      [2, 5],
      'int32',
    );
    const { outputs } = predictor(trainedModel());
    const before = tf.memory().numTensors;
    expect(await outputs({ image, text: ids })).toEqual(await outputs({ image, text }));
    expect(tf.memory().numTensors).toBe(before);
    expect(ids.isDisposed || image.isDisposed).toBe(false);
  });

  it('asks several questions about one picture', async () => {
    const { image, text } = queries();
    const { outputs } = predictor(trainedModel());
    const one = tf.slice(image, 0, 1);
    const twice = tf.concat([one, one]);
    expect(await outputs({ image: one, text })).toEqual(await outputs({ image: twice, text }));
  });

  it('gives the numbers of a regression', async () => {
    const model = multimodal({
      encoders: { a: numbers(1, 2), b: numbers(1, 2) },
      fusion: sum,
      head: (width) => mlp({ in: width, out: 2 }),
    });
    const { outputs, classify } = predictor({ model, params: model.init(key(0)) });
    const inputs = { a: tf.tensor2d([[1], [2], [3]]), b: tf.ones([3, 1]) };
    const rows = await outputs(inputs);
    expect(rows.map((row) => row.length)).toEqual([2, 2, 2]);
    expect(await failure(() => classify(inputs))).toMatchObject({
      code: 'NO_LABELS',
      message: 'trainer.predictor: the model predicts numbers, not classes; use outputs()',
    });
  });

  it('says what is wrong with a query', async () => {
    const trained = trainedModel();
    const { image, text } = queries();
    const { tokenizer: _, ...silent } = trained;
    const messageOf = async (given: object, model: object = trained) =>
      (await failure(() => predictor(model as typeof trained).outputs(given as never))).message;
    expect(await messageOf({ text })).toBe(
      'trainer.predictor: the model needs "image" as well; it takes image, text',
    );
    expect(await messageOf({ image, text, sound: text })).toBe(
      'trainer.predictor: the model knows no "sound"; it takes image, text',
    );
    expect(await messageOf({ image, text: [] })).toMatch(/"text" has no texts/);
    expect(await messageOf({ image, text }, silent)).toMatch(
      /the model has no tokenizer, so "text" must be a tensor of ids/,
    );
    expect(await messageOf({ image: tf.zeros([2, 8, 8, 3]), text })).toMatch(
      /pixels must be \[batch, 16, 16, 3\], got \[2, 8, 8, 3\]/,
    );
    expect(await messageOf({ image, text: ['one', 'two', 'three'] })).toMatch(/2.*3|3.*2/);
  });

  it('says where tokenizer, labels and model do not fit', async () => {
    const trained = trainedModel();
    const words = [...trained.tokenizer.words, 'cat', 'dog'];
    const wide = { ...trained, tokenizer: { ...trained.tokenizer, words } };
    expect((await failure(() => predictor(wide).outputs(queries()))).message).toBe(
      'trainer.predictor: the tokenizer has 11 words, the encoder of "text" only 9',
    );
    const short = { ...trained, labels: ['yes', 'no'] };
    expect((await failure(() => predictor(short).classify(queries()))).message).toBe(
      'trainer.predictor: the model has 3 outputs and 2 labels',
    );
  });
});
