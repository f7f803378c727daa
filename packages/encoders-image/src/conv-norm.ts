import {
  type BatchNormParams,
  batchNorm,
  type Context,
  heNormal,
  type Module,
  type Params,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What batch norm does while training: use and update the batch's own statistics (`train`), or keep
 * the running ones as they are (`frozen`), which suits fine-tuning. Scale and offset learn in both.
 */
export type NormMode = 'train' | 'frozen';

export interface ConvNormOptions {
  readonly in: number;
  readonly out: number;
  /** Side of the window. */
  readonly kernel: number;
  readonly stride: number;
  /** One filter a channel; `out` must be `in`. */
  readonly depthwise?: boolean;
  /** Where zeros go: as TensorFlow pads (`same`), or as many on each side, as PyTorch (`symmetric`). */
  readonly padding: 'same' | 'symmetric';
  readonly norm: NormMode;
  readonly momentum: number;
  readonly epsilon: number;
}

export interface ConvNormParams extends Params {
  /** `[kernel, kernel, in, out]`, of a depthwise convolution `[kernel, kernel, in, 1]`. */
  readonly kernel: tf.Tensor4D;
  readonly norm: BatchNormParams;
}

/**
 * A convolution without bias and its batch norm. `[batch, h, w, in]` → `[batch, h', w', out]`.
 *
 * With running statistics the norm is folded into the convolution, which spares a pass over its
 * output: the kernel is multiplied by s = scale/√(variance + ε), and offset − mean·s is its bias.
 * Gradients reach kernel, scale and offset all the same.
 */
export function convNorm(
  options: ConvNormOptions,
): Omit<Module<tf.Tensor4D, tf.Tensor4D, ConvNormParams>, 'config'> {
  const { in: channels, out, kernel: side, stride, depthwise = false, padding } = options;
  const { momentum, epsilon } = options;
  const norm = batchNorm({ width: out, momentum, epsilon });

  function convolve(x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
    // With stride 1 and an odd window both ways of padding are the same.
    const explicit = padding === 'symmetric' && stride > 1 && side > 1;
    const pad = (side - 1) >> 1;
    const sides: [number, number] = [pad, pad];
    const given = explicit ? tf.pad(x, [[0, 0], sides, sides, [0, 0]]) : x;
    const mode = explicit ? 'valid' : 'same';
    return depthwise
      ? tf.depthwiseConv2d(given, kernel, stride, mode)
      : tf.conv2d(given, kernel, stride, mode);
  }

  return {
    init: (key) => ({
      // A depthwise kernel [k, k, in, 1] has the fans of k² inputs.
      kernel: depthwise
        ? (tf.tidy(() =>
            tf.reshape(heNormal(split(key, 'kernel'), [side * side, out]), [side, side, out, 1]),
          ) as tf.Tensor4D)
        : (heNormal(split(key, 'kernel'), [side, side, channels, out]) as tf.Tensor4D),
      norm: norm.init(split(key, 'norm')),
    }),
    apply: (params, x, context: Context = {}) =>
      tf.tidy(() => {
        if (context.training === true && options.norm === 'train') {
          return norm.apply(params.norm, convolve(x, params.kernel), context);
        }
        const { scale, offset, statistics } = params.norm;
        const factor = tf.mul(scale, tf.rsqrt(tf.add(statistics.variance, epsilon)));
        const kernel = tf.mul(params.kernel, depthwise ? tf.reshape(factor, [out, 1]) : factor);
        const bias = tf.sub(offset, tf.mul(statistics.mean, factor));
        return tf.add(convolve(x, kernel as tf.Tensor4D), bias) as tf.Tensor4D;
      }),
  };
}

/**
 * min(max(x, 0), 6). Its gradient is dy·[y·(6 − y) > 0]: an expression that the native compiler
 * knows as one operation, where the tape's would be five passes over memory.
 */
export const relu6 = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
  const y = tf.relu6(x);
  save([y]);
  return {
    value: y,
    gradFunc: (dy: tf.Tensor, [y]: tf.Tensor[]) => tf.mul(dy, tf.step(tf.mul(y!, tf.sub(6, y!)))),
  };
}) as (x: tf.Tensor4D) => tf.Tensor4D;
