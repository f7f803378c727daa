import {
  ChainruleError,
  type DenseParams,
  dense,
  type Embedding,
  type Encoder,
  type Params,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import type { MapSize } from './block.js';
import { type ConvNormParams, convNorm, type NormMode, relu6 } from './conv-norm.js';
import { type ImageOptions, imageInput } from './images.js';
import type { Pixels } from './pixels.js';

export type EfficientNetLite0Head = 'features' | 'logits' | 'dense' | 'layers';

export interface EfficientNetLite0Options extends ImageOptions {
  /**
   * What `vector` is: the 1,280 `features`, averaged over all places, the 1,000 `logits` of
   * ImageNet's classes, with `dense` a linear layer of `width` outputs on the features, or the
   * `layers` of {@link EfficientNetLite0.layers}. Default `features`.
   */
  readonly head?: EfficientNetLite0Head;
  /** Width of the embedding with `head: 'dense'`; default 128. */
  readonly width?: number;
  /** Default `frozen`: the running statistics stay as they are, as fine-tuning wants. */
  readonly norm?: NormMode;
}

export type EfficientNetLite0Config = {
  readonly type: 'efficientNetLite0';
  readonly size: readonly [height: number, width: number];
  readonly head: EfficientNetLite0Head;
  readonly width: number;
  readonly norm: NormMode;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

interface BlockParams extends Params {
  /** Absent from the first block, which does not widen. */
  readonly expand?: ConvNormParams;
  readonly depthwise: ConvNormParams;
  readonly project: ConvNormParams;
}

export interface EfficientNetLite0Params extends Params {
  readonly stem: ConvNormParams;
  readonly blocks: readonly BlockParams[];
  readonly features: ConvNormParams;
  /** Of the heads `logits` and `dense`. */
  readonly dense?: DenseParams;
}

export interface EfficientNetLite0
  extends Encoder<tf.Tensor4D, EfficientNetLite0Params, EfficientNetLite0Config> {
  /** `[height, width, 1280]` of the last feature map. */
  readonly map: MapSize;
  /**
   * Widths of what `head: 'layers'` puts in a row, for matching pictures by linear maps: what is
   * seen, as √ of the means over all places of the features (1,280) and of the wide maps of blocks
   * 15 and 10 (1,152 and 672), and where, as means over windows of blocks 15 (3×3 of 320 at
   * 224×224) and 10 (4×4 of 112). The root draws the few large values of such maps in.
   */
  readonly layers: readonly number[];
}

const FEATURES = 1280;
/** The blocks whose maps are among the layers: the last at stride 16, and the last. */
const MIDDLE = { block: 10, wide: 672, channels: 112, window: 5, stride: 3 };
const LAST = { block: 15, wide: 1152, channels: 320, window: 3, stride: 2 };
/** Blocks of a stage, side of their window, stride of the first, how much they widen, channels out. */
const STAGES = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const;

/** (x·255 − 127)/128, of pixels in 0…1: what the pretrained weights expect. */
export const efficientNetPixels = { mean: 127 / 255, std: 128 / 255 } as const satisfies Pixels;

/**
 * EfficientNet-Lite0: a 3×3 convolution of 32 filters, 16 inverted residual blocks (widen by a 1×1
 * convolution, a depthwise one, narrow by a 1×1 one), a 1×1 convolution to 1,280 features, ReLU6
 * throughout; 3,371,008 weights, 1,281,000 more for ImageNet's classes. `@chainrule/encoders-image/node` has
 * its real weights: `efficientNetLite0Weights`.
 *
 * `[batch, height, width, 3]`, float32 pixels in 0…1, → `vector` `[batch, width]`, `tokens`
 * `[batch, ⌈height/32⌉·⌈width/32⌉, 1280]`. Any size goes; the weights were trained at 224×224.
 *
 * Sources: Tan and Le, EfficientNet (2019); the Lite variants of TensorFlow's model garden, without
 * squeeze-and-excitation.
 *
 * @throws ChainruleError `OPTION` where an option is out of range; from `apply`, `SHAPE`,
 * `EMPTY_BATCH`, `MISSING_KEY`.
 * @example
 * const encoder = efficientNetLite0({ size: [96, 96] });
 * const { vector } = encoder.apply(await efficientNetLite0Weights(), tf.zeros([8, 96, 96, 3]));
 */
export function efficientNetLite0(options: EfficientNetLite0Options = {}): EfficientNetLite0 {
  const where = 'encoders-image.efficientNetLite0';
  const head = options.head ?? 'features';
  const size = options.size ?? [224, 224];
  const places = ({ window, stride }: typeof LAST, reduction: number) =>
    size
      .map((side) => Math.ceil(side / reduction))
      .map((side) => Math.max(0, Math.floor((side - window) / stride) + 1))
      .reduce((product, side) => product * side);
  const layers = [
    FEATURES,
    LAST.wide,
    MIDDLE.wide,
    places(LAST, 32) * LAST.channels,
    places(MIDDLE, 16) * MIDDLE.channels,
  ];
  if (head === 'layers' && layers.includes(0)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: the head "layers" needs pictures of 65×65 at least, got ${size.join('×')}; give a larger size`,
    );
  }
  const width = {
    features: FEATURES,
    logits: 1000,
    dense: options.width ?? 128,
    layers: layers.reduce((sum, one) => sum + one),
  }[head];
  const config: EfficientNetLite0Config = {
    type: 'efficientNetLite0',
    size,
    head,
    width,
    norm: options.norm ?? 'frozen',
    pixels: options.pixels ?? efficientNetPixels,
    augment: options.augment ?? [],
  };
  const input = imageInput(where, { ...config, channels: 3 });
  const unit = (from: number, to: number, kernel: number, stride = 1, depthwise = false) =>
    convNorm({
      in: from,
      out: to,
      kernel,
      stride,
      depthwise,
      padding: 'same',
      norm: config.norm,
      momentum: 0.01,
      epsilon: 1e-3,
    });

  const stem = unit(3, 32, 3, 2);
  let channels = 32;
  const blocks = STAGES.flatMap(([repeats, kernel, stride, widen, out]) =>
    Array.from({ length: repeats }, (_, i) => {
      const [from, wide, step] = [channels, channels * widen, i === 0 ? stride : 1];
      channels = out;
      return {
        residual: step === 1 && from === out,
        expand: widen === 1 ? undefined : unit(from, wide, 1),
        depthwise: unit(wide, wide, kernel, step, true),
        project: unit(wide, out, 1),
      };
    }),
  );
  const features = unit(channels, FEATURES, 1);
  const output =
    head === 'features' || head === 'layers' ? undefined : dense({ in: FEATURES, out: width });
  const map: MapSize = [Math.ceil(config.size[0] / 32), Math.ceil(config.size[1] / 32), FEATURES];

  return {
    config,
    width,
    tokenWidth: FEATURES,
    map,
    layers,
    init: (key) => ({
      stem: stem.init(split(key, 'stem')),
      blocks: blocks.map(({ expand, depthwise, project }, i) => {
        const own = split(split(key, 'blocks'), i);
        return {
          ...(expand && { expand: expand.init(split(own, 'expand')) }),
          depthwise: depthwise.init(split(own, 'depthwise')),
          project: project.init(split(own, 'project')),
        };
      }),
      features: features.init(split(key, 'features')),
      ...(output && { dense: output.init(split(key, 'dense')) }),
    }),
    apply: (params, pixels, context = {}): Embedding =>
      tf.tidy(() => {
        const first = relu6(stem.apply(params.stem, input(pixels, context), context));
        const seen: { readonly wide: tf.Tensor4D; readonly out: tf.Tensor4D }[] = [];
        const last = blocks.reduce((x, { residual, expand, depthwise, project }, i) => {
          const own = params.blocks[i]!;
          const wide = expand ? relu6(expand.apply(own.expand!, x, context)) : x;
          const filtered = relu6(depthwise.apply(own.depthwise, wide, context));
          const y = project.apply(own.project, filtered, context);
          const out = residual ? tf.add<tf.Tensor4D>(x, y) : y;
          seen.push({ wide: filtered, out });
          return out;
        }, first);
        const x = relu6(features.apply(params.features, last, context));
        const pooled = tf.mean<tf.Tensor2D>(x, [1, 2]);
        const ofLayers = () => {
          const [end, middle] = [seen[LAST.block]!, seen[MIDDLE.block]!];
          return tf.concat2d(
            [
              rooted(pooled),
              rooted(tf.mean<tf.Tensor2D>(end.wide, [1, 2])),
              rooted(tf.mean<tf.Tensor2D>(middle.wide, [1, 2])),
              windows(end.out, LAST),
              windows(middle.out, MIDDLE),
            ],
            1,
          );
        };
        return {
          vector: output
            ? output.apply(params.dense!, pooled)
            : head === 'layers'
              ? ofLayers()
              : pooled,
          tokens: tf.reshape<tf.Rank.R3>(x, [x.shape[0], map[0] * map[1], FEATURES]),
        };
      }),
  };
}

/** √x with a slope at 0. */
const rooted = (x: tf.Tensor2D): tf.Tensor2D => tf.sqrt(tf.add(x, 1e-4));

/** Means over windows that lie within the map, `[batch, windows · channels]`. */
function windows(map: tf.Tensor4D, { window, stride }: typeof LAST): tf.Tensor2D {
  const means = tf.avgPool(map, window, stride, 'valid');
  return tf.reshape(means, [map.shape[0], means.size / map.shape[0]]);
}
