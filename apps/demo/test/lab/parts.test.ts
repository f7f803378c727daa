import '@chainrule/backend-node';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { disposeTree, key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { asker } from '../../src/lab/answer.js';
import { inspectModel } from '../../src/lab/inspection.js';
import { labMessage } from '../../src/lab/messages.js';
import { type PackedData, packedData, unpack } from '../../src/lab/pack.js';
import { compose } from '../../src/lab/recipe.js';
import { turns } from '../../src/lab/turns.js';

const BYTES = 64 * 64 * 3;

test('work is done one piece at a time, in order, and a failure holds nothing up', async () => {
  const turn = turns();
  const done: string[] = [];
  const piece = (name: string, ms: number) => async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    done.push(name);
    if (name === 'b') throw new Error('b failed');
    return name;
  };
  const results = await Promise.allSettled([
    turn(piece('a', 20)),
    turn(piece('b', 5)),
    turn(piece('c', 0)),
  ]);
  expect(done).toEqual(['a', 'b', 'c']);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

describe('packed data', () => {
  const part = {
    images: 2,
    pixels: 'x',
    bytes: 1,
    questions: [
      [0, 1, 1, 0],
      [0, 0],
    ],
  };
  const packed: PackedData = packedData.parse({
    version: 1,
    classes: ['no', 'yes'],
    texts: ['first?', 'second?'],
    train: part,
    test: part,
  });

  test('become a data set', () => {
    const pixels = new Uint8Array(2 * BYTES).fill(9, BYTES);
    const { examples, classes } = unpack(packed, 'train', pixels);
    expect(classes).toEqual(['no', 'yes']);
    expect(examples.map(({ inputs, label }) => [inputs.image?.id, inputs.text, label])).toEqual([
      ['train/0', 'first?', 'yes'],
      ['train/0', 'second?', 'no'],
      ['train/1', 'first?', 'no'],
    ]);
  });

  test('that do not fit together are refused', () => {
    expect(() => unpack(packed, 'test', new Uint8Array(BYTES))).toThrow('2 pictures');
    const wrong = { ...packed, texts: ['first?'] };
    expect(() => unpack(wrong, 'test', new Uint8Array(2 * BYTES))).toThrow('number 1 of 1');
  });
});

test.each([...strategies.names])('%s composes with the encoders, and is inspected', (name) => {
  const before = tf.memory().numTensors;
  const { parts, parameters } = inspectModel(compose(name, { vocabulary: 28, classes: 13 }), {
    image: { shape: [64, 64, 3], dtype: 'float32' },
    text: { shape: [9], dtype: 'int32' },
  });
  expect(parts.map((part) => part.name)).toEqual(['image', 'text', 'fusion', 'head']);
  expect(parts[3]!.output).toEqual([null, 13]);
  expect(parts[2]!.output).toEqual(parts[3]!.input[0]);
  expect(parts.reduce((sum, part) => sum + part.parameters, 0)).toBe(parameters);
  expect(tf.memory().numTensors).toBe(before);
});

test('contributions are what the answer loses by the mean of the reference', async () => {
  const texts = ['what color is it?', 'is there a circle?'];
  const tokenizer = fitWordTokenizer(texts);
  const labels = ['red', 'blue', 'yes'];
  const model = compose('crossAttention', {
    vocabulary: tokenizer.vocabulary.length,
    classes: labels.length,
  });
  const params = model.init(key(1));
  const one = new Uint8Array(BYTES).map((_, i) => (i * 7) % 256);
  const before = tf.memory().numTensors;
  const asked = asker(
    { model, params, labels, tokenizer: tokenizer.config },
    { pixels: one, texts: texts.slice(0, 1) },
  );
  // The reference is this very picture: replaced by its mean, nothing changes.
  const reply = await asked.answer({ pixels: new Uint8ClampedArray(one), text: texts[1]! });
  expect(reply.contributions.image).toBeCloseTo(0, 5);
  expect(Math.abs(reply.contributions.text!)).toBeGreaterThan(1e-4);
  expect(reply.answers.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  await expect(asked.answer({ pixels: new Uint8ClampedArray(3), text: 'x' })).rejects.toThrow(
    '12288 bytes',
  );
  asked.dispose();
  disposeTree(params);
  expect(tf.memory().numTensors).toBeLessThan(before);
});

test('messages are validated', () => {
  const pixels = new Uint8ClampedArray(BYTES);
  const ask = (question: unknown) => labMessage.safeParse({ type: 'answer', id: 1, question });
  expect(ask({ pixels, text: 'what?' }).success).toBe(true);
  expect(ask({ pixels: pixels.subarray(1), text: 'what?' }).success).toBe(false);
  expect(ask({ pixels, text: ' ' }).success).toBe(false);
  expect(ask({ pixels, text: 'x'.repeat(301) }).success).toBe(false);
  expect(labMessage.safeParse({ type: 'shutdown', id: 1 }).success).toBe(false);
});
