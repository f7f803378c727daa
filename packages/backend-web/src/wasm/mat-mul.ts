import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/**
 * Matrix products. The backend's own are fast only for a single product with neither side
 * transposed, which is what inference needs; every gradient transposes one.
 */
export const matMul: WasmKernel = {
  name: tf.BatchMatMul,
  compute({ inputs, attrs }, simd) {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs;
    const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const sizes = [a.dtype, b.dtype].every((dtype) => dtype === 'float32');
    if (!sizes || (batchA.join() !== batchB.join() && product(batchA) * product(batchB) !== 1)) {
      return undefined;
    }
    const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
    const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
    const [rows, inner] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const [innerB, width] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
    if (inner !== innerB || inner === 0) return undefined;
    const batch = batchA.length > batchB.length ? batchA : batchB;
    const out = simd.output([...batch, rows, width]);
    const panelBytes = 32 * (inner + 4);
    const panel = simd.scratch(simd.threads.count * panelBytes);
    const start = [a, b, out].map(simd.pointer) as [number, number, number];
    // Each chunk packs all of B anew, which pays where it has rows enough.
    const chunk = 4 * Math.ceil(Math.max(32, rows / 8) / 4);
    for (let i = 0; i < product(batch); i++) {
      simd.threads.run({
        name: 'matMul',
        args: [
          start[0] + 4 * i * rowsA * columnsA,
          ...(transposeA ? [4, 4 * columnsA] : [4 * columnsA, 4]),
          start[1] + 4 * i * rowsB * columnsB,
          ...(transposeB ? [4, 4 * columnsB] : [4 * columnsB, 4]),
          start[2] + 4 * i * rows * width,
          0,
          rows,
          inner,
          width,
          panel,
        ],
        at: 7,
        count: rows,
        chunk,
        byThread: [11, panelBytes],
      });
    }
    return out;
  },
};
