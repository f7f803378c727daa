import type { Encoder } from '@chainrule/tensor';
import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { cnn, defaultBlocks } from './cnn.js';
import { convNext } from './convnext.js';
import { efficientNetLite0, efficientNetPixels } from './efficientnet-lite0.js';
import { mlpMixer } from './mlp-mixer.js';
import { imagenetPixels } from './pixels.js';
import { article, small } from './presets.js';
import { residual } from './residual.js';
import { visionTransformer } from './vision-transformer.js';

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

const imagenet = { mean: [...imagenetPixels.mean], std: [...imagenetPixels.std] };
const network = {
  size: common.size,
  head: z
    .enum(['features', 'dense'])
    .default('dense')
    .describe("what the vector is: the network's features, or a linear layer of width on them"),
  width: common.width,
  augment: common.augment,
};
const stages = (depths: number[], filters: number[]) => ({
  depths: z.array(size).default(depths).describe('blocks of each stage'),
  filters: z.array(size).default(filters).describe('channels of each stage'),
});
const patched = {
  patch: size.default(8).describe('side of a patch in pixels'),
  layers: size.default(4),
  pixels: pixels.default('centered').describe(pixelsText),
};

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
        coordinates: z
          .boolean()
          .default(false)
          .describe("appends each pixel's row and column as channels (CoordConv)"),
        learnedTokens: z
          .number()
          .int()
          .nonnegative()
          .default(0)
          .describe('how many tokens: learned means of places (TokenLearner); 0 for every place'),
      }),
      cnn,
    ),
    convNext: entry(
      'ConvNeXt: depthwise 7×7, layer norm and a two-layer perceptron in each block',
      z.object({
        ...network,
        ...stages([1, 1, 3, 1], [48, 96, 192, 384]),
        patch: size.default(2).describe("side of the stem's patches; 4 for large images"),
        kernel: size.default(7).describe('side of the depthwise window'),
        pixels: pixels.default(imagenet).describe(pixelsText),
      }),
      convNext,
    ),
    efficientNetLite0: entry(
      'EfficientNet-Lite0, which has ImageNet weights: 16 inverted residual blocks, 1,280 features',
      z.object({
        size: common.size.default([224, 224]),
        head: z
          .enum(['features', 'logits', 'dense', 'layers'])
          .default('features')
          .describe(
            'what the vector is: 1,280 features, 1,000 logits, a dense layer of width, or several layers in a row',
          ),
        width: size.exactOptional().describe('width of the embedding with the head dense'),
        norm: z
          .enum(['train', 'frozen'])
          .default('frozen')
          .describe('whether the statistics of batch norm move while training'),
        augment: common.augment,
        pixels: pixels.default(efficientNetPixels).describe(pixelsText),
      }),
      efficientNetLite0,
    ),
    mlpMixer: entry(
      'MLP-mixer: patches mixed over places, then over channels',
      z.object({
        ...network,
        ...patched,
        tokens: size.default(128).describe('width of the tokens'),
        placesHidden: size.exactOptional().describe('default tokens/2'),
        hidden: size.exactOptional().describe('default 4·tokens'),
      }),
      mlpMixer,
    ),
    residual: entry(
      'residual network (ResNet): basic or bottleneck blocks, CIFAR or ImageNet stem',
      z.object({
        ...network,
        ...stages([2, 2, 2, 2], [64, 128, 256, 512]),
        stem: z.enum(['cifar', 'imagenet']).default('cifar').describe('3×3, or 7×7 and pooling'),
        block: z.enum(['basic', 'bottleneck']).default('basic'),
        norm: z.enum(['train', 'frozen']).default('train').describe('of the running statistics'),
        pixels: pixels.default(imagenet).describe(pixelsText),
      }),
      residual,
    ),
    smallCnn: entry(
      'four conv blocks of 16-32-64-64 filters, each halving the map, global max pooling, dense',
      z.object({
        ...common,
        pixels: pixels.default('centered').describe(pixelsText),
        norm: norm.describe('of every block'),
        downsample: z
          .enum(['pool', 'stride'])
          .default('pool')
          .describe('what halves the map: max pooling, or a convolution of stride 2'),
      }),
      small,
    ),
    visionTransformer: entry(
      'vision transformer: patches as tokens, learned positions that stretch to other sizes',
      z.object({
        ...network,
        ...patched,
        tokens: size.default(192).describe('width of the tokens'),
        heads: size.default(3),
        hidden: size.exactOptional().describe('width of the feed-forward layers; default 4·tokens'),
        dropout: z.number().min(0).lt(1).default(0),
        pool: z.enum(['class', 'mean']).default('mean').describe('a class token, or the mean'),
        positions: z
          .tuple([size, size])
          .exactOptional()
          .describe('rows and columns of the position embeddings; default those of the patches'),
      }),
      visionTransformer,
    ),
  },
);
