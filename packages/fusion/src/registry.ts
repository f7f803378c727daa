import { entry, type Registry, type RegistryEntry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { modalityDropout } from './modality-dropout.js';
import { aff } from './strategies/aff.js';
import { bilinear } from './strategies/bilinear.js';
import { block } from './strategies/block.js';
import { concat } from './strategies/concat.js';
import { deepSet } from './strategies/deepSet.js';
import { evidential } from './strategies/evidential.js';
import { film } from './strategies/film.js';
import { gated } from './strategies/gated.js';
import { hypernetwork } from './strategies/hypernetwork.js';
import { iaff } from './strategies/iaff.js';
import { late } from './strategies/late.js';
import { lmf } from './strategies/lmf.js';
import { max } from './strategies/max.js';
import { mcb } from './strategies/mcb.js';
import { mean } from './strategies/mean.js';
import { mfb } from './strategies/mfb.js';
import { mfh } from './strategies/mfh.js';
import { mixtureOfExperts } from './strategies/mixtureOfExperts.js';
import { mlb } from './strategies/mlb.js';
import { mmtm } from './strategies/mmtm.js';
import { mutan } from './strategies/mutan.js';
import { product } from './strategies/product.js';
import { productOfExperts } from './strategies/productOfExperts.js';
import { sum } from './strategies/sum.js';
import { tfn } from './strategies/tfn.js';
import { weighted } from './strategies/weighted.js';
import { tokenEntries } from './token-entries.js';
import type { Fusion } from './types.js';

const size = z.int().positive();
const widths = z
  .record(z.string(), size)
  .describe('The width of each modality, for example { image: 128, text: 128 }');
const width = (meaning: string) => size.exactOptional().describe(meaning);

const elementwise = z.object({
  widths,
  width: width('Project each modality linearly to this width first; needed where widths differ'),
});

const widest = width('The width of z; by default the widest modality');
const factors = size.default(5).describe('How many products are summed to an element of z');
const dropout = z
  .number()
  .min(0)
  .lt(1)
  .default(0.1)
  .describe('Dropout rate of the products, in training');
const normalize = z.boolean().default(true).describe('Power and ℓ² normalisation');
const attentional = z.object({
  widths,
  reduction: z
    .number()
    .positive()
    .default(4)
    .describe("The attention's inner width is that of z divided by this"),
  width: width('Project each modality linearly to this width first; by default where they differ'),
});

const entries: { readonly [name: string]: RegistryEntry<Fusion> } = {
  sum: entry('z = x + y', elementwise, sum),
  mean: entry('z = (x + y) / 2', elementwise, mean),
  max: entry('z = max(x, y), element by element', elementwise, max),
  product: entry('z = x ⊙ y, the element-wise product', elementwise, product),
  concat: entry(
    'z = [x, y], the vectors one after the other',
    z.object({ widths, width: width('Follow with a dense layer to this width') }),
    concat,
  ),
  gated: entry(
    'Gated multimodal unit: a learned gate weighs the modalities, element by element',
    z.object({ widths, width: width('The width of z; by default the widest modality') }),
    gated,
  ),
  film: entry(
    'Feature-wise linear modulation: one modality scales and shifts the others',
    z.object({
      widths,
      condition: z
        .string()
        .exactOptional()
        .describe('The modality that modulates the others; by default the last in the alphabet'),
      width: width('Project the modulated features linearly to this width first'),
    }),
    film,
  ),
  weighted: entry(
    'Learned weights: a weighted mean with one trained weight a modality',
    z.object({
      widths,
      width: width(
        'Project each modality linearly to this width first; by default where they differ',
      ),
    }),
    weighted,
  ),
  mmtm: entry(
    'Squeeze-and-excitation gating: all modalities together gate the features of each',
    z.object({
      widths,
      reduction: z
        .number()
        .positive()
        .default(4)
        .describe('The joint representation is Σ widths / reduction wide'),
      width: width('Follow with a dense layer to this width'),
    }),
    mmtm,
  ),
  bilinear: entry(
    'z = xᵀWy + b, a full bilinear form for each element',
    z.object({
      widths,
      width: width('The width of z; by default the widest modality, at most 64'),
    }),
    bilinear,
  ),
  mlb: entry(
    'Low-rank bilinear pooling: project, tanh, multiply, project',
    z.object({ widths, rank: width('The rank of the forms; by default width'), width: widest }),
    mlb,
  ),
  mfb: entry(
    'Factorised bilinear pooling: expand, multiply, sum groups of products, normalise',
    z.object({ widths, factors, width: widest, dropout, normalize }),
    mfb,
  ),
  mfh: entry(
    'Factorised high-order pooling: a cascade of MFB blocks',
    z.object({
      widths,
      order: size.default(2).describe('How many blocks are cascaded'),
      factors,
      width: width(
        'The width of z, a multiple of order; by default order times the widest modality',
      ),
      dropout,
      normalize,
    }),
    mfh,
  ),
  mutan: entry(
    'Tucker decomposition of the bilinear form, its core of low rank',
    z.object({
      widths,
      hidden: width('The width of the projected modalities; by default the widest modality'),
      rank: size.default(10).describe('The rank of each slice of the core'),
      width: widest,
    }),
    mutan,
  ),
  block: entry(
    'Block-superdiagonal decomposition of the bilinear form',
    z.object({
      widths,
      blocks: size.default(20).describe('How many blocks stand on the diagonal of the core'),
      blockWidth: width('The width of a block; by default the widest modality / blocks'),
      rank: size.default(15).describe('The rank of each slice of a block'),
      width: widest,
    }),
    block,
  ),
  tfn: entry(
    'Tensor fusion: the outer product of all modalities, each with a 1 appended',
    z.object({
      widths,
      hidden: size.default(32).describe('The width of the projected modalities'),
      width: width('Follow with a dense layer to this width'),
    }),
    tfn,
  ),
  lmf: entry(
    'Low-rank multimodal fusion: tensor fusion and a linear layer of low rank in one',
    z.object({
      widths,
      rank: size.default(4).describe('The rank of the weight tensor'),
      width: widest,
    }),
    lmf,
  ),
  mcb: entry(
    'Compact bilinear pooling: the circular convolution of count sketches',
    z.object({
      widths,
      width: size.default(1024).describe('The width of z'),
      seed: z.int().nonnegative().default(0).describe('Of the random projections, which are fixed'),
      normalize,
    }),
    mcb,
  ),
  hypernetwork: entry(
    'Multiplicative interaction: one modality makes the weights of a layer on the others',
    z.object({
      widths,
      condition: z
        .string()
        .exactOptional()
        .describe('The modality that makes the weights; by default the last in the alphabet'),
      width: width('The width of z; by default the widest modality, at most 64'),
    }),
    hypernetwork,
  ),
  aff: entry(
    'Attentional feature fusion: attention on the sum selects, element by element',
    attentional,
    aff,
  ),
  iaff: entry(
    'Iterative attentional feature fusion: the attention is on a first selection',
    attentional,
    iaff,
  ),
  deepSet: entry(
    'Deep set: a shared network for each modality, the sum, another network',
    z.object({
      widths,
      hidden: width('The width within the networks; by default the widest modality'),
      width: widest,
    }),
    deepSet,
  ),
  productOfExperts: entry(
    'Product of Gaussian experts: the mean, weighed by precision',
    z.object({ widths, width: widest }),
    productOfExperts,
  ),
  mixtureOfExperts: entry(
    'Mixture of experts: a gate weighs the experts of all modalities for each example',
    z.object({
      widths,
      experts: size.default(2).describe('How many experts each modality has'),
      width: widest,
    }),
    mixtureOfExperts,
  ),
  late: entry(
    'Late fusion: one linear classifier a modality, their logits averaged',
    z.object({
      widths,
      weights: z
        .enum(['equal', 'learned'])
        .default('equal')
        .describe('How the logits are averaged'),
      width: width('The width of z, the number of classes; by default the widest modality'),
    }),
    late,
  ),
  evidential: entry(
    "Evidential: Dirichlet evidence of each modality, combined by Dempster's rule",
    z.object({
      widths,
      output: z
        .enum(['logProbability', 'evidence'])
        .default('logProbability')
        .describe('What z is: log expected probabilities, for a cross-entropy, or evidence'),
      width: width('The width of z, the number of classes; by default the widest modality'),
    }),
    evidential,
  ),
  ...tokenEntries,
};
const strategies = registry<Fusion>('fusion', entries);

const modalityDropoutConfig = z.object({
  type: z.literal('modalityDropout'),
  fusion: z.unknown(),
  rate: z.number(),
});

/**
 * Every strategy by name. `fromConfig` rebuilds strategies within modality dropout, too.
 *
 * @example
 * import { fusion } from '@chainrule/fusion/registry';
 *
 * const gated = fusion.create('gated', { widths: { image: 128, text: 128 } });
 * const again = fusion.fromConfig(gated.config);
 */
export const fusion: Registry<Fusion> = {
  ...strategies,
  // Swapping a strategy that reads tokens for one that does not is one word here, too.
  create: (name, options) => {
    const reads = Object.hasOwn(entries, name) && 'tokenWidths' in entries[name]!.schema.shape;
    return strategies.create(name, reads ? options : withoutTokenWidths(options));
  },
  fromConfig: (config) => {
    const wrapper = modalityDropoutConfig.safeParse(config);
    if (!wrapper.success) return strategies.fromConfig(config);
    return modalityDropout(fusion.fromConfig(wrapper.data.fusion), { rate: wrapper.data.rate });
  },
};

function withoutTokenWidths(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { tokenWidths: _, ...others } = options as { readonly tokenWidths?: unknown };
  return others;
}
