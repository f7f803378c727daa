import type { Dataset } from '@chainrule/data';
import { small } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { adamw, type GradientTransformation, oneCycle } from '@chainrule/optim';
import { type Encoder, mlp } from '@chainrule/tensor';
import {
  classification,
  type Multimodal,
  multimodal,
  type Objective,
  regression,
} from '@chainrule/trainer';

/** Width of both encoders' vectors, so that every strategy fits. */
const WIDTH = 128;

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
  const out = data.classes?.length ?? data.targetShape?.[0] ?? 1;
  return {
    model: multimodal({
      encoders,
      fusion: (given) => strategies.create(options.fusion, given),
      head: (width) => mlp({ in: width, hidden: [WIDTH], out }),
    }),
    objective: data.classes ? classification() : regression(),
    optimizer: (steps) =>
      adamw({ learningRate: oneCycle({ peak: 3e-3, steps }), weightDecay: 1e-4 }),
  };
}

/** Small data need more passes: about 600 steps, but at least 10 epochs and at most 100. */
export const defaultEpochs = (stepsPerEpoch: number) =>
  Math.min(100, Math.max(10, Math.ceil(600 / stepsPerEpoch)));
