import { ChainruleError } from '@chainrule/tensor';
import { unit } from './unit.js';

/** Copies of rows, each of length 1 and of one width. */
export function unitRows(where: string, rows: readonly Float32Array[]): Float32Array[] {
  const width = rows[0]?.length ?? 0;
  return rows.map((row, i) => {
    if (row.length !== width || width === 0) {
      throw new ChainruleError(
        'INDEX_WIDTH',
        `${where}: row ${i} must have the first row's width ${width} (at least 1), got ${row.length}`,
      );
    }
    const normalised = unit(row);
    if (normalised !== undefined) return normalised;
    throw new ChainruleError(
      'INDEX_VECTOR',
      `${where}: row ${i} can not be compared: it is zero, or has NaN or infinity in it`,
    );
  });
}

/** Rows one after another in one array. */
export function joined(rows: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    all.set(row, i * width);
  });
  return all;
}
