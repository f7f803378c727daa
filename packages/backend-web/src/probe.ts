import * as tf from '@tensorflow/tfjs-core';

/** What the step below gives on TensorFlow's native backend. */
const EXPECTED = [1.548377, -0.0185748, 4.388662, -0.00750593] as const;

/**
 * A small training step: convolution, max pooling, a gather and a softmax loss, and the gradients
 * of filter and words, reduced to four numbers.
 */
export async function probe(): Promise<readonly number[]> {
  const result = tf.tidy(() => {
    const wave = (shape: number[], step: number) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return tf.tensor(
        Float32Array.from({ length: size }, (_, i) => Math.sin(step * i)),
        shape,
      );
    };
    const image = wave([2, 6, 6, 3], 0.7) as tf.Tensor4D;
    const rows = tf.tensor1d([1, 0, 1, 1], 'int32');
    const target = tf.oneHot(tf.tensor1d([0, 2, 1, 3], 'int32'), 4, 1, 0, 'float32');
    const loss = (filter: tf.Tensor, words: tf.Tensor) => {
      const map = tf.maxPool(tf.conv2d(image, filter as tf.Tensor4D, 1, 'same'), 2, 2, 'valid');
      const pictures = tf.gather(tf.mean(tf.relu(map), [1, 2]), rows);
      const logits = tf.mul(pictures, tf.gather(words, rows));
      return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), -1))) as tf.Scalar;
    };
    const [filter, words] = [wave([3, 3, 3, 4], 0.3), wave([2, 4], 1.1)];
    const { value, grads } = tf.valueAndGrads(loss)([filter, words]);
    const [dFilter, dWords] = grads as [tf.Tensor, tf.Tensor];
    const weigh = (x: tf.Tensor) => tf.sum(tf.mul(x, wave(x.shape, 0.9)));
    return tf.stack([value, weigh(dFilter), tf.sum(tf.abs(dFilter)), weigh(dWords)]);
  });
  const values = await result.data();
  result.dispose();
  return [...values];
}

/** Whether the backend in use trains, to three digits (a GPU may compute with half of float32's). */
export function agrees(values: readonly number[]): boolean {
  return EXPECTED.every(
    (expected, i) => Math.abs(values[i]! - expected) <= 2e-3 * Math.abs(expected),
  );
}
