import { type Batch, hasKernel, runKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A batch from a loader. The consumer owns its tensors: pass it to {@link disposeBatch} when done.
 *
 * - `inputs.image`: float32 `[U, height, width, channels]` in 0 … 1, the distinct images.
 * - `inputs.text`: int32 `[V, maxLength]`, the distinct texts, filled up with 0.
 * - `rows.image`, `rows.text`: int32 `[B]`, the row that each example uses.
 * - `target`: int32 `[B]` class ids, or float32 `[B]` or `[B, D]` for regression.
 * - `weight`: float32 `[B]`, 1 = a real example, 0 = padding (always at the end).
 */
export interface DataBatch extends Batch<tf.Tensor> {
  readonly rows: { readonly [modality: string]: tf.Tensor1D };
  readonly weight: tf.Tensor1D;
  /** The numbers of the real examples in the data set, in the order of the rows. */
  readonly indices: readonly number[];
}

/** Frees the tensors of a batch. Calling it twice does no harm. */
export function disposeBatch(batch: Batch): void {
  tf.dispose([
    batch.inputs,
    batch.rows ?? {},
    batch.target,
    batch.weight ?? [],
  ] as tf.TensorContainer);
}

/** A batch in plain memory: what is prepared ahead, so that stopping early leaks no tensor. */
export interface HostBatch {
  readonly inputs: { readonly [modality: string]: HostArray };
  readonly rows: { readonly [modality: string]: Int32Array };
  readonly target: HostArray;
  readonly indices: readonly number[];
}

export interface HostArray {
  /** Bytes are the pixels of images, 0 … 255. */
  readonly values: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

export function toTensors(host: HostBatch): DataBatch {
  const size = host.target.shape[0]!;
  const weight = new Float32Array(size).fill(1, 0, host.indices.length);
  return {
    inputs: mapValues(host.inputs, toTensor),
    rows: mapValues(host.rows, (values) => tf.tensor1d(values, 'int32')),
    target: toTensor(host.target),
    weight: tf.tensor1d(weight),
    indices: host.indices,
  };
}

function toTensor({ values, shape }: HostArray): tf.Tensor {
  if (values instanceof Uint8Array) return tf.tidy(() => pixels(values, shape));
  return tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32');
}

/**
 * The kernel by which a backend may take in bytes: `{ packed, sizes }`, both int32, four bytes in each
 * of the first, gives them / 255 in that shape.
 */
const PIXELS = 'Pixels';

/** Bytes as 0…1, divided by the backend, which takes a tenth of the time of a loop here. */
function pixels(bytes: Uint8Array, shape: readonly number[]): tf.Tensor {
  const whole = bytes.length % 4 === 0 && bytes.byteOffset % 4 === 0;
  if (!whole || !hasKernel(PIXELS)) return tf.div(tf.tensor(bytes, [...shape], 'float32'), 255);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const packed = tf.tensor1d(words, 'int32');
  const [values] = runKernel(PIXELS, { packed, sizes: tf.tensor1d([...shape], 'int32') });
  return values!;
}

function mapValues<A, B>(record: { readonly [name: string]: A }, f: (value: A) => B) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}
