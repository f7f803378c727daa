import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from '../kernel.js';
import { convolutionInfo } from './convolution.js';

/**
 * The gradient of a convolution's filter, ∂W[i, j] = Σ over examples and positions of
 * x[y·s + i, x·s + j]ᵀ · ∂y[y, x]: for each place in the window one product of the shifted input
 * with dy.
 */
export const conv2dBackpropFilter: TrainingKernel = {
  name: tf.Conv2DBackpropFilter,
  compute: ({ inputs, attrs }) => {
    const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
    const filterShape = attrs.filterShape as [number, number, number, number];
    const info = convolutionInfo(attrs, x.shape, filterShape);
    const { batchSize, outHeight, outWidth, strideHeight, strideWidth, padInfo } = info;
    const positions = batchSize * outHeight * outWidth;
    return tf.tidy(() => {
      const padded = tf.pad(x, [
        [0, 0],
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
        [0, 0],
      ]);
      const gradient = tf.reshape(dy, [positions, info.outChannels]);
      const products: tf.Tensor[] = [];
      for (let i = 0; i < info.filterHeight; i++) {
        for (let j = 0; j < info.filterWidth; j++) {
          const shifted = tf.stridedSlice(
            padded,
            [0, i, j, 0],
            [
              batchSize,
              i + (outHeight - 1) * strideHeight + 1,
              j + (outWidth - 1) * strideWidth + 1,
              info.inChannels,
            ],
            [1, strideHeight, strideWidth, 1],
          );
          const columns = tf.transpose(tf.reshape(shifted, [positions, info.inChannels]));
          products.push(tf.matMul(columns, gradient));
        }
      }
      return tf.reshape(tf.stack(products), filterShape);
    });
  },
};
