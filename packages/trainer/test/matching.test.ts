import '@tensorflow/tfjs';
import { expectClose, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { brierScore, expectedCalibrationError, matching, rocAuc } from '../src/index.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

interface Case {
  readonly about: string;
  readonly probabilities: number[];
  readonly labels: number[];
  readonly bins: number;
  readonly rocAuc: number;
  readonly brierScore: number;
  readonly expectedCalibrationError: number;
}
const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'binary.json');

describe('matching', () => {
  it('reports loss, accuracy and Brier score, without padding', () => {
    tf.tidy(() => {
      // σ(log 3) = 0.75.
      const logits = tf.tensor2d([[Math.log(3)], [Math.log(3)], [-9]]);
      const found = matching().measure(
        logits,
        tf.tensor1d([1, 0, 1], 'int32'),
        tf.tensor1d([1, 1, 0]),
      );
      expectClose(found.loss, (-Math.log(0.75) - Math.log(0.25)) / 2);
      expectClose(found.accuracy!, 0.5);
      expectClose(found.brier!, (0.0625 + 0.5625) / 2);
    });
  });

  it('wants one number an example', async () => {
    const wrong = await failure(() => matching().measure(tf.zeros([2, 3]), tf.tensor1d([0, 1])));
    expect(wrong.message).toBe(
      "trainer.matching: the head's output must be [batch, 1], got [2, 3]",
    );
  });
});

describe.each(cases)('of scikit-learn: $about', (reference) => {
  const { probabilities, labels, bins } = reference;

  it('has the area, the score and the error', () => {
    expect(rocAuc(probabilities, labels)).toBeCloseTo(reference.rocAuc, 10);
    expect(brierScore(probabilities, labels)).toBeCloseTo(reference.brierScore, 10);
    const error = expectedCalibrationError(probabilities, labels, { bins });
    expect(error).toBeCloseTo(reference.expectedCalibrationError, 10);
  });

  it('has the same area for logits', () => {
    const logits = probabilities.map((p) => Math.log(p / (1 - p)));
    expect(rocAuc(logits, labels)).toBeCloseTo(reference.rocAuc, 10);
  });
});

it('says what is wrong with predictions', async () => {
  const messageOf = async (f: () => number) => (await failure(f)).message;
  expect(await messageOf(() => rocAuc([0.1, 0.2], [1, 1]))).toContain('the labels are all 1');
  expect(await messageOf(() => rocAuc([0.1], [1, 0]))).toContain('got 1 scores and 2 labels');
  expect(await messageOf(() => rocAuc([], []))).toContain('one or more');
  expect(await messageOf(() => rocAuc([Number.NaN, 1], [1, 0]))).toContain('score 0 is NaN');
  expect(await messageOf(() => brierScore([0.1], [2]))).toContain('must be 0 or 1, got 2');
  expect(await messageOf(() => brierScore([3], [1]))).toContain('give the sigmoid of logits');
});
