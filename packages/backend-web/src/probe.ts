import * as tf from '@tensorflow/tfjs-core';

/** What the step below gives on TensorFlow's native backend. */
const EXPECTED = [2.885785, 22.54978, 0.4998368, -0.2036189, -0.01665077] as const;

/**
 * A small training step of the operations that models here are made of: convolution, pooling, the
 * maximum over all positions, a dense layer, a gather and a softmax loss; and the gradients of
 * filter, layer and words. Reduced to five numbers.
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
    const image = wave([20, 8, 8, 3], 0.7) as tf.Tensor4D;
    const rows = tf.tensor1d([1, 0, 1, 19, 7, 3], 'int32');
    const words = tf.tensor1d([0, 2, 1, 3, 3, 0], 'int32');
    const target = tf.oneHot(tf.tensor1d([0, 2, 1, 15, 7, 2], 'int32'), 16, 1, 0, 'float32');
    const loss = (filter: tf.Tensor, kernel: tf.Tensor, vectors: tf.Tensor) => {
      const map = tf.maxPool(tf.conv2d(image, filter as tf.Tensor4D, 1, 'same'), 2, 2, 'valid');
      const pictures = tf.matMul(tf.max(tf.relu(map), [1, 2]), kernel) as tf.Tensor2D;
      const logits = tf.mul(tf.gather(pictures, rows), tf.gather(vectors, words));
      return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), -1))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(loss)([
      wave([3, 3, 3, 8], 0.3),
      wave([8, 16], 0.5),
      wave([4, 16], 1.1),
    ]);
    const weigh = (x: tf.Tensor) => tf.sum(tf.mul(x, wave(x.shape, 0.9)));
    return tf.stack([value, tf.sum(tf.abs(grads[0]!)), ...grads.map(weigh)]);
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
