// The loops of factors.cc, for the examples from…to. Widths are any, so the compiler makes the vectors.
#include "vector.h"

extern "C" void NAME(factor_sum)(const float* x, const float* y, long count, long width, long from,
                                 long to, float* z) {
  for (long b = from; b < to; b++) {
    const float *own_x = x + b * count * width, *own_y = y + b * count * width;
    float* __restrict sums = z + b * width;
    for (long k = 0; k < width; k++) sums[k] = own_x[k] * own_y[k];
    for (long r = 1; r < count; r++)
      for (long k = 0; k < width; k++) sums[k] += own_x[r * width + k] * own_y[r * width + k];
  }
}

extern "C" void NAME(factor_sum_gradient)(const float* dz, const float* x, const float* y, long count,
                                          long width, long from, long to, float* dx, float* dy) {
  for (long row = from * count; row < to * count; row++) {
    const float *given = dz + row / count * width, *own_x = x + row * width, *own_y = y + row * width;
    float* __restrict out_x = dx + row * width;
    float* __restrict out_y = dy + row * width;
    for (long k = 0; k < width; k++) out_x[k] = given[k] * own_y[k];
    for (long k = 0; k < width; k++) out_y[k] = given[k] * own_x[k];
  }
}
