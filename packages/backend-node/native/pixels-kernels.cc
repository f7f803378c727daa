// The loop of pixels.cc.
#include "vector.h"

typedef unsigned char Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

extern "C" void NAME(pixels)(const unsigned char* x, long from, long to, float* y) {
  long i = from;
  for (; i + LANES <= to; i += LANES)
    store(y + i, __builtin_convertvector(*(const Bytes*)(x + i), Vector) / 255.0f);
  for (; i < to; i++) y[i] = x[i] / 255.0f;
}
