import * as tf from '@tensorflow/tfjs-core';
import { noteFusion } from './recorder.js';
import { type KernelArgs, register } from './register.js';

/**
 * The optimisers' kernels, whose formulas `@chainrule/optim` defines. Run eagerly they are the
 * plain operations below; a compiled step does each in place (in-place.ts). The order of the
 * operations is that of TensorFlow's own kernels, so that both round alike.
 */
export function registerOptimizers(): void {
  fused('ApplySgd', ({ param, grad, rate }) => [tf.sub(param!, tf.mul(grad!, rate!))]);

  fused('ApplyMomentum', ({ param, grad, trace, rate }, { decay, nesterov }) => {
    const next = tf.add(tf.mul(trace!, decay as number), grad!);
    const step = tf.mul(next, rate!);
    if (!nesterov) return [tf.sub(param!, step), next];
    const ahead = tf.mul(tf.mul(next, decay as number), rate!);
    return [tf.sub(param!, tf.add(tf.mul(grad!, rate!), ahead)), next];
  });

  fused('ApplyAdam', ({ param, grad, m, v, rate, epsilon, decay }, { beta1, beta2 }) => {
    const toward = (mean: tf.Tensor, x: tf.Tensor, beta: unknown) =>
      tf.add(mean, tf.mul(tf.sub(x, mean), Math.fround(1 - Math.fround(beta as number))));
    const mean = toward(m!, grad!, beta1);
    const square = toward(v!, tf.square(grad!), beta2);
    const step = tf.div(tf.mul(mean, rate!), tf.add(tf.sqrt(square), epsilon!));
    return [tf.sub(tf.mul(param!, tf.sub(1, decay!)), step), mean, square];
  });
}

type Inputs = { readonly [name: string]: tf.Tensor | undefined };
type Attrs = { readonly [name: string]: unknown };

function fused(kernel: string, compute: (inputs: Inputs, attrs: Attrs) => tf.Tensor[]): void {
  register(kernel, ({ inputs, attrs }: KernelArgs) => {
    const outputs = tf.tidy(() => compute(inputs as Inputs, attrs));
    noteFusion(kernel, inputs, attrs, outputs);
    return outputs.length === 1 ? outputs[0]! : outputs;
  });
}
