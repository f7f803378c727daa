import {
  childContext,
  type DenseParams,
  type Key,
  layerNorm,
  type NormParams,
  split,
  type TransformerLayerParams,
  transformerLayer,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedMean } from '../missing.js';
import { modalities } from '../modalities.js';
import {
  checkSizes,
  defaultHeads,
  each,
  joined,
  positioned,
  readTokenWidths,
  repeated,
  sequence,
  type TransformerFusionOptions,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion } from '../types.js';

export interface BottleneckOptions extends TransformerFusionOptions {
  /** How many bottleneck tokens; default 4. */
  readonly bottlenecks?: number;
}
export type BottleneckParams = {
  /** The bottleneck tokens, `[bottlenecks, width]`. */
  readonly bottleneck: tf.Tensor2D;
  /** The class token of each modality, `[1, width]`. */
  readonly summaries: { readonly [modality: string]: tf.Tensor2D };
  readonly tokens: { readonly [modality: string]: DenseParams };
  readonly layers: { readonly [modality: string]: readonly TransformerLayerParams[] };
  readonly norm: NormParams;
};
export type BottleneckConfig = { readonly type: 'bottleneck' } & Required<BottleneckOptions>;

/**
 * Multimodal bottleneck transformer (MBT): each modality has a transformer of its own, and all that
 * passes between them goes through a few bottleneck tokens.
 *
 * z = meanᵢ LN(Xᵢ^L)₀,  [Xᵢ^l; Bᵢ] = layerᵢ^l([Xᵢ^(l−1); B^(l−1)]),  B^l = meanᵢ Bᵢ,
 *
 * with Xᵢ⁰ = [cᵢ; PᵢTᵢ + eᵢ + s]: a class token, then the tokens with sinusoidal positions. Padding
 * is not seen. A modality that an example lacks (`present`) has no part in the means; of none, z is
 * 0.
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Nagrani et al., Attention bottlenecks for multimodal fusion (2021), fused from the first
 * layer; the paper averages logits, which is the same before a linear head.
 *
 * @throws ChainruleError `OPTION` where heads does not divide width; from `apply`, `TOKENS` where
 * an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`; `MISSING_KEY` when training with
 * dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { bottleneck } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = bottleneck({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function bottleneck({
  widths: given,
  tokenWidths: givenTokens,
  width = widest(given),
  layers = 2,
  heads = defaultHeads(width),
  dropout = 0,
  bottlenecks = 4,
}: BottleneckOptions): Fusion<BottleneckParams, BottleneckConfig> {
  const where = 'fusion.bottleneck';
  const { names, widths, available } = modalities(where, given);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  checkSizes(where, { width, layers, bottlenecks });
  const projection = tokenProjection(names, tokenWidths, width);
  const layer = transformerLayer({ width, heads, dropout });
  const norm = layerNorm({ width });
  const numbers = Array.from({ length: layers }, (_, l) => l);
  const learned = (key: Key, rows: number) => truncatedNormal()(key, [rows, width]) as tf.Tensor2D;
  const options = { width, layers, heads, dropout, bottlenecks };
  return {
    config: { type: 'bottleneck', widths, tokenWidths, ...options },
    width,
    acceptsMissing: true,
    init: (key) => ({
      bottleneck: learned(split(key, 'bottleneck'), bottlenecks),
      summaries: each(names, (name) => learned(split(split(key, 'summaries'), name), 1)),
      tokens: projection.init(split(key, 'tokens')),
      layers: each(names, (name) =>
        numbers.map((l) => layer.init(split(split(split(key, 'layers'), name), l))),
      ),
      norm: norm.init(split(key, 'norm')),
    }),
    apply: (params, embeddings, context = {}) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const batch = vectors[0]!.shape[0];
        const streams = names.map((name) => {
          const own = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
          return joined([
            { tokens: repeated(params.summaries[name]!, batch) },
            positioned(projection.apply(params.tokens, name, own)),
          ]);
        });
        let shared = repeated(params.bottleneck, batch);
        const run = (i: number, l: number, outputs?: number): tf.Tensor3D => {
          const input = {
            ...joined([streams[i]!, { tokens: shared }]),
            ...(outputs && { outputs }),
          };
          const own = params.layers[names[i]!]![l]!;
          return layer.apply(own, input, childContext(context, `${names[i]!}/${l}`));
        };
        for (const l of numbers.slice(0, -1)) {
          const seen = streams.map((stream, i) => {
            const output = run(i, l);
            const count = stream.tokens.shape[1];
            streams[i] = { ...stream, tokens: tf.slice(output, [0, 0, 0], [-1, count, -1]) };
            return tf.slice(output, [0, count, 0], [-1, bottlenecks, -1]);
          });
          shared = maskedMean(seen, present);
        }
        // Of the last layer only the class tokens are asked for.
        const summaries = streams.map((_, i) => {
          const summary = tf.reshape(run(i, layers - 1, 1), [batch, width]) as tf.Tensor2D;
          return norm.apply(params.norm, summary);
        });
        return maskedMean(summaries, present);
      }),
  };
}
