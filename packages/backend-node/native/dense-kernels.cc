// The loops of dense.cc.
#include "adam.h"

#include "vector.h"

// Sixteen registers hold fewer sums than thirty-two.
enum { COLUMNS = LANES == 8 ? 4 : 8, ROWS = 3, BLOCK = 16, STRIP = LANES == 8 ? 4 : 8, DEPTH = 64 };

// y[0…R, 0…C·LANES] += x[0…R, 0…depth] · w[0…depth, 0…C·LANES]
template <int R, int C>
static inline void multiply_tile(const float* x, long x_row, const float* w, long w_row, long depth,
                                 float* y, long y_row) {
  Vector sums[R][C];
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) sums[r][c] = load(y + r * y_row + c * LANES);
  for (long k = 0; k < depth; k++)
    for (int r = 0; r < R; r++) {
      const float scale = x[r * x_row + k];
      for (int c = 0; c < C; c++) sums[r][c] += scale * load(w + k * w_row + c * LANES);
    }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) store(y + r * y_row + c * LANES, sums[r][c]);
}

template <int C>
static inline void multiply_columns(const float* x, long x_row, const float* w, long w_row,
                                    long depth, float* y, long y_row, long batch) {
  long b = 0;
  for (; b + ROWS <= batch; b += ROWS)
    multiply_tile<ROWS, C>(x + b * x_row, x_row, w, w_row, depth, y + b * y_row, y_row);
  for (; b < batch; b++)
    multiply_tile<1, C>(x + b * x_row, x_row, w, w_row, depth, y + b * y_row, y_row);
}

// y += x[:, from…to] · w[from…to, :]; x is [batch, in], w [in, out], y [batch, out].
extern "C" void NAME(dense_forward)(const float* x, const float* w, float* y, long batch, long in,
                                    long out, long from, long to) {
  for (long k = from; k < to; k += DEPTH) {
    const long depth = to - k < DEPTH ? to - k : DEPTH;
    long n = 0;
    for (; n + COLUMNS * LANES <= out; n += COLUMNS * LANES)
      multiply_columns<COLUMNS>(x + k, in, w + k * out + n, out, depth, y + n, out, batch);
    for (; n < out; n += LANES)
      multiply_columns<1>(x + k, in, w + k * out + n, out, depth, y + n, out, batch);
  }
}

// What the update of one weight needs of the next rows is fetched while this row is computed.
static inline void fetch_ahead(const float* p) { __builtin_prefetch(p, 1, 2); }

// dx[0…R, a strip of the batch] = w[0…R, :] · dy', with dy' [out, padded].
template <int R, int C>
static inline void input_tile(const float* w, long out, const float* dyt, long padded, float* dxt) {
  Vector sums[R][C] = {};
  for (long n = 0; n < out; n++) {
    Vector dy[C];
    for (int c = 0; c < C; c++) dy[c] = load(dyt + n * padded + c * LANES);
    for (int r = 0; r < R; r++)
      for (int c = 0; c < C; c++) sums[r][c] += w[r * out + n] * dy[c];
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) store(dxt + r * padded + c * LANES, sums[r][c]);
}

template <int R>
static inline void input_rows(const float* w, long out, const float* dyt, long padded, float* dxt) {
  long b = 0;
  for (; b + 2 * LANES <= padded; b += 2 * LANES)
    input_tile<R, 2>(w, out, dyt + b, padded, dxt + b);
  for (; b < padded; b += LANES) input_tile<R, 1>(w, out, dyt + b, padded, dxt + b);
}

// The gradient of R rows and C·LANES columns of the weights, and their update.
template <int R, int C>
static inline void update_tile(const float (*xt)[BLOCK], const float* dy, long batch, long out,
                               float* w, float* m, float* v, const Adam& adam) {
  Vector sums[R][C] = {};
  for (long b = 0; b < batch; b++) {
    if (b < R * C) {
      const long ahead = BLOCK * out + (b / C) * out + (b % C) * LANES;
      fetch_ahead(w + ahead), fetch_ahead(m + ahead), fetch_ahead(v + ahead);
    }
    for (int r = 0; r < R; r++)
      for (int c = 0; c < C; c++) sums[r][c] += xt[b][r] * load(dy + b * out + c * LANES);
  }
  float gradient[R][C * LANES];
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) store(gradient[r] + c * LANES, sums[r][c]);
  for (int r = 0; r < R; r++) {
    float *wr = w + r * out, *mr = m + r * out, *vr = v + r * out;
#pragma GCC ivdep
    for (int i = 0; i < C * LANES; i++) adam_step(gradient[r][i], wr + i, mr + i, vr + i, adam);
  }
}

template <int R>
static inline void update_rows(const float (*xt)[BLOCK], const float* dy, long batch, long out,
                               float* w, float* m, float* v, const Adam& adam) {
  long n = 0;
  for (; n + COLUMNS * LANES <= out; n += COLUMNS * LANES)
    update_tile<R, COLUMNS>(xt, dy + n, batch, out, w + n, m + n, v + n, adam);
  for (; n < out; n += LANES) update_tile<R, 1>(xt, dy + n, batch, out, w + n, m + n, v + n, adam);
}

// Rows from…to of the weights: the input's gradient (where `dx` is not null), the weights' own,
// and Adam's update. `dyt` is dy transposed, its rows padded with zeros to `padded`; `scratch`
// holds 16·(padded + batch) floats.
extern "C" void NAME(dense_backward)(const float* x, const float* dy, const float* dyt, float* w,
                                     float* m, float* v, float* dx, long batch, long padded,
                                     long in, long out, long from, long to, const Adam* adam,
                                     float* scratch) {
  float* dxt = scratch;
  float(*xt)[BLOCK] = (float(*)[BLOCK])(scratch + BLOCK * padded);
  for (long k = from; k < to; k += BLOCK) {
    const int rows = to - k < BLOCK ? to - k : BLOCK;
    float* wk = w + k * out;
    if (dx) {
      int r = 0;
      for (; r + STRIP <= rows; r += STRIP)
        input_rows<STRIP>(wk + r * out, out, dyt, padded, dxt + r * padded);
      for (; r < rows; r++) input_rows<1>(wk + r * out, out, dyt, padded, dxt + r * padded);
      for (long b = 0; b < batch; b++) {
        float line[BLOCK];
        for (int i = 0; i < BLOCK; i++) line[i] = dxt[i * padded + b];
        __builtin_memcpy(dx + b * in + k, line, rows * sizeof(float));
      }
    }
    for (long b = 0; b < batch; b++)
      __builtin_memcpy(xt[b], x + b * in + k, rows * sizeof(float));
    // Four rows are two and two: a row alone waits for its loads.
    for (int r = 0, left; (left = rows - r) > 0;) {
      const int many = left >= ROWS && left != 4 ? ROWS : left >= 2 ? 2 : 1;
      const float(*xr)[BLOCK] = (const float(*)[BLOCK])(xt[0] + r);
      const long at = r * out;
      float *mk = m + k * out, *vk = v + k * out;
      if (many == ROWS) update_rows<ROWS>(xr, dy, batch, out, wk + at, mk + at, vk + at, *adam);
      if (many == 2) update_rows<2>(xr, dy, batch, out, wk + at, mk + at, vk + at, *adam);
      if (many == 1) update_rows<1>(xr, dy, batch, out, wk + at, mk + at, vk + at, *adam);
      r += many;
    }
  }
}
