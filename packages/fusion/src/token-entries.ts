import { entry, type RegistryEntry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { attentionPooling } from './strategies/attentionPooling.js';
import { bilinearAttention } from './strategies/bilinearAttention.js';
import { bottleneck } from './strategies/bottleneck.js';
import { coAttention } from './strategies/coAttention.js';
import { crossAttention } from './strategies/crossAttention.js';
import { crossmodalTransformer } from './strategies/crossmodalTransformer.js';
import { earlyTransformer } from './strategies/earlyTransformer.js';
import { filmBlocks } from './strategies/filmBlocks.js';
import { nonLocalGate } from './strategies/nonLocalGate.js';
import { perceiverResampler } from './strategies/perceiverResampler.js';
import { relationNetwork } from './strategies/relationNetwork.js';
import type { Fusion } from './types.js';

const size = z.int().positive();
const common = {
  widths: z
    .record(z.string(), size)
    .describe('The width of each modality, for example { image: 128, text: 128 }'),
  tokenWidths: z
    .record(z.string(), size)
    .exactOptional()
    .describe("The width of a modality's tokens, where it differs from that of its vector"),
  width: size.exactOptional().describe('The width of z; by default the widest modality'),
};
const heads = size
  .exactOptional()
  .describe('Heads of the attention, a divisor of width; by default 4, 2 or 1');
const layers = {
  layers: size.default(2).describe('How many layers'),
  heads,
  dropout: z.number().min(0).lt(1).default(0).describe('Rate of the dropout within the layers'),
};
const modality = (meaning: string) => z.string().exactOptional().describe(meaning);
const query = modality(
  'The modality that looks at the others; by default the last in the alphabet',
);

/** The strategies that read tokens, by name. */
export const tokenEntries: { readonly [name: string]: RegistryEntry<Fusion> } = {
  attentionPooling: entry(
    'A mean of the modalities, or of all their tokens, with weights that depend on the example',
    z.object({
      ...common,
      over: z.enum(['vectors', 'tokens']).default('vectors').describe('What is pooled'),
    }),
    attentionPooling,
  ),
  crossAttention: entry(
    "The vector of one modality asks the others' tokens by multi-head attention",
    z.object({ ...common, query, heads }),
    crossAttention,
  ),
  coAttention: entry(
    'Parallel co-attention: tokens of each modality are weighed by how they go with the others',
    z.object(common),
    coAttention,
  ),
  bilinearAttention: entry(
    'Bilinear attention network (BAN): attention over pairs of tokens, in glimpses',
    z.object({
      ...common,
      query,
      rank: size.exactOptional().describe('Rank of the bilinear forms; by default width'),
      glimpses: size.default(2).describe('How many attention maps'),
    }),
    bilinearAttention,
  ),
  nonLocalGate: entry(
    "Each token of one modality adds what a non-local operation finds at the others' tokens",
    z.object({
      ...common,
      query,
      inner: size.exactOptional().describe('The width of keys and values; by default width / 2'),
    }),
    nonLocalGate,
  ),
  filmBlocks: entry(
    "FiLM, block after block: one modality modulates what is computed from the others' tokens",
    z.object({
      ...common,
      condition: modality('The modality that modulates; by default the last in the alphabet'),
      hidden: size.exactOptional().describe('Channels of the blocks; by default width'),
      blocks: size.default(3).describe('How many blocks'),
      norm: z
        .enum(['batch', 'none'])
        .default('none')
        .describe('Normalises what is modulated: over the batch, or not'),
      residual: z.boolean().default(false).describe('Adds what a block is given to what it gives'),
      coordinates: z.boolean().default(true).describe('Appends the place of each token'),
    }),
    filmBlocks,
  ),
  relationNetwork: entry(
    'Relation network: sums a network over all pairs of objects, given the other modalities',
    z.object({
      ...common,
      objects: modality('Whose tokens are the objects; by default the first in the alphabet'),
      layers: size.default(4).describe('Layers of the network'),
      pool: z.enum(['sum', 'mean', 'maxAndMean']).default('sum').describe('Over pairs'),
      norm: z.enum(['batch', 'none']).default('none').describe('Normalises z over the batch'),
      coordinates: z.boolean().default(true).describe('Append the place of each object'),
    }),
    relationNetwork,
  ),
  earlyTransformer: entry(
    'One transformer over the tokens of all modalities and a class token',
    z.object({ ...common, ...layers }),
    earlyTransformer,
  ),
  bottleneck: entry(
    'Bottleneck transformer (MBT): one transformer a modality, joined by a few shared tokens',
    z.object({
      ...common,
      ...layers,
      bottlenecks: size.default(4).describe('How many bottleneck tokens'),
    }),
    bottleneck,
  ),
  perceiverResampler: entry(
    'A few learned queries draw from the tokens of all modalities (Perceiver, Q-Former)',
    z.object({ ...common, ...layers, queries: size.default(8).describe('How many queries') }),
    perceiverResampler,
  ),
  crossmodalTransformer: entry(
    'Crossmodal transformer (MulT): the tokens of each modality attend to those of each other',
    z.object({ ...common, ...layers }),
    crossmodalTransformer,
  ),
};
