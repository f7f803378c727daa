import { filmBlocks } from '@chainrule/fusion';
import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { expectTwins, outputAndGradients } from './twins.js';

beforeAll(async () => {
  await import('@tensorflow/tfjs');
  await useNative();
});

/** z and the gradients of a small stack of FiLM blocks with the present backend, as numbers. */
function numbers(batch: number, tokens: number, hidden: number) {
  const fusion = filmBlocks({
    widths: { image: 8, text: 6 },
    tokenWidths: { image: 5 },
    hidden,
    residual: true,
  });
  const values = (name: string, size: number) => normalArray(split(key(4), name), size);
  const image = tf.tensor3d(values('tokens', batch * tokens * 5), [batch, tokens, 5]);
  const given = {
    params: fusion.init(key(1)),
    text: tf.tensor2d(values('text', batch * 6), [batch, 6]),
  };
  const run = ({ params, text }: typeof given) =>
    fusion.apply(params, {
      image: { vector: tf.zeros([batch, 8]), tokens: image },
      text: { vector: text },
    });
  const weights = tf.tensor2d(values('weights', batch * fusion.width), [batch, fusion.width]);
  return outputAndGradients(run, given, weights);
}

describe('modulation in one pass', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each([
    [3, 7, 16],
    [2, 4, 48],
    // So much that several threads share it.
    [90, 49, 32],
  ])('agrees with plain operations: %i × %i × %i', async (batch, tokens, hidden) => {
    expect(tf.getKernel('Modulate', 'tensorflow')).toBeDefined();
    await expectTwins(
      () => numbers(batch, tokens, hidden),
      (largest) => 1e-5 * largest,
    );
  });
});
