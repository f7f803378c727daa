import { ChainruleError, type RawTensor, type Safetensors } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { BertConfig, BertParams } from './bert.js';

/**
 * The parameters of `bert(config)` from a file of Hugging Face's `BertModel`. Dense kernels are
 * transposed, the keys' biases left out (a softmax ignores them), and the vector of the first
 * segment is added to the positions. The tensors are new; what the encoder does not use (the pooler)
 * is not read.
 *
 * @param prefix before every name, such as `bert.`; default none.
 * @throws ChainruleError `WEIGHTS` that names the tensor which is missing or of another shape, and
 * both shapes.
 *
 * @example
 * const params = bertParams(readSafetensors(bytes).tensors, encoder.config);
 */
export function bertParams(
  tensors: Safetensors['tensors'],
  config: BertConfig,
  prefix = '',
): BertParams {
  const { vocabulary, width, layers, feedForward, maxLength } = config;
  const read = (name: string, shape: readonly number[]): RawTensor & { dtype: 'float32' } => {
    const found = tensors.get(prefix + name);
    const expected = `float32 [${shape.join(', ')}]`;
    const got = found === undefined ? 'nothing' : `${found.dtype} [${found.shape.join(', ')}]`;
    if (found?.dtype !== 'float32' || got !== expected) {
      throw new ChainruleError(
        'WEIGHTS',
        `encoders-text.bertParams: "${prefix}${name}" must be ${expected}, the file has ${got}; give the weights of the model that the config describes`,
      );
    }
    return found;
  };
  const leaf = (name: string, shape: number[]) => tf.tensor(read(name, shape).data, shape);
  const made: tf.Tensor[] = [];
  const own = <T extends tf.Tensor>(tensor: T): T => {
    made.push(tensor);
    return tensor;
  };
  const dense = (name: string, from: number, to: number) => ({
    kernel: own(tf.tidy(() => tf.transpose(leaf(`${name}.weight`, [to, from]))) as tf.Tensor2D),
    bias: own(leaf(`${name}.bias`, [to])),
  });
  const norm = (name: string) => ({
    scale: own(leaf(`${name}.weight`, [width]) as tf.Tensor1D),
    offset: own(leaf(`${name}.bias`, [width]) as tf.Tensor1D),
  });
  try {
    const words = own(
      leaf('embeddings.word_embeddings.weight', [vocabulary, width]) as tf.Tensor2D,
    );
    const positions = own(
      tf.tidy(() => {
        const places = leaf('embeddings.position_embeddings.weight', [maxLength, width]);
        const segments = leaf('embeddings.token_type_embeddings.weight', [2, width]);
        return tf.add(places, tf.slice(segments, 0, 1)) as tf.Tensor2D;
      }),
    );
    return {
      words,
      positions,
      norm: norm('embeddings.LayerNorm'),
      layers: Array.from({ length: layers }, (_, i) => {
        const at = `encoder.layer.${i}`;
        const key = tf.tidy(() =>
          tf.transpose(leaf(`${at}.attention.self.key.weight`, [width, width])),
        ) as tf.Tensor2D;
        return {
          attention: {
            query: dense(`${at}.attention.self.query`, width, width),
            key: { kernel: own(key) },
            value: dense(`${at}.attention.self.value`, width, width),
            out: dense(`${at}.attention.output.dense`, width, width),
          },
          attentionNorm: norm(`${at}.attention.output.LayerNorm`),
          hidden: dense(`${at}.intermediate.dense`, width, feedForward),
          out: dense(`${at}.output.dense`, feedForward, width),
          outNorm: norm(`${at}.output.LayerNorm`),
        };
      }),
    };
  } catch (error) {
    tf.dispose(made);
    throw error;
  }
}
