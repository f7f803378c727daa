// What the loops share: vectors, and functions of them. Each *-kernels.cc is compiled once for each
// instruction set, so everything here is static: an inline function that is not, compiled for one
// processor, could be linked in for all.
//
// LANES floats go in one vector register; NAME(f) is f with the instruction set's name.
#pragma once

#define JOIN_(name, set) name##_##set
#define JOIN(name, set) JOIN_(name, set)
#define NAME(name) JOIN(name, SET)

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef int Ints __attribute__((vector_size(LANES * 4)));
typedef float Floats __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline Vector load(const float* from) { return *(const Floats*)from; }
static inline void store(float* to, Vector value) { *(Floats*)to = value; }

// In lane l, what lane l ^ n has.
static inline Vector across(Vector v, int n) {
  alignas(64) static const int lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Ints from = *(const Ints*)lanes ^ n;
#ifdef __clang__
  Vector to;
  for (int l = 0; l < LANES; l++) to[l] = v[from[l]];
  return to;
#else
  return __builtin_shuffle(v, from);
#endif
}

static inline float total(Vector v) {
#pragma GCC unroll 4
  for (int n = LANES / 2; n > 0; n /= 2) v += across(v, n);
  return v[0];
}

static inline float highest(Vector v) {
#pragma GCC unroll 4
  for (int n = LANES / 2; n > 0; n /= 2) {
    const Vector other = across(v, n);
    v = other > v ? other : v;
  }
  return v[0];
}

// eˣ for −87 ≤ x ≤ 87 to about one unit in the last place: 2ⁿ · eʳ with r = x − n ln 2, |r| ≤ ln 2 / 2,
// and eʳ by its Taylor polynomial.
static inline Vector exponential(Vector x) {
  const Vector shift = 12582912.0f + (Vector){};  // 1.5 · 2²³: adding it rounds to a whole number.
  x = x < -87.0f ? -87.0f + (Vector){} : x;
  x = x > 87.0f ? 87.0f + (Vector){} : x;
  const Vector rounded = x * 1.44269504f + shift;
  const Vector n = rounded - shift;
  const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector sum = 1.0f / 5040 + (Vector){};
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const Ints power = ((Ints)rounded - (Ints)shift + 127) << 23;
  return sum * (Vector)power;
}

static inline Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

static inline Vector hyperbolic(Vector x) {
  const Vector far = 1.0f - 2.0f / (1.0f + exponential(2.0f * x));
  // Near 0 that would be a difference of two that are nearly the same.
  const Vector s = x * x;
  Vector sum = -5.70498872745e-3f * s + 2.06390887954e-2f;
  sum = sum * s - 5.37397155531e-2f;
  sum = sum * s + 1.33314422036e-1f;
  sum = sum * s - 3.33332819422e-1f;
  const Vector near = x + x * s * sum;
  return s < 0.390625f ? near : far;
}
