import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { hasKernel, runKernel } from './kernels.js';
import type { Module, Params } from './module.js';
import { checkChannels, checkPositive, checkPositiveInteger } from './shapes.js';

/**
 * The kernel by which a backend may normalise a batch in one pass. Inputs `{ x, scale, offset }`,
 * x `[n, h, w, c]`; attributes `{ epsilon }`. Outputs `[y, mean, variance, ...reserve]`, where
 * variance is the unbiased one (divided by n − 1) and reserve goes to the gradient's kernel as it is.
 */
export const FUSED_BATCH_NORM = 'FusedBatchNormTraining';
/**
 * Its gradient. Inputs `{ dy, x, scale, r0, r1, … }` with the reserve; attributes `{ epsilon }`.
 * Outputs `[dx, dscale, doffset]`.
 */
export const FUSED_BATCH_NORM_GRADIENT = 'FusedBatchNormTrainingGrad';

export interface BatchNormOptions {
  /** Size of the last axis of the input. */
  readonly width: number;
  /** Weight of the new batch in the running statistics; default 0.1. */
  readonly momentum?: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

export interface BatchNormParams extends Params {
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
  readonly statistics: { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D };
}

export type BatchNormConfig = { readonly type: 'batchNorm' } & Required<BatchNormOptions>;

/**
 * Batch normalisation (Ioffe and Szegedy, 2015) of each channel (the last axis):
 * y = scale·(x − μ)/√(σ² + ε) + offset, with the batch's own mean and variance in training and the
 * running ones otherwise. `[batch, …, width]` → the same.
 *
 * In training the running statistics are reported by `context.update`:
 * r ← (1 − momentum)·r + momentum·batch, the variance unbiased, as in PyTorch. Every row counts,
 * padding too, so a batch should hold real examples only.
 *
 * @throws ChainruleError `SHAPE` for another last axis, or a single value per channel in training.
 *
 * @example
 * const norm = batchNorm({ width: 16 });
 * const params = norm.init(key(0));
 * const y = norm.apply(params, tf.ones([8, 32, 32, 16]), { training: true, update });
 */
export function batchNorm<T extends tf.Tensor = tf.Tensor4D>(
  options: BatchNormOptions,
): Module<T, T, BatchNormParams, BatchNormConfig> {
  const config: BatchNormConfig = { type: 'batchNorm', momentum: 0.1, epsilon: 1e-5, ...options };
  const { width, momentum, epsilon } = config;
  checkPositiveInteger('tensor.batchNorm', 'width', width);
  checkPositive('tensor.batchNorm', 'epsilon', epsilon);
  return {
    config,
    init: () => ({
      scale: tf.ones([width]),
      offset: tf.zeros([width]),
      statistics: { mean: tf.zeros([width]), variance: tf.ones([width]) },
    }),
    apply(params, x, context = {}) {
      checkChannels('tensor.batchNorm', x, width);
      const { scale, offset, statistics } = params;
      return tf.tidy(() => {
        if (context.training !== true) {
          const { mean, variance } = statistics;
          return tf.batchNorm(x, mean, variance, offset, scale, epsilon) as T;
        }
        const [y, mean, variance] = normalizeBatch(x, scale, offset, epsilon);
        if (context.update !== undefined) {
          const move = (running: tf.Tensor, batch: tf.Tensor) =>
            tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum));
          context.update(statistics.mean, move(statistics.mean, mean));
          context.update(statistics.variance, move(statistics.variance, variance));
        }
        return y;
      });
    },
  };
}

