import { fusedKernel, hasKernel, type Key, runKernel, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** The kernel by which a backend may mirror some examples in one pass: `{ x, flip }`, flip `[batch]` of 0 and 1. */
const FLIP = 'Flip';

/**
 * Mirrors each image left to right with probability ½, each on its own: a pure function of the
 * key. `[batch, height, width, channels]` → the same.
 *
 * @example
 * const flipped = randomFlip(images, split(key(seed), 'flip'));
 */
export function randomFlip(images: tf.Tensor4D, source: Key): tf.Tensor4D {
  return tf.tidy(() => {
    const draw = uniform<tf.Rank.R4>(source, [images.shape[0], 1, 1, 1]);
    const flip = tf.cast<tf.Tensor4D>(tf.less(draw, 0.5), 'float32');
    return hasKernel(FLIP) ? inOnePass(images, flip) : composite(images, flip);
  });
}

/** Arithmetic and not `where`: images are finite, and every backend has these kernels. */
function composite(images: tf.Tensor4D, flip: tf.Tensor4D): tf.Tensor4D {
  return tf.add(tf.mul(tf.reverse(images, 2), flip), tf.mul(images, tf.sub(1, flip)));
}

function inOnePass(x: tf.Tensor4D, drawn: tf.Tensor4D): tf.Tensor4D {
  return fusedKernel<tf.Tensor4D>({
    kernel: FLIP,
    inputs: { x },
    constants: { flip: tf.reshape(drawn, [-1]) },
    // Mirrored twice, a picture is as it was.
    gradient: (dy, { flip }) => runKernel(FLIP, { x: dy, flip: flip! }),
  });
}
