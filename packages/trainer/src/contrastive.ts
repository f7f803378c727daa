import { infoNce, siglip } from '@chainrule/losses';
import { lookUp, tidy } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { DualOutput } from './dual-encoder.js';
import type { Objective } from './objectives.js';

const losses = { infoNce, siglip };

export interface ContrastiveOptions {
  /** Default `infoNce`. `siglip` wants a model with `scale: 10, bias: -10`. */
  readonly loss?: keyof typeof losses;
  /**
   * What belongs together: examples of the same `target`, int32 `[batch]` (several pictures of one
   * thing, say), or the two sides of an example alone (`pair`). Default `target`.
   */
  readonly positives?: 'target' | 'pair';
}

/**
 * For a {@link dualEncoder}: each side of an example is to find the other among the batch. Reports
 * `loss`; of either side, the share of examples whose closest row of the other side belongs to
 * them (`imageToText`, `textToImage`, by the encoders' names); and `recall`, the mean of the two. They are recalls
 * within a batch, which is easier than within all data.
 *
 * Examples of weight 0 are nobody's negatives.
 *
 * @throws ChainruleError `UNKNOWN_NAME` for an unknown loss; from `measure`, `SHAPE` and `DTYPE`
 * where the target is not int32 `[batch]`.
 *
 * @example
 * const run = train({ model, objective: contrastive(), optimizer: adamw(), data, epochs: 10 });
 */
export function contrastive(options: ContrastiveOptions = {}): Objective<DualOutput> {
  const { loss: name = 'infoNce', positives = 'target' } = options;
  const where = 'trainer.contrastive';
  lookUp(`${where}: loss`, losses, name);
  lookUp(`${where}: positives`, { target: 0, pair: 0 }, positives);
  return {
    config: { type: 'contrastive', loss: name, positives },
    measure({ embeddings, scale, bias }, target, weight) {
      const [[a, first], [b, second]] = Object.entries(embeddings) as [Side, Side];
      const labels = positives === 'target' ? (target as tf.Tensor1D) : undefined;
      return tidy(() => {
        const options = { labels, weight };
        const loss =
          name === 'infoNce'
            ? infoNce(first, second, { ...options, scale })
            : siglip(first, second, { ...options, scale, bias });
        const [forth, back] = recalls(first, second, labels, weight);
        return {
          loss,
          recall: tf.div(tf.add(forth, back), 2) as tf.Scalar,
          [direction(a, b)]: forth,
          [direction(b, a)]: back,
        };
      });
    },
  };
}

type Side = [modality: string, embedding: tf.Tensor2D];

const direction = (from: string, to: string) =>
  `${from}To${to.charAt(0).toUpperCase()}${to.slice(1)}`;

/** The share of rows whose closest column belongs to them, and of columns. */
function recalls(
  first: tf.Tensor2D,
  second: tf.Tensor2D,
  labels: tf.Tensor1D | undefined,
  weight: tf.Tensor1D | undefined,
): [tf.Scalar, tf.Scalar] {
  const [batch] = first.shape;
  const similarity = tf.matMul(first, second, false, true);
  const own =
    labels === undefined
      ? tf.eye(batch)
      : tf.cast(tf.equal(tf.expandDims(labels, 1), tf.expandDims(labels, 0)), 'float32');
  const w = weight === undefined ? tf.ones([batch]) : tf.cast(weight, 'float32');
  // Similarities are within ±1, so padding is never the closest.
  const padding = tf.mul(tf.cast(tf.equal(w, 0), 'float32'), -4);
  const hits = (scores: tf.Tensor) => {
    const closest = tf.oneHot(tf.argMax(tf.add(scores, padding), 1), batch, 1, 0, 'float32');
    const found = tf.sum(tf.mul(closest, own), 1);
    return tf.div(tf.sum(tf.mul(found, w)), tf.maximum(tf.sum(w), 1e-12)) as tf.Scalar;
  };
  return [hits(similarity), hits(tf.transpose(similarity))];
}
