import { checkPositiveInteger, glorotUniform, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { bilinearForm } from '../factors.js';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface BilinearOptions extends FusionOptions {
  /** The width of z. Default: the widest modality's, but at most 64, for W has width³ numbers. */
  readonly width?: number;
}
export type BilinearParams = {
  /** W of each pair, `[widthᵢ, widthⱼ, width]`, as `kernels.image.text`, in alphabetical order. */
  readonly kernels: { readonly [first: string]: { readonly [second: string]: tf.Tensor3D } };
  /** `[width]`. */
  readonly bias: tf.Tensor1D;
};
export type BilinearConfig = {
  readonly type: 'bilinear';
  readonly widths: Widths;
  readonly width: number;
};

/**
 * Full bilinear fusion: each element of z is a bilinear form of its own.
 *
 * z = xᵀ W y + b, that is zₖ = Σₘₙ xₘ Wₘₙₖ yₙ + bₖ.
 *
 * It is the most general interaction of second order, which `mlb`, `mfb`, `mutan`, `block` and
 * `mcb` approximate with far fewer parameters. Of more than two modalities it is the sum over all
 * pairs, z = Σᵢ﹤ⱼ xᵢᵀ Wᵢⱼ xⱼ + b; `lmf` and `tfn` have products of all.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Tenenbaum and Freeman, Separating style and content with bilinear models (2000);
 * PyTorch `nn.Bilinear`.
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or a width is not a
 * positive integer; from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is
 * not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { bilinear } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = bilinear({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function bilinear({
  widths: given,
  width = Math.min(64, Math.max(...Object.values(given))),
}: BilinearOptions): Fusion<BilinearParams, BilinearConfig> {
  const where = 'fusion.bilinear';
  const { names, widths, vectors } = modalities(where, given, 2);
  checkPositiveInteger(where, 'width', width);
  const firsts = names.slice(0, -1);
  return {
    config: { type: 'bilinear', widths, width },
    width,
    init: (key) => ({
      kernels: Object.fromEntries(
        firsts.map((first, i) => [
          first,
          Object.fromEntries(
            names.slice(i + 1).map((second) => {
              const source = split(split(split(key, 'kernels'), first), second);
              const shape = [widths[first]!, widths[second]!, width];
              return [second, glorotUniform(source, shape) as tf.Tensor3D];
            }),
          ),
        ]),
      ),
      bias: tf.zeros([width]) as tf.Tensor1D,
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        const forms = firsts.flatMap((first, i) =>
          names
            .slice(i + 1)
            .map((second, j) =>
              bilinearForm(xs[i]!, params.kernels[first]![second]!, xs[i + 1 + j]!),
            ),
        );
        return tf.add(
          forms.reduce((z, x) => tf.add(z, x)),
          params.bias,
        );
      }),
  };
}
