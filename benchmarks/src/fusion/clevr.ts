import { sortOfClevr, varySortOfClevr } from '@chainrule/data';
import { type ConvBlockOptions, cnn } from '@chainrule/encoders-image';
import { bagOfWords } from '@chainrule/encoders-text';
import type { FusionFactory } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { adamw, oneCycle } from '@chainrule/optim';
import { type Encoder, mlp } from '@chainrule/tensor';
import { multimodal } from '@chainrule/trainer';
import type { Task } from './task.js';

/** How one way of fusing is trained on Sort-of-CLEVR. */
export interface ClevrRecipe {
  /** A name of the registry, and its options. */
  readonly strategy: string;
  readonly options?: { readonly [name: string]: number | string | boolean };
  /** Filters of the image encoder's blocks, each 3×3 with batch norm; stride 2 unless 1 is given. */
  readonly blocks: readonly (number | readonly [filters: number, stride: number])[];
  /** How the last feature map becomes a vector, for strategies that read no tokens. */
  readonly pool: 'flatten' | 'globalMax';
  /** Whether the encoder sees where each pixel is; default false. */
  readonly coordinates?: boolean;
  /** Whether each epoch exchanges colours, mirrors and turns; default false. */
  readonly vary?: boolean;
  /** Width of both vectors. */
  readonly width: number;
  readonly hidden: readonly number[];
  readonly dropout?: number;
  /** Pictures in a step; a step has twenty times as many questions. */
  readonly batch: number;
  readonly epochs: number;
  /** The highest learning rate of the cycle, which begins at a 25th of it. */
  readonly peak: number;
  /** The share of the steps after which it is reached; default 0.3. */
  readonly warmup?: number;
  readonly weightDecay: number;
}

const common = {
  pool: 'globalMax',
  width: 64,
  hidden: [128],
  batch: 16,
  weightDecay: 1e-4,
} as const;

/** A CNN, its whole feature map and the question, a perceptron. */
export const plain: ClevrRecipe = {
  ...common,
  strategy: 'concat',
  blocks: [32, 32, 48, 48],
  pool: 'flatten',
  width: 256,
  hidden: [256, 256],
  epochs: 20,
  peak: 1e-3,
};

/**
 * By the names that the published figures go by. Whatever else the registry has is trained as `plain`
 * is, but on 25 tokens of 5×5 places instead of a vector of all.
 */
export const recipes: { readonly [name: string]: ClevrRecipe } = {
  // 7×7 places, few enough that two objects hardly ever share one; each is seen by four blocks in the
  // light of the question and of what was found.
  film: {
    ...common,
    strategy: 'filmBlocks',
    options: { width: 128, hidden: 64, blocks: 4, norm: 'batch' },
    blocks: [
      [32, 3],
      [64, 2],
      [64, 2],
      [64, 1],
    ],
    coordinates: true,
    vary: true,
    epochs: 34,
    peak: 2e-3,
    warmup: 0.2,
  },
  // 25 objects: 625 pairs a question.
  relation: {
    ...common,
    strategy: 'relationNetwork',
    options: { width: 64, layers: 3, pool: 'mean' },
    blocks: [32, 64, 64, 64],
    hidden: [256, 256],
    coordinates: true,
    vary: true,
    epochs: 24,
    peak: 2e-3,
    warmup: 0.2,
  },
  // The baseline with the layers that were published. `plain` with `concat`, which is wider, answers more.
  concat: { ...plain, blocks: [24, 24, 24, 24], peak: 5e-4 },
};

export function clevrRecipe(name: string): ClevrRecipe {
  if (Object.hasOwn(recipes, name)) return recipes[name]!;
  const alias = Object.values(recipes).find(({ strategy }) => strategy === name);
  return alias ?? { ...plain, strategy: name, pool: 'globalMax', width: 128 };
}

export interface ClevrOptions {
  readonly seed: number;
  /** Training pictures; default 9,800. */
  readonly images?: number | undefined;
}

export function clevrTask(recipe: ClevrRecipe, { seed, images = 9800 }: ClevrOptions): Task {
  const { train, test, classes } = sortOfClevr({ seed, images: { train: images, test: 200 } });
  const {
    pool,
    coordinates = false,
    width,
    hidden,
    dropout = 0,
    peak,
    warmup = 0.3,
    weightDecay,
  } = recipe;
  const blocks = recipe.blocks.map((block): ConvBlockOptions => {
    const [filters, stride] = typeof block === 'number' ? [block, 2] : block;
    return { filters, stride, norm: 'batch' };
  });
  return {
    ...{ name: 'Sort-of-CLEVR', train, test, imageSize: [75, 75] },
    ...{ batch: recipe.batch, epochs: recipe.epochs },
    ...(recipe.vary && { augmented: (epoch) => varySortOfClevr(train, 1000 * seed + epoch) }),
    model: (fusion, { vocabulary }) =>
      multimodal({
        encoders: {
          image: cnn({ size: [75, 75], blocks, pool, coordinates, width }) as Encoder,
          text: bagOfWords({ vocabulary, width, combine: 'sum' }) as Encoder,
        },
        fusion,
        head: (z) => mlp({ in: z, hidden, out: classes.length, dropout }),
      }),
    optimizer: (steps) => adamw({ learningRate: oneCycle({ peak, steps, warmup }), weightDecay }),
  };
}

export function clevrFusion({ strategy, options }: ClevrRecipe): FusionFactory {
  return (given) => strategies.create(strategy, { ...given, ...options });
}
