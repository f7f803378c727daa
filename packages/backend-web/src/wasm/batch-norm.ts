import { FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRADIENT } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { chunkOf, product, type WasmKernel } from './kernel.js';
import type { Simd } from './simd.js';

// What is one number a channel is computed here, in double precision; the rows by the threads.

type Inputs = Readonly<Record<string, tf.TensorInfo>>;

/** A map as rows of channels, cut into chunks whose sums stand one after another. */
interface Rows {
  readonly count: number;
  readonly channels: number;
  readonly chunk: number;
  readonly chunks: number;
}

function rowsOf({ shape }: tf.TensorInfo): Rows {
  const channels = shape.at(-1)!;
  const count = product(shape.slice(0, -1));
  const chunk = chunkOf(count);
  return { count, channels, chunk, chunks: Math.ceil(count / chunk) };
}

/** Bytes of the chunks' sums: two doubles a channel. */
const sumBytes = ({ chunks, channels }: Rows): number => 16 * chunks * channels;

/** Runs a function of assembly/batch-norm.ts, whose last argument the chunks do not share in a sum. */
function run(simd: Simd, name: string, x: tf.TensorInfo, rest: readonly number[], sums: boolean) {
  const { count, channels, chunk } = rowsOf(x);
  const args = [simd.pointer(x), 0, count, channels, ...rest];
  simd.threads.run({
    name,
    args,
    at: 1,
    count,
    chunk,
    ...(sums && { byChunk: [args.length - 1, 16 * channels] as const }),
  });
}

const floats = (simd: Simd, info: tf.TensorInfo): Float32Array =>
  new Float32Array(simd.memory.buffer, simd.pointer(info), product(info.shape));

/** Writes each channel's factors, one after the other, for the functions that map rows to rows. */
function writeFactors(simd: Simd, at: number, channels: number, of: (c: number) => number[]): void {
  const all = new Float32Array(simd.memory.buffer, at);
  for (let c = 0; c < channels; c++) {
    of(c).forEach((value, i) => {
      all[i * channels + c] = value;
    });
  }
}

/** Batch norm in training: two passes over x. The reserve is the mean and 1/√(variance + ε). */
export const batchNorm: WasmKernel = {
  name: FUSED_BATCH_NORM,
  compute({ inputs, attrs }, simd) {
    const { x, scale, offset } = inputs as Inputs;
    const rows = rowsOf(x!);
    const { count, channels, chunk, chunks } = rows;
    const y = simd.output(x!.shape);
    const perChannel = Array.from({ length: 4 }, () => simd.output([channels]));
    const sums = simd.scratch(sumBytes(rows) + 12 * channels);
    const factors = sums + sumBytes(rows);
    run(simd, 'batchNormSums', x!, [sums], true);
    const [means, variances, keptMeans, inverses] = perChannel.map((info) => floats(simd, info));
    const [scales, offsets] = [floats(simd, scale!), floats(simd, offset!)];
    const parts = new Float64Array(simd.memory.buffer, sums, 2 * chunks * channels);
    writeFactors(simd, factors, channels, (c) => {
      let [mean, squares] = [0, 0];
      for (let i = 0; i < chunks; i++) {
        const before = i * chunk;
        const n = Math.min(chunk, count - before);
        const difference = parts[2 * i * channels + c]! - mean;
        mean += (difference * n) / (before + n);
        squares +=
          parts[(2 * i + 1) * channels + c]! + (difference ** 2 * before * n) / (before + n);
      }
      means![c] = mean;
      keptMeans![c] = mean;
      variances![c] = squares / (count - 1);
      const inverse = 1 / Math.sqrt(squares / count + (attrs.epsilon as number));
      inverses![c] = inverse;
      return [mean, scales[c]! * inverse, offsets[c]!];
    });
    run(simd, 'batchNorm', x!, [factors, simd.pointer(y)], false);
    return [y, ...perChannel];
  },
};

/**
 * Its gradient, two passes over x and dy: with x̂ = (x − μ)/√(σ² + ε) over n rows, doffset = Σ dy,
 * dscale = Σ dy·x̂, dx = scale/√(σ² + ε) · (dy − doffset/n − x̂·dscale/n).
 */
export const batchNormGradient: WasmKernel = {
  name: FUSED_BATCH_NORM_GRADIENT,
  compute({ inputs }, simd) {
    const { dy, x, scale, r0, r1 } = inputs as Inputs;
    const rows = rowsOf(x!);
    const { count, channels, chunks } = rows;
    const dx = simd.output(x!.shape);
    const [dscale, doffset] = [simd.output([channels]), simd.output([channels])];
    const sums = simd.scratch(sumBytes(rows) + 16 * channels);
    const factors = sums + sumBytes(rows);
    run(simd, 'batchNormGradientSums', x!, [simd.pointer(dy!), simd.pointer(r0!), sums], true);
    const [means, inverses, scales] = [r0!, r1!, scale!].map((info) => floats(simd, info));
    const [ofScale, ofOffset] = [floats(simd, dscale), floats(simd, doffset)];
    const parts = new Float64Array(simd.memory.buffer, sums, 2 * chunks * channels);
    writeFactors(simd, factors, channels, (c) => {
      let [sum, products] = [0, 0];
      for (let i = 0; i < chunks; i++) {
        sum += parts[2 * i * channels + c]!;
        products += parts[(2 * i + 1) * channels + c]!;
      }
      const inverse = inverses![c]!;
      const factor = scales![c]! * inverse;
      const slope = (-factor * inverse ** 2 * products) / count;
      ofScale[c] = products * inverse;
      ofOffset[c] = sum;
      return [means![c]!, factor, slope, (-factor * sum) / count];
    });
    const ends = [simd.pointer(dy!), factors, simd.pointer(dx)];
    run(simd, 'batchNormGradient', x!, ends, false);
    return [dx, dscale, doffset];
  },
};

/** Batch norm with given statistics, as in inference: one pass. */
export const batchNormOfStatistics: WasmKernel = {
  name: tf.FusedBatchNorm,
  compute({ inputs, attrs }, simd) {
    const { x, mean, variance, offset, scale } = inputs as Record<
      string,
      tf.TensorInfo | undefined
    >;
    const channels = x!.shape.at(-1) ?? 1;
    const perChannel = [mean!, variance!, offset, scale];
    if (perChannel.some((info) => info && product(info.shape) !== channels)) return undefined;
    if (x!.dtype !== 'float32' || product(x!.shape) === 0) return undefined;
    const y = simd.output(x!.shape);
    const factors = simd.scratch(12 * channels);
    const [means, variances, offsets, scales] = perChannel.map(
      (info) => info && floats(simd, info),
    );
    writeFactors(simd, factors, channels, (c) => {
      const deviation = Math.sqrt(variances![c]! + (attrs.varianceEpsilon as number));
      return [means![c]!, (scales?.[c] ?? 1) / deviation, offsets?.[c] ?? 0];
    });
    run(simd, 'batchNorm', x!, [factors, simd.pointer(y)], false);
    return y;
  },
};
