import '@chainrule/backend-node';
import { disposeTree } from '@chainrule/tensor';
import { loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embedTexts, miniLm } from '../src/index.js';
import { type MiniLm, miniLmWeights } from '../src/node.js';

interface Row {
  readonly text: string;
  readonly ids: number[];
  readonly vector: number[];
}
const { maxLength, rows } = loadFixture<{ miniLm: { maxLength: number; rows: Row[] } }>(
  import.meta.url,
  'bert.json',
).miniLm;

// The real weights, fetched once a machine.
let weights: MiniLm;
beforeAll(async () => {
  weights = await miniLmWeights({ maxLength });
}, 120_000);
afterAll(() => disposeTree(weights.params));

describe('miniLmWeights', () => {
  const encoder = miniLm();
  const embed = (ids: tf.Tensor2D) => encoder.apply(weights.params, ids).vector;

  it('reads texts as Python does, cuts long ones and keeps the mark of the end', () => {
    for (const { text, ids } of rows) expect(weights.tokenizer.encode(text)).toEqual(ids);
    expect(rows.at(-1)!.ids).toHaveLength(maxLength);
    expect(rows.at(-1)!.ids.at(-1)).toBe(102);
    // An empty text is [CLS] and [SEP] alone.
    expect(weights.tokenizer.encode('')).toEqual([101, 102]);
  });

  it('has the sentence embeddings of PyTorch', async () => {
    const before = tf.memory().numTensors;
    const texts = rows.map(({ text }) => text);
    const vectors = await embedTexts(embed, weights.tokenizer, texts, { batchSize: 3 });
    let worst = 0;
    rows.forEach(({ vector }, i) => {
      vector.forEach((x, k) => {
        worst = Math.max(worst, Math.abs(x - vectors[i]![k]!));
      });
    });
    expect(worst).toBeLessThan(1e-5);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('knows what means the like', async () => {
    const texts = ['a cat sits on the mat', 'a kitten rests on the rug', 'stocks fell sharply'];
    const [a, b, c] = await embedTexts(embed, weights.tokenizer, texts);
    const cosine = (x: Float32Array, y: Float32Array) =>
      x.reduce((sum, n, i) => sum + n * y[i]!, 0);
    expect(cosine(a!, b!)).toBeGreaterThan(0.5);
    expect(cosine(a!, c!)).toBeLessThan(0.2);
  });

  it('refuses a length that the model does not reach', async () => {
    await expect(miniLmWeights({ maxLength: 513 })).rejects.toThrow(
      'encoders-text.miniLmWeights: maxLength must be an integer from 2 to 512',
    );
  });
});

describe('embedTexts', () => {
  it('gives nothing for no texts and stops at the signal', async () => {
    const embed = () => tf.zeros<tf.Rank.R2>([1, 2]);
    expect(await embedTexts(embed, weights.tokenizer, [])).toEqual([]);
    await expect(
      embedTexts(embed, weights.tokenizer, ['a'], {
        signal: AbortSignal.abort(new Error('enough')),
      }),
    ).rejects.toThrow('enough');
  });
});
