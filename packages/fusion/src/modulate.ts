import { fusedKernel, hasKernel, runKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The kernel by which a backend may modulate tokens in one pass: `{ x, both }`, attributes `{ relu }`.
 * Its gradient takes `{ dy, x, both, y }` and gives dx and dboth.
 */
const MODULATE = 'Modulate';
const MODULATE_GRADIENT = 'ModulateGradient';

/**
 * r((1 + γ) ⊙ x + β) of each token, r the ReLU. x `[batch, tokens, width]`; both, `[batch, 2·width]`,
 * is [γ, β].
 */
export function modulate(x: tf.Tensor3D, both: tf.Tensor2D): tf.Tensor3D {
  return hasKernel(MODULATE, x.shape[2]) ? inOnePass(x, both) : composite(x, both);
}

function composite(x: tf.Tensor3D, both: tf.Tensor2D): tf.Tensor3D {
  const [gamma, beta] = tf.split(tf.expandDims(both, 1), 2, 2) as [tf.Tensor3D, tf.Tensor3D];
  return tf.relu(tf.add(tf.mul(x, tf.add(gamma, 1)), beta));
}

function inOnePass(x: tf.Tensor3D, both: tf.Tensor2D): tf.Tensor3D {
  const attributes = { relu: true };
  return fusedKernel<tf.Tensor3D>({
    kernel: MODULATE,
    inputs: { x, both },
    attributes,
    gradient: (dy, { x, both }, [y]) =>
      runKernel(MODULATE_GRADIENT, { dy, x: x!, both: both!, y: y! }, attributes),
  });
}
