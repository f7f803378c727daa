import { sortOfClevr, varySortOfClevr } from '@chainrule/data';
import { type ConvBlockOptions, cnn } from '@chainrule/encoders-image';
import { bagOfWords } from '@chainrule/encoders-text';
import type { FusionFactory } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { adamw, chain, clipByGlobalNorm, oneCycle } from '@chainrule/optim';
import { type Encoder, mlp } from '@chainrule/tensor';
import { multimodal } from '@chainrule/trainer';
import type { Task } from './task.js';

/** How one way of fusing is trained on Sort-of-CLEVR. */
export interface ClevrRecipe {
  /** A name of the registry, and its options. */
  readonly strategy: string;
  readonly options?: { readonly [name: string]: number | string | boolean };
  /** The image encoder's blocks, each with batch norm and stride 2 unless another is given. */
  readonly blocks: readonly ConvBlockOptions[];
  /** Tokens that the encoder learns, 0 for every place; default 0. */
  readonly learnedTokens?: number;
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

const filters = (...counts: number[]) => counts.map((count) => ({ filters: count }));

/**
 * 19×19 places that each see 13 pixels, a little more than one object. Coarser first layers hardly tell a
 * circle from a square, which differ in four pixels a corner.
 */
const objects = [
  { filters: 32, kernel: 5 },
  { filters: 64 },
  { filters: 64, kernel: 1, stride: 1 },
] as const;

/** A CNN, its whole feature map and the question, a perceptron. */
export const plain: ClevrRecipe = {
  ...common,
  strategy: 'concat',
  blocks: filters(32, 32, 48, 48),
  pool: 'flatten',
  width: 256,
  hidden: [256, 256],
  epochs: 20,
  peak: 1e-3,
};

/** One encoder for all strategies: sixteen learned tokens for those that read tokens, the whole map as a vector. */
export const shared: ClevrRecipe = {
  ...common,
  strategy: 'concat',
  blocks: objects,
  learnedTokens: 16,
  coordinates: true,
  vary: true,
  pool: 'flatten',
  epochs: 8,
  peak: 2e-3,
  warmup: 0.1,
};

/**
 * By the names that the published figures go by. Whatever else the registry has is trained as `plain`
 * is, but on 25 tokens of 5×5 places instead of a vector of all.
 */
export const recipes: { readonly [name: string]: ClevrRecipe } = {
  // Sixteen tokens that learn where to look; four blocks, each in the light of the question and of what
  // the one before found.
  film: {
    ...common,
    strategy: 'filmBlocks',
    options: { width: 128, hidden: 96, blocks: 4, norm: 'batch', coordinates: false },
    blocks: objects,
    learnedTokens: 16,
    coordinates: true,
    vary: true,
    epochs: 72,
    peak: 2e-3,
    warmup: 0.1,
  },
  // Twelve tokens that learn where to look: 144 pairs a question. Norms keep pairs from telling the same.
  relation: {
    ...common,
    strategy: 'relationNetwork',
    options: { width: 96, layers: 3, pool: 'maxAndMean', norm: 'batch', coordinates: false },
    blocks: objects,
    learnedTokens: 12,
    coordinates: true,
    vary: true,
    epochs: 30,
    peak: 2e-3,
    warmup: 0.1,
  },
  // The baseline with the layers that were published. `plain` with `concat`, which is wider, answers more.
  concat: { ...plain, blocks: filters(24, 24, 24, 24), peak: 5e-4 },
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
    learnedTokens = 0,
    width,
    hidden,
    dropout = 0,
    peak,
    warmup = 0.3,
    weightDecay,
  } = recipe;
  const blocks = recipe.blocks.map((block) => ({ stride: 2, norm: 'batch', ...block }) as const);
  return {
    ...{ name: 'Sort-of-CLEVR', train, test, imageSize: [75, 75] },
    ...{ batch: recipe.batch, epochs: recipe.epochs },
    ...(recipe.vary && { augmented: (epoch) => varySortOfClevr(train, 1000 * seed + epoch) }),
    model: (fusion, { vocabulary }) =>
      multimodal({
        encoders: {
          image: cnn({
            size: [75, 75],
            blocks,
            pool,
            coordinates,
            learnedTokens,
            width,
          }) as Encoder,
          text: bagOfWords({ vocabulary, width, combine: 'sum' }) as Encoder,
        },
        fusion,
        head: (z) => mlp({ in: z, hidden, out: classes.length, dropout }),
      }),
    // Without a limit to the gradients, one batch in 10,000 throws a long training back by ten epochs.
    optimizer: (steps) =>
      chain(
        clipByGlobalNorm({ maxNorm: 1 }),
        adamw({ learningRate: oneCycle({ peak, steps, warmup }), weightDecay }),
      ),
  };
}

export function clevrFusion({ strategy, options }: ClevrRecipe): FusionFactory {
  return (given) => strategies.create(strategy, { ...given, ...options });
}
