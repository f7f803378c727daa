import {
  type BatchNormParams,
  batchNorm,
  type Context,
  type DenseParams,
  dense,
  type Key,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { softmaxAcross } from './factors.js';

/** Dense, batch norm, ReLU, dense, batch norm. */
type AttentionBranchParams = {
  readonly down: DenseParams;
  readonly downNorm: BatchNormParams;
  readonly up: DenseParams;
  readonly upNorm: BatchNormParams;
};
/** The multi-scale channel attention of each modality; of two modalities only the first has one. */
export type SelectionParams = {
  readonly [modality: string]: {
    readonly local: AttentionBranchParams;
    readonly global: AttentionBranchParams;
  };
};

/** Soft selection: the attention on some features weighs the modalities, element by element. */
export interface Selection {
  init(key: Key): SelectionParams;
  /** Σᵢ Mᵢ(features) ⊙ xᵢ. */
  apply(
    params: SelectionParams,
    features: tf.Tensor2D,
    vectors: readonly tf.Tensor2D[],
    context?: Context,
  ): tf.Tensor2D;
}

/** The step that `aff` takes once and `iaff` twice. The inner width is width / reduction, rounded up. */
export function selection(names: readonly string[], width: number, reduction: number): Selection {
  const inner = Math.ceil(width / reduction);
  const down = dense({ in: width, out: inner, bias: false });
  const downNorm = batchNorm<tf.Tensor2D>({ width: inner });
  const up = dense({ in: inner, out: width, bias: false });
  const upNorm = batchNorm<tf.Tensor2D>({ width });
  const tied = names.length === 2;
  const attending = tied ? names.slice(0, 1) : names;
  const initBranch = (key: Key): AttentionBranchParams => ({
    down: down.init(split(key, 'down')),
    downNorm: downNorm.init(split(key, 'downNorm')),
    up: up.init(split(key, 'up')),
    upNorm: upNorm.init(split(key, 'upNorm')),
  });
  const branch = (params: AttentionBranchParams, x: tf.Tensor2D, context?: Context) => {
    const hidden = downNorm.apply(params.downNorm, down.apply(params.down, x), context);
    return upNorm.apply(params.upNorm, up.apply(params.up, tf.relu(hidden)), context);
  };
  return {
    init: (key) =>
      Object.fromEntries(
        attending.map((name) => {
          const source = split(key, name);
          const local = initBranch(split(source, 'local'));
          return [name, { local, global: initBranch(split(source, 'global')) }];
        }),
      ),
    apply: (params, features, xs, context) => {
      const attention = attending.map((name) => {
        const { local, global } = params[name]!;
        return tf.add(branch(local, features, context), branch(global, features, context));
      });
      if (tied) {
        // x₂ + M(x₁ − x₂) is M x₁ + (1 − M) x₂ with one operation less.
        const [first, second] = xs as [tf.Tensor2D, tf.Tensor2D];
        const selected = tf.mul(tf.sigmoid(attention[0]!), tf.sub(first, second));
        return tf.add<tf.Tensor2D>(second, selected);
      }
      return softmaxAcross(attention)
        .map((weight, i) => tf.mul(weight, xs[i]!) as tf.Tensor2D)
        .reduce((z, x) => tf.add(z, x));
    },
  };
}
