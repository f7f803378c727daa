import type * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** One leaf of an Adam update, in one pass: see `ApplyAdam` in @chainrule/optim. */
export const applyAdam: WasmKernel = {
  name: 'ApplyAdam',
  compute({ inputs, attrs }, simd) {
    const tensors = inputs as { readonly [name: string]: tf.TensorInfo };
    const { param, grad, m, v } = tensors;
    const scalar = (name: string) =>
      new Float32Array(simd.memory.buffer, simd.pointer(tensors[name]!), 1)[0]!;
    const outputs = [param!, m!, v!].map(({ shape }) => simd.output(shape));
    simd.call.adam!(
      product(param!.shape),
      ...[param!, grad!, m!, v!, ...outputs].map(simd.pointer),
      attrs.beta1 as number,
      attrs.beta2 as number,
      scalar('rate'),
      scalar('epsilon'),
      scalar('decay'),
    );
    return outputs;
  },
};
