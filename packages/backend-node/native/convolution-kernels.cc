// The loops of convolution.cc.
#include "convolution.h"

#include "vector.h"

// A tile's sums stay in registers: 24 of thirty-two, or 12 of sixteen.
enum { SUMS = LANES == 16 ? 24 : 12, COLUMNS = 2, TILE = SUMS / COLUMNS };

struct After {
  const float* bias;  // of these filters, or null
  bool relu;
};

// y[0…R rows, 0…P places, 0…C·LANES filters] = what each place sees · w
template <int R, int P, int C>
static inline void tile(const float* x, const float* w, After after, float* y, const Window& s) {
  Vector sums[R][P][C];
  for (int c = 0; c < C; c++) {
    const Vector bias = after.bias ? load(after.bias + c * LANES) : (Vector){};
    for (int r = 0; r < R; r++)
      for (int p = 0; p < P; p++) sums[r][p][c] = bias;
  }
  for (long line = 0; line < s.lines; line++, x += s.line_step) {
    const float* at = x;
    for (long k = 0; k < s.run; k++, at++, w += s.filters) {
      Vector values[C];
      for (int c = 0; c < C; c++) values[c] = load(w + c * LANES);
      for (int r = 0; r < R; r++)
        for (int p = 0; p < P; p++) {
          const float number = at[r * s.row_step + p * s.column_step];
          for (int c = 0; c < C; c++) sums[r][p][c] += number * values[c];
        }
    }
  }
  for (int r = 0; r < R; r++)
    for (int p = 0; p < P; p++)
      for (int c = 0; c < C; c++) {
        const Vector sum = sums[r][p][c];
        // What is not a number stays so.
        const Vector value = after.relu ? (sum <= 0.0f ? (Vector){} : sum) : sum;
        store(y + r * s.out_row + p * s.out_column + c * LANES, value);
      }
}

// As `tile`, for so many places, at most P.
template <int R, int P, int C>
static inline void tiles(long places, const float* x, const float* w, After after, float* y,
                         const Window& s) {
  if constexpr (P > 1) {
    if (places < P) return tiles<R, P - 1, C>(places, x, w, after, y, s);
  }
  tile<R, P, C>(x, w, after, y, s);
}

// All places in C·LANES filters.
template <int C>
static inline void places(const float* x, const float* w, After after, float* y, const Window& s) {
  // Tiles of nearly the same size; where a row fills half of one, two rows at once.
  constexpr int most = SUMS / C;
  const long count = (s.columns + most - 1) / most, size = (s.columns + count - 1) / count;
  const bool narrow = s.columns <= most / 2;
  for (long row = 0; row < s.rows;) {
    const bool both = narrow && row + 1 < s.rows;
    const float* from = x + row * s.row_step;
    float* to = y + row * s.out_row;
    for (long p = 0; p < s.columns; p += size) {
      const long left = s.columns - p < size ? s.columns - p : size;
      const float* at = from + p * s.column_step;
      if (both)
        tiles<2, most / 2, C>(left, at, w, after, to + p * s.out_column, s);
      else
        tiles<1, most, C>(left, at, w, after, to + p * s.out_column, s);
    }
    row += both ? 2 : 1;
  }
}

// y = x ∗ w (+ bias, and of that what is positive where `relu`): `w` is [lines · run, filters].
extern "C" void NAME(convolve)(const float* x, const float* w, const float* bias, bool relu, float* y,
                               const Window* window) {
  const Window s = *window;
  const auto after = [&](long n) { return After{bias ? bias + n : nullptr, relu}; };
  long n = 0;
  for (; n + COLUMNS * LANES <= s.filters; n += COLUMNS * LANES)
    places<COLUMNS>(x, w + n, after(n), y + n, s);
  for (; n < s.filters; n += LANES) places<1>(x, w + n, after(n), y + n, s);
}

// dw[0…T taps, 0…C·LANES filters] += Σ x ⊗ dy, over all places.
template <int T, int C>
static inline void add_tile(const float* x, const float* dy, float* dw, const Window& s) {
  Vector sums[T][C];
  for (int t = 0; t < T; t++)
    for (int c = 0; c < C; c++) sums[t][c] = load(dw + t * s.filters + c * LANES);
  for (long row = 0; row < s.rows; row++, x += s.row_step, dy += s.out_row) {
    const float *at = x, *g = dy;
    for (long p = 0; p < s.columns; p++, at += s.column_step, g += s.out_column) {
      Vector values[C];
      for (int c = 0; c < C; c++) values[c] = load(g + c * LANES);
      for (int t = 0; t < T; t++)
        for (int c = 0; c < C; c++) sums[t][c] += at[t] * values[c];
    }
  }
  for (int t = 0; t < T; t++)
    for (int c = 0; c < C; c++) store(dw + t * s.filters + c * LANES, sums[t][c]);
}

// As add_tile, for so many taps, at most T.
template <int T, int C>
static inline void add_taps(long taps, const float* x, const float* dy, float* dw, const Window& s) {
  if constexpr (T > 1) {
    if (taps < T) return add_taps<T - 1, C>(taps, x, dy, dw, s);
  }
  add_tile<T, C>(x, dy, dw, s);
}

// Adds an image's gradients of the filters, `dw` [lines · run, filters].
extern "C" void NAME(filter_gradient)(const float* x, const float* dy, float* dw,
                                      const Window* window) {
  const Window s = *window;
  for (long line = 0; line < s.lines; line++, x += s.line_step)
    for (long t = 0; t < s.run; t += TILE) {
      const long taps = s.run - t < TILE ? s.run - t : TILE;
      float* to = dw + (line * s.run + t) * s.filters;
      long n = 0;
      for (; n + COLUMNS * LANES <= s.filters; n += COLUMNS * LANES)
        add_taps<TILE, COLUMNS>(taps, x + t, dy + n, to + n, s);
      for (; n < s.filters; n += LANES) add_taps<TILE, 1>(taps, x + t, dy + n, to + n, s);
    }
}

// Adds an image's gradient of the bias, over `places`.
extern "C" void NAME(bias_gradient)(const float* dy, float* db, long places, long filters) {
  for (long n = 0; n < filters; n += LANES) {
    Vector sum = load(db + n);
    for (long i = 0; i < places; i++) sum += load(dy + i * filters + n);
    store(db + n, sum);
  }
}

// to = dy where y is positive, else 0.
extern "C" void NAME(pass_positive)(const float* dy, const float* y, float* to, long size) {
  for (long i = 0; i < size; i += LANES)
    store(to + i, load(y + i) > 0.0f ? load(dy + i) : (Vector){});
}
