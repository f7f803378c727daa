import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from '../kernel.js';
import { convolutionInfo } from './convolution.js';

/**
 * The gradient of a convolution's input: the convolution of dy, with zeros between its rows and
 * columns where the stride is above 1, with the filter turned by 180° and its channels exchanged.
 */
export const conv2dBackpropInput: TrainingKernel = {
  name: tf.Conv2DBackpropInput,
  compute: ({ inputs, attrs }) => {
    const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
    const info = convolutionInfo(attrs, attrs.inputShape as number[], filter.shape);
    const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
    return tf.tidy(() => {
      const spread = dilate(dilate(dy, 1, strideHeight), 2, strideWidth);
      const top = filterHeight - 1 - padInfo.top;
      const left = filterWidth - 1 - padInfo.left;
      // Rows and columns that no window reached leave more than the mirrored padding.
      const bottom = info.inHeight + filterHeight - 1 - top - spread.shape[1];
      const right = info.inWidth + filterWidth - 1 - left - spread.shape[2];
      const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
      // Padding wider than the window takes part of dy away, which a convolution does not do.
      const [y, pads] = [top, bottom, left, right].some((pad) => pad < 0)
        ? crop(spread, top, bottom, left, right)
        : [spread, [top, bottom, left, right] as const];
      return tf.conv2d(y, turned, 1, [
        [0, 0],
        [pads[0], pads[1]],
        [pads[2], pads[3]],
        [0, 0],
      ]);
    });
  },
};

/** Puts `stride − 1` zeros between neighbours along an axis. */
function dilate(x: tf.Tensor4D, axis: 1 | 2, stride: number): tf.Tensor4D {
  if (stride === 1) return x;
  const { shape } = x;
  const paddings = shape.map((): [number, number] => [0, 0]);
  const apart = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
  const filled = tf.pad(tf.reshape(x, apart), [
    ...paddings.slice(0, axis + 1),
    [0, stride - 1],
    ...paddings.slice(axis + 1),
  ]);
  const long = [...shape];
  long[axis] = shape[axis]! * stride;
  const size = [...long];
  size[axis] = long[axis]! - (stride - 1);
  return tf.slice(tf.reshape(filled, long), [0, 0, 0, 0], size) as tf.Tensor4D;
}

type Sides = readonly [top: number, bottom: number, left: number, right: number];

function crop(x: tf.Tensor4D, ...sides: [number, number, number, number]): [tf.Tensor4D, Sides] {
  const cut = sides.map((pad) => Math.max(0, -pad)) as [number, number, number, number];
  const [batch, height, width, channels] = x.shape;
  const size = [batch, height - cut[0] - cut[1], width - cut[2] - cut[3], channels] as const;
  const rest = sides.map((pad) => Math.max(0, pad)) as unknown as Sides;
  return [tf.slice(x, [0, cut[0], cut[2], 0], [...size]), rest];
}
