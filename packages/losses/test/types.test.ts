import {
  crossEntropy,
  halfSquaredError,
  type Loss,
  type LossOptions,
  meanSquaredError,
} from '@chainrule/losses';
import { losses } from '@chainrule/losses/registry';
import * as tf from '@tensorflow/tfjs';
import { expect, expectTypeOf, it } from 'vitest';

it('types the result by the reduction', () => {
  tf.tidy(() => {
    const [z, y] = [tf.ones<tf.Rank.R2>([2, 3]), tf.zeros<tf.Rank.R2>([2, 3])];
    expectTypeOf(halfSquaredError(z, y)).toEqualTypeOf<tf.Scalar>();
    expectTypeOf(halfSquaredError(z, y, {})).toEqualTypeOf<tf.Scalar>();
    expectTypeOf(meanSquaredError(z, y, { reduction: 'sum' })).toEqualTypeOf<tf.Scalar>();
    const each = crossEntropy(z, y, { reduction: 'none', labelSmoothing: 0.1 });
    expectTypeOf(each).toEqualTypeOf<tf.Tensor1D>();
    expect(each.shape).toEqual([2]);
    const options: LossOptions = {};
    expectTypeOf(meanSquaredError(z, y, options)).toEqualTypeOf<tf.Scalar | tf.Tensor1D>();
    // A batch's weight may be absent.
    const weight: tf.Tensor1D | undefined = undefined;
    expectTypeOf(meanSquaredError(z, y, { weight })).toEqualTypeOf<tf.Scalar>();
  });
});

it('makes every loss of one type', () => {
  expectTypeOf(losses.create).returns.toEqualTypeOf<Loss>();
  expectTypeOf(meanSquaredError<'mean'>).toExtend<
    (prediction: tf.Tensor, target: tf.Tensor) => tf.Scalar
  >();
});

it('knows wrong options at compile time', () => {
  expectTypeOf<{ reduction: 'max' }>().not.toExtend<LossOptions>();
  expectTypeOf<string>().not.toExtend<Parameters<typeof crossEntropy>[0]>();
});
