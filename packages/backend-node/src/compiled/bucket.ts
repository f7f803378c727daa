import { ChainruleError, flatten, isTensor, mapTree, type Tree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** An input of a size that few graphs cover, and how many of its rows are examples. */
export interface Padded<I> {
  readonly input: I;
  readonly examples: number;
  /** Examples with the padding. */
  readonly size: number;
}

/**
 * The next power of two up to 64, where a call costs more than its rows; from there eight sizes a
 * doubling, so that at most an eighth of the work is padding; beyond `largest` its multiples.
 */
export function bucketOf(rows: number, largest: number): number {
  if (rows > largest) return Math.ceil(rows / largest) * largest;
  const power = 2 ** Math.ceil(Math.log2(rows));
  const step = power > 64 ? power / 16 : power;
  return Math.min(Math.ceil(rows / step) * step, largest);
}

/**
 * Repeats the last row of each tensor until their number is a bucket's. All leaves have one row an
 * example, but for those of a multimodal input `{ inputs, rows }` whose rows are shared: each of
 * these modalities has a count, and so a bucket, of its own. Scalars, and what is no tensor, stay.
 *
 * Call it within tf.tidy: leaves that fill their bucket are the caller's own.
 *
 * @throws ChainruleError `SHAPE` where leaves disagree about the number of rows; `EMPTY_BATCH`.
 */
export function padToBucket<I>(input: I, largest: number): Padded<I> {
  const own = ownRows(input);
  const counts = new Map<string, { readonly rows: number; readonly path: string }>();
  const groupOf = (path: string) => own.find((group) => inside(path, group)) ?? '';
  for (const [path, leaf] of flatten(input as Tree<tf.Tensor>)) {
    if (!isTensor(leaf) || leaf.shape.length === 0) continue;
    const rows = leaf.shape[0]!;
    const known = counts.get(groupOf(path));
    if (rows === 0) throw fail('EMPTY_BATCH', `"${path}" has no rows; give at least one`);
    if (known !== undefined && known.rows !== rows) {
      throw fail(
        'SHAPE',
        `"${known.path}" has ${known.rows} rows and "${path}" ${rows}; give each leaf one row an ` +
          'example, or a multimodal input { inputs, rows }',
      );
    }
    counts.set(groupOf(path), known ?? { rows, path });
  }
  const examples = counts.get('')?.rows;
  if (examples === undefined) {
    throw fail('SHAPE', 'the input has no tensor with a batch axis; give at least one');
  }
  const padded = mapTree(input as Tree<tf.Tensor>, (leaf: tf.Tensor) => {
    if (!isTensor(leaf) || leaf.shape.length === 0) return leaf;
    const rows = leaf.shape[0]!;
    const size = bucketOf(rows, largest);
    return size === rows ? leaf : tf.gather(leaf, lastRepeated(rows, size));
  });
  return { input: padded as I, examples, size: bucketOf(examples, largest) };
}

/** The modalities of a multimodal input that have rows of their own. */
function ownRows(input: unknown): string[] {
  const { inputs, rows } = input as { readonly inputs?: object; readonly rows?: object };
  if (inputs === undefined || rows === undefined || isTensor(inputs)) return [];
  const shared = Object.entries(rows).filter(([, used]) => used !== undefined);
  return shared.map(([modality]) => `inputs/${modality}`);
}

const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** 0, 1, … rows − 1, rows − 1, … */
function lastRepeated(rows: number, size: number): tf.Tensor1D {
  return tf.tensor1d(
    Int32Array.from({ length: size }, (_, i) => Math.min(i, rows - 1)),
    'int32',
  );
}

function fail(code: string, problem: string): ChainruleError {
  return new ChainruleError(code, `compiledFunction: ${problem}`);
}
