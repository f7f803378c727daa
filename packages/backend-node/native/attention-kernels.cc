// The loops of attention.cc, for one head of one example. Rows of a head lie `stride` apart, since
// the heads of a token stand side by side; a row of weights is as long as `padded`, the number of keys
// rounded up to whole vectors.
#include "tile.h"

// to [rows, columns] = a [rows, depth] · b [depth, columns], b's rows side by side, columns whole vectors.
template <bool LINE>
static inline void multiply(Scalars a, const float* b, long rows, long depth, long columns, float* to,
                            long to_row) {
  const Target target{to, to_row, WRITE, nullptr};
  const Ahead none{nullptr, 0};
  long c = 0;
  for (; c + TALL_WIDTH <= columns; c += TALL_WIDTH)
    tiles<TALL_ROWS, TALL_COLUMNS, LINE>(a, {b + c, columns}, depth, target.beside(c), rows, none);
  if (c < columns) tiles<TALL_ROWS, 1, LINE>(a, {b + c, columns}, depth, target.beside(c), rows, none);
}

// Logits become weights: a softmax over what is seen, 0 elsewhere; all 0 where nothing is.
static inline void softmax(float* logits, const float* seen, long padded, float* weights) {
  const Vector lowest = -3e38f + (Vector){};
  Vector most = lowest;
  for (long k = 0; k < padded; k += LANES) {
    const Vector x = load(seen + k) != 0.0f ? load(logits + k) : lowest;
    most = x > most ? x : most;
  }
  const float top = highest(most);
  Vector sum = {};
  for (long k = 0; k < padded; k += LANES) {
    const Vector x = load(logits + k);
    // Not a number stays one, seen or not.
    const Vector e = load(seen + k) != 0.0f ? exponential(x - top) + 0.0f * x : (Vector){};
    store(logits + k, e);
    sum += e;
  }
  const float all = total(sum);
  const float share = all > 0 || all != all ? 1 / all : 0;
  for (long k = 0; k < padded; k += LANES) store(weights + k, load(logits + k) * share);
}

// factor · a head's rows, side by side: as far apart as the tokens are, they would share few places of a
// cache.
static inline const float* gather(const float* from, long stride, long rows, long depth, float factor,
                                  float* to) {
  for (long r = 0; r < rows; r++)
    for (long d = 0; d < depth; d += LANES)
      store(to + r * depth + d, factor * load(from + r * stride + d));
  return to;
}

// weights [queries, padded] and y [queries, depth]. `seen` is [padded], or with seen_row = padded
// [queries, padded]. scratch: depth·(queries + memory + padded) + queries·padded.
extern "C" void NAME(attention)(const float* q, const float* k, const float* v, const float* seen,
                                long seen_row, long stride, long queries, long memory, long padded,
                                long depth, float* weights, float* y, float* scratch) {
  float *own = scratch + depth * queries, *turned = own + depth * memory;
  float* logits = turned + depth * padded;
  q = gather(q, stride, queries, depth, 1 / __builtin_sqrtf(depth), scratch);
  k = gather(k, stride, memory, depth, 1, own);
  transpose(k, depth, memory, depth, turned, padded, padded);
  multiply<false>({q, depth, 1}, turned, queries, depth, padded, logits, padded);
  for (long i = 0; i < queries; i++)
    softmax(logits + i * padded, seen + i * seen_row, padded, weights + i * padded);
  v = gather(v, stride, memory, depth, 1, own);
  multiply<false>({weights, padded, 1}, v, queries, memory, depth, y, stride);
}

// Its gradient. scratch: 2·depth·(queries + memory) + (depth + queries)·padded.
extern "C" void NAME(attention_gradient)(const float* dy, const float* q, const float* k,
                                         const float* v, const float* weights, long stride,
                                         long queries, long memory, long padded, long depth,
                                         float* dq, float* dk, float* dv, float* scratch) {
  const auto next = [&](long size) {
    float* own = scratch;
    scratch += size;
    return own;
  };
  const float factor = 1 / __builtin_sqrtf(depth);
  dy = gather(dy, stride, queries, depth, 1, next(depth * queries));
  q = gather(q, stride, queries, depth, factor, next(depth * queries));
  k = gather(k, stride, memory, depth, factor, next(depth * memory));
  v = gather(v, stride, memory, depth, 1, next(depth * memory));
  float *turned = next(depth * padded), *slopes = next(queries * padded);
  transpose(v, depth, memory, depth, turned, padded, padded);
  multiply<false>({dy, depth, 1}, turned, queries, depth, padded, slopes, padded);
  for (long i = 0; i < queries; i++) {
    const float* own = weights + i * padded;
    float* row = slopes + i * padded;
    Vector along = {};
    for (long j = 0; j < padded; j += LANES) along += load(own + j) * load(row + j);
    const float mean = total(along);
    for (long j = 0; j < padded; j += LANES) store(row + j, load(own + j) * (load(row + j) - mean));
  }
  multiply<true>({weights, 1, padded}, dy, memory, queries, depth, dv, stride);
  multiply<false>({slopes, padded, 1}, k, queries, memory, depth, dq, stride);
  multiply<true>({slopes, 1, padded}, q, memory, queries, depth, dk, stride);
}
