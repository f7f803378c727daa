import * as tf from '@tensorflow/tfjs-core';
import { type KernelArgs, register } from './kernels.js';
import { noteFusion } from './recorder.js';

/**
 * The optimisers' kernels, whose formulas `@chainrule/optim` defines. Run eagerly they are the
 * plain operations below; a compiled step does each in place (inPlace.ts).
 */
export function registerOptimizers(): void {
  fused('ApplySgd', ({ param, grad, rate }) => [tf.sub(param!, tf.mul(grad!, rate!))]);

  fused('ApplyMomentum', ({ param, grad, trace, rate }, { decay, nesterov }) => {
    const next = tf.add(grad!, tf.mul(trace!, decay as number));
    const direction = nesterov ? tf.add(grad!, tf.mul(next, decay as number)) : next;
    return [tf.sub(param!, tf.mul(direction, rate!)), next];
  });

  fused('ApplyAdam', ({ param, grad, m, v, rate, epsilon, decay }, { beta1, beta2 }) => {
    const [b1, b2] = [beta1 as number, beta2 as number];
    const mean = tf.add(tf.mul(m!, b1), tf.mul(grad!, 1 - b1));
    const square = tf.add(tf.mul(v!, b2), tf.mul(tf.square(grad!), 1 - b2));
    const step = tf.div(tf.mul(mean, rate!), tf.add(tf.sqrt(square), epsilon!));
    return [tf.sub(param!, tf.add(step, tf.mul(param!, decay!))), mean, square];
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
