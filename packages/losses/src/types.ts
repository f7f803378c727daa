import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core';

/**
 * How the examples' losses ℓᵢ become the result, with weights wᵢ that are 1 by default:
 * `mean` is Σ wᵢℓᵢ / Σ wᵢ, `sum` is Σ wᵢℓᵢ, `none` is the list of wᵢℓᵢ, `[batch]`.
 */
export type Reduction = 'mean' | 'sum' | 'none';

/** What a reduction gives: a scalar, or `[batch]` for `none`. */
export type Reduced<R extends Reduction> = R extends 'none' ? Tensor1D : Scalar;

export interface LossOptions<R extends Reduction = Reduction> {
  /** See {@link Reduction}. */
  readonly reduction?: R | undefined;
  /** The weight of each example, `[batch]`; 0 = padding. Default: all ones. */
  readonly weight?: Tensor1D | undefined;
}

/** A loss as the registry makes it: its options are settled, only the weights vary. */
export type Loss = (prediction: Tensor, target: Tensor, weight?: Tensor1D) => Scalar;
