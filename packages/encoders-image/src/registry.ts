import type { Encoder } from '@chainrule/tensor';
import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { cnn, defaultBlocks } from './cnn.js';
import { efficientNetLite0, efficientNetPixels } from './efficientnet-lite0.js';
import { article, small } from './presets.js';

const size = z.number().int().positive();
const activation = z.enum(['linear', 'relu', 'tanh', 'sigmoid', 'gelu']).default('relu');
const norm = z.enum(['none', 'batch', 'group']).default('none');
const perChannel = z.union([z.number(), z.array(z.number())]);

const block = z.strictObject({
  filters: size.describe('channels that the convolution gives'),
  kernel: size.default(3).describe("side of the convolution's window"),
  stride: size.default(1),
  padding: z.enum(['same', 'valid']).default('same'),
  norm,
  groups: size.default(8).describe('groups of channels of a group norm'),
  activation,
  pool: size.default(1).describe('side and stride of max pooling, 1 for none'),
});

const strength = z.number().nonnegative().exactOptional();
const range = z.tuple([z.number().positive(), z.number().positive()]).exactOptional();
const augmentation = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('flip') }),
  z.strictObject({ type: z.literal('crop'), pad: z.number().int().nonnegative().exactOptional() }),
  z.strictObject({ type: z.literal('resizedCrop'), area: range, ratio: range }),
  z.strictObject({
    type: z.literal('colorJitter'),
    brightness: strength,
    contrast: strength,
    saturation: strength,
    hue: strength,
  }),
  z.strictObject({
    type: z.literal('cutout'),
    size: z.number().positive().max(1).exactOptional(),
    fill: z.number().exactOptional(),
  }),
]);

const common = {
  size: z.tuple([size, size]).default([64, 64]).describe('height and width of the images'),
  channels: size.default(3),
  width: size.default(128).describe('width of the embedding'),
  activation: activation.describe('of the dense layer that makes the embedding'),
  augment: z
    .array(
      z.union([z.enum(['flip', 'crop', 'resizedCrop', 'colorJitter', 'cutout']), augmentation]),
    )
    .default([])
    .describe('augmentations while training, by name or with options: { type: crop, pad: 8 }'),
};
const pixels = z.union([
  z.enum(['none', 'centered']),
  z.strictObject({ mean: perChannel, std: perChannel }),
]);
const pixelsText = 'what is done to pixels in 0…1 first: nothing, (x − ½)/½, or (x − mean)/std';

/**
 * Every image encoder by name. The presets `article()` and `small()` are called `articleCnn` and
 * `smallCnn` here: names are unique over all encoders.
 */
export const imageEncoders: Registry<Encoder<Tensor4D>> = registry<Encoder<Tensor4D>>(
  'encoders-image',
  {
    articleCnn: entry(
      "the article's: 32 filters of 3×3 with ReLU, flatten, dense",
      z.object({ ...common, pixels: pixels.default('none').describe(pixelsText) }),
      article,
    ),
    cnn: entry(
      'any list of conv blocks, pooling, dense',
      z.object({
        ...common,
        pixels: pixels.default('centered').describe(pixelsText),
        blocks: z
          .array(block)
          .default(defaultBlocks.map((options) => block.parse(options)))
          .describe(
            'conv blocks: filters, kernel, stride, padding, norm, groups, activation, pool',
          ),
        pool: z
          .enum(['flatten', 'globalMax', 'globalAverage'])
          .default('globalMax')
          .describe('how the last feature map becomes a vector'),
      }),
      cnn,
    ),
    efficientNetLite0: entry(
      'EfficientNet-Lite0, which has ImageNet weights: 16 inverted residual blocks, 1,280 features',
      z.object({
        size: common.size.default([224, 224]),
        head: z
          .enum(['features', 'logits', 'dense'])
          .default('features')
          .describe('what the vector is: 1,280 features, 1,000 logits, or a dense layer of width'),
        width: size.optional().describe('width of the embedding with the head dense'),
        norm: z
          .enum(['train', 'frozen'])
          .default('frozen')
          .describe('whether the statistics of batch norm move while training'),
        augment: common.augment,
        pixels: pixels.default(efficientNetPixels).describe(pixelsText),
      }),
      ({ width, ...options }) =>
        efficientNetLite0(width === undefined ? options : { ...options, width }),
    ),
    smallCnn: entry(
      'four conv blocks of 16-32-64-64 filters with max pooling, global max pooling, dense',
      z.object({
        ...common,
        pixels: pixels.default('centered').describe(pixelsText),
        norm: norm.describe('of every block'),
      }),
      small,
    ),
  },
);
