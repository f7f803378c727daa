import { fusion as strategies } from '@chainrule/fusion/registry';
import { meanSquaredError } from '@chainrule/losses';
import {
  type Embeddings,
  key,
  split,
  type Tree,
  tidy,
  uniform,
  uniformArray,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Workload } from '../workload.js';
import { forwardBackward } from './gradient.js';

export interface FusionOptions {
  readonly strategy: string;
}

const [BATCH, WIDTH, TOKENS] = [64, 512, 64];
/** A relation network has pairs of objects: of 64 they would take gigabytes. */
const OBJECTS = 16;

/** How many tokens each modality has; undefined for strategies of vectors. */
export function tokensOf(strategy: string): number | undefined {
  const widths = { image: 4, text: 4 };
  const { config } = strategies.create(strategy, { widths });
  if (!('tokenWidths' in config) || strategy === 'attentionPooling') return undefined;
  return strategy === 'relationNetwork' ? OBJECTS : TOKENS;
}

/** A strategy of two modalities of width 512, batch 64, as in training but for dropout. */
export function fusion({ strategy }: FusionOptions): Workload {
  const widths = { image: WIDTH, text: WIDTH };
  const noDropout = ['mfb', 'mfh'].includes(strategy) ? { dropout: 0 } : {};
  const module = strategies.create(strategy, { widths, ...noDropout });
  const tokens = tokensOf(strategy);
  const draw = (name: string, shape: readonly number[]) =>
    tidy(() => tf.sub(uniform(split(key(0), name), [...shape]), 0.5));
  const source = split(key(0), 'init');
  const work = forwardBackward(
    () => module.init(source),
    () => ({
      x: {
        image: draw('image', [BATCH, WIDTH]),
        text: draw('text', [BATCH, WIDTH]),
        ...(tokens && {
          imageTokens: draw('imageTokens', [BATCH, tokens, WIDTH]),
          textTokens: draw('textTokens', [BATCH, tokens, WIDTH]),
        }),
      },
      target: draw('target', [BATCH, module.width]),
    }),
    (params, { x, target }) => {
      const { image, text, imageTokens, textTokens } = x as { [name: string]: tf.Tensor };
      const embeddings: Embeddings = {
        image: { vector: image as tf.Tensor2D, ...own(imageTokens) },
        text: { vector: text as tf.Tensor2D, ...own(textTokens) },
      };
      return meanSquaredError(module.apply(params, embeddings, { training: true }), target);
    },
  );
  return {
    ...work,
    async data() {
      const { tensors } = await work.data();
      const constants = strategy === 'mcb' ? { constants: sketches() } : {};
      return {
        tensors: { ...(tensors as { readonly [name: string]: Tree<tf.Tensor> }), ...constants },
        settings: { strategy },
      };
    },
  };
}

const own = (tokens: tf.Tensor | undefined) => (tokens ? { tokens: tokens as tf.Tensor3D } : {});

/** The hashes of compact bilinear pooling with the seed 0, as the strategy draws them. */
function sketches() {
  const of = (name: string) => split(key(0), name);
  const bins = (name: string) =>
    uniformArray(split(of(name), 'bins'), WIDTH).map((u) => Math.floor(u * 1024));
  const signs = (name: string) =>
    uniformArray(split(of(name), 'signs'), WIDTH).map((u) => (u < 0.5 ? -1 : 1));
  return {
    bins: { image: tf.tensor1d(bins('image')), text: tf.tensor1d(bins('text')) },
    signs: { image: tf.tensor1d(signs('image')), text: tf.tensor1d(signs('text')) },
  };
}
