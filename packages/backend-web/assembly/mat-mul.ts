import { columns1, columns4, pack, rows1, rows4 } from './product';

/**
 * Rows `from` … `to` of C = A · B, with A `[·, inner]`, B `[inner, width]`, C in row order. A is
 * given by its strides (one of them is 4), B by its own. `panel` has room for 8 · (inner + 4)
 * numbers.
 */
export function matMul(
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  c: usize,
  from: i32,
  to: i32,
  inner: i32,
  width: i32,
  panel: usize,
): void {
  const cStride = (<usize>width) << 2;
  const tile = panel + ((<usize>inner) << 5);
  for (let n = 0; n < width; n += 8) {
    const columns = min(8, width - n);
    pack(b + <usize>n * bColumn, bRow, bColumn, inner, columns, panel);
    const out = c + ((<usize>n) << 2);
    let i = from;
    if (aColumn === 4) {
      for (; i + 4 <= to; i += 4) {
        const start = a + <usize>i * aRow;
        rows4(start, aRow, 1, inner, 0, panel, out + <usize>i * cStride, cStride, columns);
      }
      for (; i < to; i++) {
        rows1(a + <usize>i * aRow, 1, inner, 0, panel, out + <usize>i * cStride, columns);
      }
    } else {
      for (; i < to; i += 4) {
        const rows = min(4, to - i);
        memory.fill(tile, 0, 128);
        if (rows === 4) {
          columns4(a + <usize>i * aRow, aColumn, 0, panel, 32, 0, 1, inner, tile, 32);
        } else {
          for (let r = 0; r < rows; r++) {
            const start = a + <usize>(i + r) * aRow;
            columns1(start, aColumn, 0, panel, 32, 0, 1, inner, tile + ((<usize>r) << 5));
          }
        }
        for (let r = 0; r < rows; r++) {
          memory.copy(
            out + <usize>(i + r) * cStride,
            tile + ((<usize>r) << 5),
            (<usize>columns) << 2,
          );
        }
      }
    }
  }
}
