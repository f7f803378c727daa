import { small } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { fusion as strategies } from '@chainrule/fusion/registry';
import {
  adam,
  adamw,
  type GradientTransformation,
  momentum,
  oneCycle,
  sgd,
} from '@chainrule/optim';
import { mlp } from '@chainrule/tensor';
import { classification, type Multimodal, multimodal, type Objective } from '@chainrule/trainer';
import type { RunRequest } from './lab.js';
import { SIDE } from './sizes.js';

/** Width of both encoders' vectors, so that every strategy fits. */
const WIDTH = 128;

export interface Sizes {
  readonly vocabulary: number;
  readonly classes: number;
}

/** The article's composition at the size of small pictures: CNN, LSTM, a strategy, a classifier. */
export function compose(fusion: string, { vocabulary, classes }: Sizes): Multimodal {
  return multimodal({
    encoders: {
      image: small({
        size: [SIDE, SIDE],
        width: WIDTH,
        norm: 'batch',
        downsample: 'stride',
        augment: ['flip'],
      }),
      text: lstm({ vocabulary, embedding: 32, width: WIDTH, activation: 'tanh' }),
    },
    fusion: (given) => strategies.create(fusion, given),
    head: (width) => mlp({ in: width, hidden: [WIDTH], out: classes }),
  });
}

export function objectiveOf({ loss }: Pick<RunRequest, 'loss'>): Objective {
  return classification({ labelSmoothing: loss === 'labelSmoothing' ? 0.1 : 0 });
}

/** The learning rate asked for is the peak of one cycle, as in `npm start`. */
export function optimizerOf(
  { optimizer, learningRate: peak }: Pick<RunRequest, 'optimizer' | 'learningRate'>,
  steps: number,
): GradientTransformation {
  const learningRate = oneCycle({ peak, steps });
  switch (optimizer) {
    case 'adamw':
      return adamw({ learningRate, weightDecay: 1e-4 });
    case 'adam':
      return adam({ learningRate });
    case 'momentum':
      return momentum({ learningRate });
    case 'sgd':
      return sgd({ learningRate });
  }
}
