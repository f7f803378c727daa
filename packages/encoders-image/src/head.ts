import { type DenseParams, dense, type Key, split } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';

export interface HeadOptions {
  /**
   * What `vector` is: the network's `features`, or with `dense` a linear layer of `width` outputs on
   * them. Default `dense`.
   */
  readonly head?: 'features' | 'dense';
  /** Width of the embedding with `head: 'dense'`; default 128. */
  readonly width?: number;
}

/** The last layer of an encoder, if it has one, and the embedding's width. */
export function headOf({ head = 'dense', width = 128 }: HeadOptions, features: number) {
  const layer = head === 'dense' ? dense({ in: features, out: width }) : undefined;
  return {
    head,
    width: layer ? width : features,
    init: (key: Key): { readonly dense?: DenseParams } =>
      layer ? { dense: layer.init(split(key, 'dense')) } : {},
    apply: (params: { readonly dense?: DenseParams }, x: tf.Tensor2D): tf.Tensor2D =>
      layer ? layer.apply(params.dense!, x) : x,
  };
}
