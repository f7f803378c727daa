import { emoji } from '@chainrule/data/node';
import { miniLm as encoder } from '@chainrule/encoders-text';
import { miniLmWeights } from '@chainrule/encoders-text/node';
import { countParams, key, type Step } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Workload } from '../workload.js';

const [BATCH, TIME] = [100, 16];

type Params = Awaited<ReturnType<typeof miniLmWeights>>['params'];

/** Sentence embeddings of 100 names of emoji, cut to 16 tokens, by MiniLM-L6 with its real weights. */
export function miniLm(): Workload {
  const { apply } = encoder();
  const step: Step<Params, { ids: tf.Tensor2D }, { checksum: tf.Scalar }> = (params, { ids }) => ({
    state: params,
    metrics: { checksum: checksum(apply(params, ids).vector) },
  });
  const prepared = async () => {
    const { params, tokenizer } = await miniLmWeights({ log: console.error });
    const { concepts } = await emoji({ artists: [] });
    const texts = concepts.slice(0, BATCH).map(({ name }) => name);
    const flat = tokenizer.encodeBatch(texts, { maxLength: TIME });
    return { params, ids: tf.tensor2d(flat, [BATCH, TIME], 'int32') };
  };
  return {
    data: async () => ({ tensors: await prepared() }),
    async prepare(executor) {
      const { params, ids } = await prepared();
      const parameters = countParams(params);
      const execution = executor.prepare(step, params);
      return {
        parameters,
        step: async () => (await execution.run({ ids }, key(0))).checksum,
        checks: async (value) => ({ checksum: value }),
      };
    },
  };
}

/** Σ of the components, each with another weight: it differs where any vector differs. */
function checksum(vectors: tf.Tensor2D): tf.Scalar {
  const [rows, width] = vectors.shape;
  const weights = tf.add(tf.mul(tf.range(0, rows * width), 1e-4), 1);
  return tf.sum(tf.mul(vectors, tf.reshape(weights, [rows, width])));
}
