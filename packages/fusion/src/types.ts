import type { Config, Embeddings, Module, Params } from '@chainrule/tensor';
import type { Tensor2D } from '@tensorflow/tfjs-core';

/** The width of each modality's vector: `{ image: 128, text: 128 }`. */
export type Widths = { readonly [modality: string]: number };

/** What every strategy takes. `{ widths }` alone is enough for each of them. */
export interface FusionOptions {
  /** The width of each modality's vector: `{ image: encoder.width, text: encoder.width }`. */
  readonly widths: Widths;
  /** The width of z; its default is each strategy's own. */
  readonly width?: number;
}

/** What a strategy that reads tokens takes. */
export interface TokenFusionOptions extends FusionOptions {
  /** The width of the tokens, by modality, where it differs from that of the vector. */
  readonly tokenWidths?: Widths;
}

/** A module from the embeddings of several modalities to one vector z, `[batch, width]`. */
export interface Fusion<P extends Params = Params, C extends Config = Config>
  extends Module<Embeddings, Tensor2D, P, C> {
  /** The width of z. */
  readonly width: number;
  /** True where examples may lack modalities: the embeddings' `present` masks are used. */
  readonly acceptsMissing?: true;
}

/** What swapping one strategy for another by a word relies on: each factory has this type. */
export type FusionFactory = (options: {
  readonly widths: Widths;
  readonly tokenWidths?: Widths;
}) => Fusion;

/** The config of a strategy that has no options but the common ones. */
export type FusionConfig<Type extends string> = {
  readonly type: Type;
  readonly widths: Widths;
  readonly width?: number;
};
