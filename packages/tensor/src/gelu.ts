import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernels.js';

/** The kernel by which a backend may do all of a GELU in one pass: `{ x }`, attributes `{ approximate }`. */
export const GELU = 'Gelu';
/** Its gradient: `{ dy, x }`. */
export const GELU_GRADIENT = 'GeluGradient';

/**
 * x·Φ(x) = ½x(1 + erf(x/√2)), Φ the distribution function of the normal distribution. Its derivative
 * is Φ(x) + xφ(x). Any shape → the same.
 *
 * Source: Hendrycks and Gimpel, Gaussian error linear units (2016).
 *
 * @example
 * geluExact(tf.tensor1d([-1, 0, 1])); // [−0.1587, 0, 0.8413]
 */
export const geluExact = <T extends tf.Tensor>(x: T): T => tf.tidy(() => exact(x)) as T;

/** Its approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))), which is off by up to 5·10⁻⁴. */
export const geluTanh = <T extends tf.Tensor>(x: T): T => tf.tidy(() => approximate(x)) as T;

interface Formula {
  /** The value, and what the gradient wants beside x. */
  readonly forward: (x: tf.Tensor) => { readonly value: tf.Tensor; readonly kept: tf.Tensor[] };
  readonly slope: (x: tf.Tensor, kept: readonly tf.Tensor[]) => tf.Tensor;
}

function operation(attributes: { readonly approximate: boolean }, formula: Formula) {
  return tf.customGrad((...args) => {
    const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
    if (hasKernel(GELU)) {
      save([x]);
      return {
        value: runKernel(GELU, { x }, attributes)[0]!,
        gradFunc: (dy: tf.Tensor, [x]: tf.Tensor[]) =>
          runKernel(GELU_GRADIENT, { dy, x: x! }, attributes)[0]!,
      };
    }
    const { value, kept } = formula.forward(x);
    save([x, ...kept]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [x, ...kept]: tf.Tensor[]) => tf.mul(dy, formula.slope(x!, kept)),
    };
  });
}

const exact = /* @__PURE__ */ operation(
  { approximate: false },
  {
    forward: (x) => {
      const gate = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
      return { value: tf.mul(x, gate), kept: [gate] };
    },
    slope: (x, [gate]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.add(gate!, tf.mul(x, density));
    },
  },
);

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/**
 * ½(1 + tanh z) is σ(2z), so that this is x·σ(p) with p = 2√(2/π)(x + 0.044715x³), and its
 * derivative is σ + xp′·σ(1 − σ). Written out, forward and backward are half the passes over memory
 * that the tape's gradient takes.
 */
const approximate = /* @__PURE__ */ operation(
  { approximate: true },
  {
    forward: (x) => {
      const gate = tf.sigmoid(tf.mul(x, tf.add(tf.mul(tf.square(x), CUBIC), LINEAR)));
      return { value: tf.mul(x, gate), kept: [gate] };
    },
    slope: (x, [gate]) => {
      const slope = tf.mul(x, tf.add(tf.mul(tf.square(x), 3 * CUBIC), LINEAR));
      return tf.add(gate!, tf.mul(slope, tf.mul(gate!, tf.sub(1, gate!))));
    },
  },
);
