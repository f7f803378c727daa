import { describe, expect, it } from 'vitest';
import { type FeaturePipeline, fromPipeline } from '../src/index.js';

// The library brings a native runtime and its weights are not at hand, so this is its interface,
// done by hand: what a text's vector is does not matter here.
const seen: [texts: string[], options: unknown][] = [];
const extractor: FeaturePipeline = async (texts, options) => {
  seen.push([texts, options]);
  return { dims: [texts.length, 2], data: texts.flatMap((text) => [text.length, 1]) };
};

describe('fromPipeline', () => {
  it('gives a vector for each input, some at a time', async () => {
    seen.length = 0;
    const vectors = await fromPipeline(extractor, { batchSize: 2 })(['a', 'bb', 'ccc']);
    expect(vectors).toEqual(
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ].map((v) => Float32Array.from(v)),
    );
    expect(seen).toEqual([
      [['a', 'bb'], { pooling: 'mean', normalize: true }],
      [['ccc'], { pooling: 'mean', normalize: true }],
    ]);
    expect(await fromPipeline(extractor)([])).toEqual([]);
  });

  it('hands other options on, and reads integers of 64 bits', async () => {
    const image: FeaturePipeline<URL> = async (_, options) => {
      expect(options).toEqual({ pool: true });
      return { dims: [1, 2], data: [1n, 2n] };
    };
    const embed = fromPipeline(image, { options: { pool: true } });
    expect(await embed([new URL('file:///a.png')])).toEqual([Float32Array.of(1, 2)]);
  });

  it('says what is wrong with tokens that are not pooled', async () => {
    const tokens: FeaturePipeline = async (texts) => ({
      dims: [texts.length, 3, 2],
      data: new Float32Array(texts.length * 6),
    });
    await expect(fromPipeline(tokens)(['a'])).rejects.toThrow(
      "must give [1, width], got [1, 3, 2]; give it options that make one vector of an input's tokens",
    );
    expect(() => fromPipeline(tokens, { batchSize: 0 })).toThrow('batchSize');
  });

  it('stops at the signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(fromPipeline(extractor)(['a'], { signal })).rejects.toThrow('enough');
  });
});
