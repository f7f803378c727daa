import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** Repeats along one axis. */
export const tile: WasmKernel = {
  name: tf.Tile,
  compute({ inputs, attrs }, simd) {
    const x = inputs.x as tf.TensorInfo;
    const { reps } = attrs as unknown as tf.TileAttrs;
    const axis = reps.findIndex((count) => count !== 1);
    const single = reps.length === x.shape.length && reps.filter((n) => n !== 1).length === 1;
    if (!single || x.dtype === 'string') return undefined;
    const out = simd.output(
      x.shape.map((size, i) => size * reps[i]!),
      x.dtype,
    );
    const bytes = tf.util.bytesPerElement(x.dtype) * product(x.shape.slice(axis));
    const blocks = product(x.shape.slice(0, axis));
    const count = reps[axis]!;
    const [from, to] = [simd.pointer(x), simd.pointer(out)];
    const memory = new Uint8Array(simd.memory.buffer);
    for (let block = 0; block < blocks; block++) {
      const source = from + block * bytes;
      const target = to + block * bytes * count;
      if (bytes === 1) memory.fill(memory[source]!, target, target + count);
      else {
        for (let i = 0; i < count; i++) {
          memory.copyWithin(target + i * bytes, source, source + bytes);
        }
      }
    }
    return out;
  },
};
