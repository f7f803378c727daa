// The loops of linear.cc. A matrix is multiplied by panels: TALL_WIDTH columns of another, of which each step
// of the depth lies side by side. Columns are a multiple of TALL_WIDTH everywhere.
#include "tile.h"

// Numbers of panels that stay in the second cache.
enum { NEAR = 1 << 18 };

// All columns of a · panels: some rows stay in the nearest cache meanwhile.
template <bool LINE>
static inline void multiply(Scalars a, const float* panels, long depth, long columns, Target to,
                            long rows) {
  for (; rows > 0; rows -= TALL_ROWS, a = a.skip(TALL_ROWS), to = to.skip(TALL_ROWS))
    for (long c = 0; c < columns; c += TALL_WIDTH)
      tiles<TALL_ROWS, TALL_COLUMNS, LINE>(a, {panels + c * depth, TALL_WIDTH}, depth, to.beside(c),
                                 rows < TALL_ROWS ? rows : TALL_ROWS, {nullptr, 0});
}

// One panel of b [depth, ·], or of rows of b [·, depth] as columns.
extern "C" void NAME(linear_pack)(const float* b, long b_row, long depth, bool transposed, float* panel) {
  if (transposed) return transpose(b, b_row, TALL_WIDTH, depth, panel, TALL_WIDTH, TALL_WIDTH);
  for (long k = 0; k < depth; k++, b += b_row, panel += TALL_WIDTH)
    for (int c = 0; c < TALL_COLUMNS; c++) store(panel + c * LANES, load(b + c * LANES));
}

// y [rows, columns] = a [rows, depth] · panels (+ bias, unless it is null).
extern "C" void NAME(linear_multiply)(const float* a, const float* panels, long rows, long depth,
                                      long columns, const float* bias, float* y) {
  const long block = NEAR / depth < TALL_WIDTH ? TALL_WIDTH : NEAR / depth / TALL_WIDTH * TALL_WIDTH;
  for (long c = 0; c < columns; c += block) {
    const long count = columns - c < block ? columns - c : block;
    const Target to{y, columns, bias ? BIASED : WRITE, bias};
    multiply<false>({a, depth, 1}, panels + c * depth, depth, count, to.beside(c), rows);
  }
}

// dw [in, out] (+)= xᵀ · dy and db [out] (+)= the sum of dy's rows, for some rows of x [rows, in] and dy
// [rows, out]; db may be null. `scratch` holds rows·out + (in / TALL_ROWS + 1)·(rows·TALL_ROWS + LANES) floats.
extern "C" void NAME(linear_weights)(const float* x, const float* dy, long rows, long in, long out,
                                     bool adds, float* dw, float* db, float* scratch) {
  for (long k = 0; k < rows; k++)
    for (long c = 0; c < out; c += TALL_WIDTH)
      for (int v = 0; v < TALL_COLUMNS; v++)
        store(scratch + c * rows + k * TALL_WIDTH + v * LANES, load(dy + k * out + c + v * LANES));
  if (db)
    for (long c = 0; c < out; c += TALL_WIDTH)
      for (int v = 0; v < TALL_WIDTH; v += LANES) {
        Vector sum = adds ? load(db + c + v) : (Vector){};
        for (long k = 0; k < rows; k++) sum += load(scratch + c * rows + k * TALL_WIDTH + v);
        store(db + c + v, sum);
      }
  // TALL_ROWS numbers of each of x's rows, side by side. Whole vectors are copied, so the last reaches into
  // what comes after it, and is there overwritten or not read. A few rows at a time: a row's numbers go
  // far apart.
  constexpr int kVectors = (TALL_ROWS + LANES - 1) / LANES;
  const long group = rows * TALL_ROWS + kVectors * LANES;
  float* const groups = scratch + rows * out;
  for (long first = 0; first < rows; first += 8)
    for (long i = 0; i < in; i += TALL_ROWS)
      for (long k = first; k < rows && k < first + 8; k++) {
        const float* from = x + k * in + i;
        float* to = groups + i / TALL_ROWS * group + k * TALL_ROWS;
        if (i + kVectors * LANES <= in)
          for (int v = 0; v < kVectors * LANES; v += LANES) store(to + v, load(from + v));
        else
          for (long r = 0; r < in - i && r < TALL_ROWS; r++) to[r] = from[r];
      }
  for (long i = 0; i < in; i += TALL_ROWS) {
    const long count = in - i < TALL_ROWS ? in - i : TALL_ROWS;
    multiply<true>({groups + i / TALL_ROWS * group, 1, TALL_ROWS}, scratch, rows, out,
                   {dw + i * out, out, adds ? ADD : WRITE, nullptr}, count);
  }
}
