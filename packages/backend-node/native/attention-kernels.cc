// The loops of attention.cc, for one head of one example. Rows of a head lie `stride` apart, since
// the heads of a token stand side by side; a row of weights is as long as `padded`, the number of keys
// rounded up to whole vectors.
#include "vector.h"

// Sixteen registers hold fewer sums than thirty-two.
enum { ROWS = 4, COLUMNS = LANES == 16 ? 4 : 2 };

// What a product reads: the element [r, c] is at from[r·row + c·column].
struct Matrix {
  const float* from;
  long row, column;
};

template <int R, int C>
static inline void multiply_tile(const Matrix& a, const float* b, long b_row, long depth, float factor,
                                 float* to, long to_row) {
  Vector sums[R][C] = {};
  for (long k = 0; k < depth; k++) {
    Vector bs[C];
    for (int c = 0; c < C; c++) bs[c] = load(b + k * b_row + c * LANES);
    for (int r = 0; r < R; r++)
      for (int c = 0; c < C; c++) sums[r][c] += a.from[r * a.row + k * a.column] * bs[c];
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) store(to + r * to_row + c * LANES, sums[r][c] * factor);
}

template <int C>
static inline void multiply_columns(Matrix a, const float* b, long b_row, long rows, long depth,
                                    float factor, float* to, long to_row) {
  long r = 0;
  for (; r + ROWS <= rows; r += ROWS, a.from += ROWS * a.row)
    multiply_tile<ROWS, C>(a, b, b_row, depth, factor, to + r * to_row, to_row);
  for (; r < rows; r++, a.from += a.row)
    multiply_tile<1, C>(a, b, b_row, depth, factor, to + r * to_row, to_row);
}

// to [rows, columns] = factor · a [rows, depth] · b [depth, columns], columns whole vectors.
static inline void multiply(const Matrix& a, const float* b, long b_row, long rows, long depth,
                            long columns, float factor, float* to, long to_row) {
  long c = 0;
  for (; c + COLUMNS * LANES <= columns; c += COLUMNS * LANES)
    multiply_columns<COLUMNS>(a, b + c, b_row, rows, depth, factor, to + c, to_row);
  for (; c < columns; c += LANES)
    multiply_columns<1>(a, b + c, b_row, rows, depth, factor, to + c, to_row);
}

// to [depth, padded] = from [rows, depth] transposed; what is beyond `rows` stays as it is, 0.
static inline void transpose(const float* from, long stride, long rows, long depth, float* to,
                             long padded) {
  for (long r = 0; r < rows; r++)
    for (long d = 0; d < depth; d++) to[d * padded + r] = from[r * stride + d];
}

// Logits become weights: a softmax over what is seen, 0 elsewhere; all 0 where nothing is.
static inline void softmax(float* row, const float* seen, long padded) {
  const Vector lowest = -3e38f + (Vector){};
  Vector highest = lowest;
  for (long k = 0; k < padded; k += LANES) {
    const Vector x = load(seen + k) != 0.0f ? load(row + k) : lowest;
    highest = x > highest ? x : highest;
  }
  float top = highest[0];
  for (int i = 1; i < LANES; i++) top = highest[i] > top ? highest[i] : top;
  Vector sum = {};
  for (long k = 0; k < padded; k += LANES) {
    const Vector x = load(row + k);
    // Not a number stays one, seen or not.
    const Vector e = load(seen + k) != 0.0f ? exponential(x - top) + 0.0f * x : (Vector){};
    store(row + k, e);
    sum += e;
  }
  const float all = total(sum);
  const float share = all > 0 || all != all ? 1 / all : 0;
  for (long k = 0; k < padded; k += LANES) store(row + k, load(row + k) * share);
}

// weights [queries, padded] and y [queries, depth]. `seen` is [padded], or with seen_row = padded
// [queries, padded]. scratch: depth·padded zeros.
extern "C" void NAME(attention)(const float* q, const float* k, const float* v, const float* seen,
                                long seen_row, long stride, long queries, long memory, long padded,
                                long depth, float* weights, float* y, float* scratch) {
  transpose(k, stride, memory, depth, scratch, padded);
  const float factor = 1 / __builtin_sqrtf(depth);
  multiply({q, stride, 1}, scratch, padded, queries, depth, padded, factor, weights, padded);
  for (long i = 0; i < queries; i++) softmax(weights + i * padded, seen + i * seen_row, padded);
  multiply({weights, padded, 1}, v, stride, queries, memory, depth, 1, y, stride);
}

// Its gradient. scratch: (depth + queries)·padded, of which the first depth·padded are zeros.
extern "C" void NAME(attention_gradient)(const float* dy, const float* q, const float* k,
                                         const float* v, const float* weights, long stride,
                                         long queries, long memory, long padded, long depth,
                                         float* dq, float* dk, float* dv, float* scratch) {
  float* slopes = scratch + depth * padded;
  transpose(v, stride, memory, depth, scratch, padded);
  multiply({dy, stride, 1}, scratch, padded, queries, depth, padded, 1, slopes, padded);
  for (long i = 0; i < queries; i++) {
    const float* own = weights + i * padded;
    float* row = slopes + i * padded;
    Vector along = {};
    for (long j = 0; j < padded; j += LANES) along += load(own + j) * load(row + j);
    const float mean = total(along);
    for (long j = 0; j < padded; j += LANES) store(row + j, load(own + j) * (load(row + j) - mean));
  }
  const float factor = 1 / __builtin_sqrtf(depth);
  multiply({weights, 1, padded}, dy, stride, memory, queries, depth, 1, dv, stride);
  multiply({slopes, padded, 1}, k, stride, queries, memory, depth, factor, dq, stride);
  multiply({slopes, 1, padded}, q, stride, memory, queries, depth, factor, dk, stride);
}
