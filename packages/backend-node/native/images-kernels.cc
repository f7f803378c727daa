// The loops of images.cc.
#include "vector.h"

// x / 255 for a byte x. With fused products it is rounded as a division is, since the remainder corrects
// the product, and takes a quarter of the time.
static inline float pixel(float x) {
#ifdef __FMA__
  const float product = x * (1 / 255.0f);
  return product + (x - 255.0f * product) * (1 / 255.0f);
#else
  return x / 255.0f;
#endif
}

// A plain loop: compilers make vectors of it, but take those of bytes apart to convert them.
extern "C" void NAME(pixels)(const unsigned char* x, long from, long to, float* __restrict y) {
  for (long i = from; i < to; i++) y[i] = pixel(x[i]);
}

static inline void copy(const float* from, long count, float* to) {
  for (long i = 0; i < count; i++) to[i] = from[i];
}

static inline void mirror(const float* x, long width, long channels, float* __restrict y) {
  for (long at = 0; at < width; at++)
    for (long c = 0; c < channels; c++) y[at * channels + c] = x[(width - 1 - at) * channels + c];
}

// Colours and grey are what pictures have; the compiler then knows how far apart places are.
static inline void mirror_any(const float* x, long width, long channels, float* y) {
  if (channels == 3) return mirror(x, width, 3, y);
  if (channels == 1) return mirror(x, width, 1, y);
  mirror(x, width, channels, y);
}

extern "C" void NAME(flip)(const float* x, const float* flip, long height, long width, long channels,
                           long from, long to, float* y) {
  const long row = width * channels;
  for (long b = from; b < to; b++) {
    const long begin = b * height * row, end = begin + height * row;
    if (flip[b] == 0) {
      copy(x + begin, end - begin, y + begin);
      continue;
    }
    for (long at = begin; at < end; at += row) mirror_any(x + at, width, channels, y + at);
  }
}

// After `period` numbers scale and shift begin again.
static inline void scale_line(const float* x, const float* scale, const float* shift, long period,
                              long count, float* __restrict y) {
  for (long begin = 0; begin < count; begin += period) {
    const long left = count - begin < period ? count - begin : period;
    for (long k = 0; k < left; k++) y[begin + k] = scale[k] * x[begin + k] + shift[k];
  }
}

// `from` is a multiple of `period`.
extern "C" void NAME(scale)(const float* x, const float* scale, const float* shift, long period,
                            long from, long to, float* y) {
  scale_line(x + from, scale, shift, period, to - from, y + from);
}

// `line` holds one.
extern "C" void NAME(flip_scale)(const float* x, const float* flip, const float* scale,
                                 const float* shift, long period, long height, long width,
                                 long channels, long from, long to, float* line, float* y) {
  const long row = width * channels;
  for (long b = from; b < to; b++)
    for (long at = b * height * row; at < (b + 1) * height * row; at += row) {
      if (flip[b] != 0) mirror_any(x + at, width, channels, line);
      scale_line(flip[b] != 0 ? line : x + at, scale, shift, period, row, y + at);
    }
}
