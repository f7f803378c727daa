// The loops of gelu-kernels.cc.
#pragma once

#include "operation.h"

#define DECLARE_GELU(set)                                                                          \
  extern "C" void gelu_##set(const float*, float*, long, long, int);                               \
  extern "C" void gelu_gradient_##set(const float*, const float*, float*, float*, long, long, int);
EVERY_SET(DECLARE_GELU)