/** The normalised batch, its mean and its unbiased variance; only the first carries a gradient. */
function normalizeBatch<T extends tf.Tensor>(
  x: T,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
): [y: T, mean: tf.Tensor, variance: tf.Tensor] {
  const rows = x.size / scale.size;
  if (rows < 2) {
    throw new ChainruleError(
      'SHAPE',
      `tensor.batchNorm: training needs two or more values per channel, got [${x.shape.join(', ')}]; use a larger batch`,
    );
  }
  const fused = hasKernel(FUSED_BATCH_NORM);
  let statistics: tf.Tensor[] = [];
  const op = tf.customGrad((...args) => {
    const [input, gamma, beta] = args as tf.Tensor[] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    const save = args[3] as tf.GradSaveFunc;
    const [y, mean, variance, ...reserve] = fused
      ? forwardFused(input, gamma, beta, epsilon)
      : forward(input, gamma, beta, epsilon);
    // customGrad returns one tensor and disposes the others.
    statistics = [tf.keep(mean!), tf.keep(variance!)];
    save([input, gamma, ...reserve]);
    return {
      value: y!,
      gradFunc: (dy: tf.Tensor, [saved, savedGamma, ...kept]: tf.Tensor[]) =>
        fused
          ? backwardFused(dy, saved!, savedGamma!, kept, epsilon)
          : backward(dy as tf.Tensor4D, saved as tf.Tensor4D, savedGamma!, kept, epsilon),
    };
  });
  const flat = x.rank === 4 ? x : tf.reshape(x, [rows, 1, 1, scale.size]);
  const y = op(flat, scale, offset);
  // Copies live as long as the caller's tidy.
  const [mean, variance] = statistics.map((kept) => tf.clone(kept));
  tf.dispose(statistics);
  return [tf.reshape(y, x.shape) as T, mean!, variance!];
}

function forwardFused(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: number) {
  return runKernel(FUSED_BATCH_NORM, { x, scale, offset }, { epsilon });
}

function backwardFused(
  dy: tf.Tensor,
  x: tf.Tensor,
  scale: tf.Tensor,
  reserve: readonly tf.Tensor[],
  epsilon: number,
): tf.Tensor[] {
  const numbered = Object.fromEntries(reserve.map((tensor, i) => [`r${i}`, tensor]));
  const inputs = { dy, x, scale, ...numbered };
  return runKernel(FUSED_BATCH_NORM_GRADIENT, inputs, { epsilon });
}

/** The same outputs from operations that every backend has; the reserve is the biased mean and variance. */
function forward(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
): tf.Tensor[] {
  const rows = x.size / scale.size;
  const matrix = tf.reshape(x, [rows, scale.size]);
  const mean = tf.mean<tf.Tensor1D>(matrix, 0);
  const variance = tf.mean<tf.Tensor1D>(tf.square(tf.sub(matrix, mean)), 0);
  const y = tf.batchNorm4d(x, mean, variance, offset, scale, epsilon);
  return [y, mean, tf.mul(variance, rows / (rows - 1)), mean, variance];
}

/**
 * With x̂ = (x − μ)/√(σ² + ε) over n rows: doffset = Σ dy, dscale = Σ dy·x̂,
 * dx = scale/√(σ² + ε) · (dy − doffset/n − x̂·dscale/n). Both subtracted terms are one batch norm of x.
 */
function backward(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  scale: tf.Tensor,
  reserve: readonly tf.Tensor[],
  epsilon: number,
): tf.Tensor[] {
  const [mean, variance] = reserve as [tf.Tensor1D, tf.Tensor1D];
  const rows = x.size / scale.size;
  const sum = (tensor: tf.Tensor) => tf.sum<tf.Tensor1D>(tf.reshape(tensor, [rows, scale.size]), 0);
  const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, epsilon)));
  const normalized = tf.batchNorm4d(x, mean, variance, undefined, undefined, epsilon);
  const dscale = sum(tf.mul(dy, normalized));
  const doffset = sum(dy);
  const share = (total: tf.Tensor1D) => tf.mul<tf.Tensor1D>(tf.mul(total, factor), -1 / rows);
  const rest = tf.batchNorm4d(x, mean, variance, share(doffset), share(dscale), epsilon);
  return [tf.add(tf.mul(dy, factor), rest), dscale, doffset];
}
