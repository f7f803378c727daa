import type { FusionOptions } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { expectTwins, outputAndGradients } from './twins.js';

beforeAll(async () => {
  await import('@tensorflow/tfjs');
  await useNative();
});

const two = { image: 24, text: 20 };
/** A strategy, its options, and how closely both agree. */
const cases = [
  ['mutan', { widths: two, hidden: 8, rank: 3, width: 21 }, 1e-5],
  // 48 in each of two terms: a multiple of 16, and so much of it that threads share it.
  ['mutan', { widths: two, hidden: 8, rank: 2, width: 48 }, 1e-5],
  ['lmf', { widths: { ...two, sound: 7 }, rank: 4, width: 10 }, 1e-5],
  // Its normalisation is steep around 0, where any rounding shows.
  ['block', { widths: two, blocks: 4, blockWidth: 6, rank: 5, width: 9 }, 1e-2],
] as const;

/** z and the gradients of a strategy with the present backend, as numbers. */
function numbers(name: string, options: FusionOptions, batch: number) {
  const fusion = strategies.create(name, options);
  const widths = Object.entries(options.widths);
  const given = {
    params: fusion.init(key(1)),
    inputs: Object.fromEntries(
      widths.map(([name, width]) => [
        name,
        tf.tensor2d(normalArray(split(key(4), name), batch * width), [batch, width]),
      ]),
    ),
  };
  const run = ({ params, inputs }: typeof given) =>
    fusion.apply(
      params,
      Object.fromEntries(Object.entries(inputs).map(([name, vector]) => [name, { vector }])),
    );
  const weights = tf.tensor2d(normalArray(key(5), batch * fusion.width), [batch, fusion.width]);
  return outputAndGradients(run, given, weights);
}

describe('sums of products in one pass', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each(cases)('agree with plain operations: %s, %j', async (name, options, within) => {
    expect(tf.getKernel('FactorSum', 'tensorflow')).toBeDefined();
    await expectTwins(
      () => numbers(name, options, 700),
      (largest) => within * largest,
    );
  });
});
