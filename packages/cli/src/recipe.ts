import type { Dataset } from '@chainrule/data';
import { small } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { adamw, type GradientTransformation, oneCycle } from '@chainrule/optim';
import { type Encoder, mlp } from '@chainrule/tensor';
import {
  classification,
  type Head,
  type Multimodal,
  multimodal,
  type Objective,
  regression,
  scaledMlp,
} from '@chainrule/trainer';

/** Width of both encoders' vectors, so that every strategy fits. */
const WIDTH = 128;

/**
 * With so many examples, batch norm and strides learn as much as max pooling in 0.4 of the time.
 * From a few hundred they learn less: their running statistics want more steps than that.
 */
const MANY = 2000;

export interface Recipe {
  readonly model: Multimodal;
  readonly objective: Objective;
  optimizer(steps: number): GradientTransformation;
}

/**
 * The article's composition, at the size of small pictures and short questions: a CNN, an LSTM, a
 * fusion strategy by name, and a head for the data's classes or numbers.
 */
export function recipe(
  data: Dataset,
  options: {
    readonly fusion: string;
    /** Words and special tokens; needed where there are texts. */
    readonly vocabulary?: number | undefined;
    /** Side of the pictures. */
    readonly imageSize: number;
  },
): Recipe {
  const encoders: { [modality: string]: Encoder } = {};
  if (data.modalities.includes('image')) {
    encoders.image = small({
      size: [options.imageSize, options.imageSize],
      width: WIDTH,
      augment: ['flip'],
      ...(data.examples.length >= MANY && { norm: 'batch', downsample: 'stride' }),
    });
  }
  if (data.modalities.includes('text')) {
    encoders.text = lstm({
      vocabulary: options.vocabulary ?? 0,
      embedding: 32,
      width: WIDTH,
      activation: 'tanh',
    });
  }
  return {
    model: multimodal({
      encoders,
      fusion: (given) => strategies.create(options.fusion, given),
      head: headFor(data),
    }),
    objective: data.classes ? classification() : regression(),
    optimizer: (steps) =>
      adamw({ learningRate: oneCycle({ peak: 3e-3, steps }), weightDecay: 1e-4 }),
  };
}

/** Logits for classes; numbers as far from their mean, and as spread, as the training targets are. */
function headFor({ classes, examples }: Dataset): (width: number) => Head {
  if (classes) return (width) => mlp({ in: width, hidden: [WIDTH], out: classes.length });
  const targets = examples.map(({ target }) => [target ?? []].flat());
  const columns = targets[0]!.map((_, k) => targets.map((target) => target[k]!));
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const shift = columns.map(mean);
  const scale = columns.map((values, k) =>
    Math.sqrt(mean(values.map((value) => (value - shift[k]!) ** 2))),
  );
  return (width) =>
    scaledMlp({
      in: width,
      hidden: [WIDTH],
      out: columns.length,
      shift,
      // All the same number: any scale will do.
      scale: scale.map((value) => value || 1),
    });
}

/** Small data need more passes: about 600 steps, but at least 10 epochs and at most 100. */
export const defaultEpochs = (stepsPerEpoch: number) =>
  Math.min(100, Math.max(10, Math.ceil(600 / stepsPerEpoch)));
