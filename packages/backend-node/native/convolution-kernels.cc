// The loops of convolution.cc.
#include "vector.h"

// Taps and vectors of filters whose sums stay in registers, of which there are 32 or 16.
enum { TAPS = LANES == 16 ? 9 : 5, COLUMNS = 2 };

struct Convolution {
  long height, width, channels;          // of x
  long out_height, out_width, filters;   // of dy
  long kernel_height, kernel_width, stride_y, stride_x, top, left;
};

// dw[0…R, 0…C·LANES] += Σ x[i·step + 0…R] ⊗ dy[i], over `count` places.
template <int R, int C>
static inline void add_tile(const float* x, long step, const float* dy, long filters, long count,
                            float* dw) {
  Vector sums[R][C];
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) sums[r][c] = load(dw + r * filters + c * LANES);
  for (long i = 0; i < count; i++) {
    Vector g[C];
    for (int c = 0; c < C; c++) g[c] = load(dy + i * filters + c * LANES);
    for (int r = 0; r < R; r++)
      for (int c = 0; c < C; c++) sums[r][c] += x[i * step + r] * g[c];
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) store(dw + r * filters + c * LANES, sums[r][c]);
}

// As add_tile, for so many taps, at most R.
template <int R, int C>
static inline void add_taps(long taps, const float* x, long step, const float* dy, long filters,
                            long count, float* dw) {
  if constexpr (R > 1) {
    if (taps < R) return add_taps<R - 1, C>(taps, x, step, dy, filters, count, dw);
  }
  add_tile<R, C>(x, step, dy, filters, count, dw);
}

static inline void add_row(long taps, const float* x, long step, const float* dy, long filters,
                           long count, float* dw) {
  for (long r = 0; r < taps; r += TAPS) {
    const long left = taps - r < TAPS ? taps - r : TAPS;
    long n = 0;
    for (; n + COLUMNS * LANES <= filters; n += COLUMNS * LANES)
      add_taps<TAPS, COLUMNS>(left, x + r, step, dy + n, filters, count, dw + r * filters + n);
    for (; n < filters; n += LANES)
      add_taps<TAPS, 1>(left, x + r, step, dy + n, filters, count, dw + r * filters + n);
  }
}

// Adds the gradients of the images from…to: `dw` is [kernel_height, kernel_width · channels, filters],
// `db` [filters]. Where `y` is not null, only what passed its ReLU counts. `scratch` holds a row of
// dy and a padded row of x.
extern "C" void NAME(filter_gradient)(const float* x, const float* dy, const float* y, float* dw,
                                      float* db, const Convolution* shape, long from, long to,
                                      float* scratch) {
  const Convolution s = *shape;
  const long row = s.out_width * s.filters, taps = s.kernel_width * s.channels;
  const long step = s.stride_x * s.channels;
  const long seen = ((s.out_width - 1) * s.stride_x + s.kernel_width) * s.channels;
  float *gated = scratch, *padded = scratch + row;
  // What of the padded row is x, and from where.
  const long before = s.left * s.channels, given = s.width * s.channels;
  const long end = before + given < seen ? before + given : seen;
  const bool whole = before == 0 && end == seen;
  for (long i = 0; i < seen; i++) padded[i] = 0;

  for (long image = from; image < to; image++)
    for (long oy = 0; oy < s.out_height; oy++) {
      const float* g = dy + (image * s.out_height + oy) * row;
      if (y) {
        const float* passed = y + (image * s.out_height + oy) * row;
        for (long i = 0; i < row; i += LANES)
          store(gated + i, load(passed + i) > 0.0f ? load(g + i) : (Vector){});
        g = gated;
      }
      for (long n = 0; n < s.filters; n += LANES) {
        Vector sum = load(db + n);
        for (long i = 0; i < s.out_width; i++) sum += load(g + i * s.filters + n);
        store(db + n, sum);
      }
      for (long ky = 0; ky < s.kernel_height; ky++) {
        const long iy = oy * s.stride_y - s.top + ky;
        if (iy < 0 || iy >= s.height) continue;
        const float* line = x + (image * s.height + iy) * given;
        if (!whole) {
          __builtin_memcpy(padded + before, line, (end - before) * sizeof(float));
          line = padded;
        }
        add_row(taps, line, step, g, s.filters, s.out_width, dw + ky * taps * s.filters);
      }
    }
}
