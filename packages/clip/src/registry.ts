import type { Encoder } from '@chainrule/tensor';
import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { imageTower } from './image-tower.js';
import { textTower } from './text-tower.js';

const size = z.number().int().positive();
const channels = z.array(z.number()).length(3);
const common = {
  width: size.describe('width of the tokens'),
  layers: size.describe('how many layers'),
  heads: size.describe('heads of each attention; must divide width'),
  feedForward: size.describe('width of the feed-forward parts'),
  activation: z
    .enum(['gelu', 'gelu_pytorch_tanh', 'quick_gelu'])
    .default('quick_gelu')
    .describe('of the feed-forward parts'),
  epsilon: z.number().positive().default(1e-5).describe('of the norms'),
  projection: size.describe('width of the embedding'),
};

/** The towers of CLIP and SigLIP by name, so that models that hold them can be saved and read. */
export const clipEncoders: Registry<Encoder> = registry<Encoder>('clip', {
  clipImage: entry(
    'the vision transformer of CLIP or SigLIP',
    z.object({
      ...common,
      imageSize: size.default(224).describe('height and width of the picture'),
      patchSize: size.default(32).describe('height and width of a patch'),
      pooling: z
        .enum(['class', 'attention'])
        .default('class')
        .describe('a class token, as CLIP, or a learned query, as SigLIP'),
      mean: channels.default([0.5, 0.5, 0.5]).describe('taken from the pixels, by channel'),
      deviation: channels.default([0.5, 0.5, 0.5]).describe('what they are divided by'),
    }),
    imageTower,
  ),
  clipText: entry(
    'the text transformer of CLIP or SigLIP',
    z.object({
      ...common,
      vocabulary: size.describe("number of the file's own ids"),
      maxLength: size.default(77).describe('tokens of the longest text'),
      pooling: z
        .enum(['end', 'last'])
        .default('end')
        .describe('the token that ends the text, as CLIP, or the last place, as SigLIP'),
      end: z.int().min(0).default(49_407).describe("the file's id of the end of a text"),
      padding: z.int().min(0).default(0).describe("the file's id that fills texts up"),
      offset: z
        .union([z.literal(0), z.literal(1)])
        .default(1)
        .describe("what was added to the file's ids"),
    }),
    textTower,
  ),
});
