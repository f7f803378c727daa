// The loop of adam.cc.
#include "adam.h"

#include "vector.h"

extern "C" void NAME(adam_update)(const float* g, float* w, float* m, float* v, long count,
                                  const Adam* given) {
  const Adam adam = *given;
#pragma GCC ivdep
  for (long i = 0; i < count; i++) adam_step(g[i], w + i, m + i, v + i, adam);
}
