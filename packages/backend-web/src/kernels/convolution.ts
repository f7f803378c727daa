import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { KernelArgs } from '../kernel.js';

type Shape4D = [number, number, number, number];
export type ConvolutionInfo = tf.backend_util.Conv2DInfo;

/** What both gradients of a convolution are told of it: sizes, strides and padding. */
export function convolutionInfo(
  attrs: KernelArgs['attrs'],
  inputShape: readonly number[],
  filterShape: readonly number[],
): ConvolutionInfo {
  const { strides, pad, dataFormat, dimRoundingMode } = attrs as unknown as Pick<
    tf.Conv2DBackpropInputAttrs,
    'strides' | 'pad' | 'dataFormat' | 'dimRoundingMode'
  >;
  if (dataFormat !== 'NHWC') {
    throw new ChainruleError(
      'OPTION',
      `backend-web: a convolution's gradient expects dataFormat NHWC, got ${dataFormat}; transpose the input`,
    );
  }
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    1,
    pad,
    dimRoundingMode,
    false,
    'channelsLast',
  );
}
