// The loops of gelu.cc.
#include "vector.h"

// erf x to 4·10⁻⁷: x·P(x²)/Q(x²), fitted by least squares on 0…3.92, beyond which it is 1.
static inline Vector error_function(Vector x) {
  const Vector limit = 3.92f + (Vector){}, one = 1.0f + (Vector){};
  const Vector s = x * x;
  Vector p = -1.34992142e-8f * s + 4.74893704e-6f;
  p = p * s + 3.81608901e-4f;
  p = p * s + 3.83821339e-3f;
  p = p * s + 5.43123819e-2f;
  p = p * s + 1.84754372e-1f;
  p = p * s + 1.12837923f;
  Vector q = 6.37168851e-5f * s + 1.30790821e-3f;
  q = q * s + 1.54466713e-2f;
  q = q * s + 1.13821499e-1f;
  q = q * s + 4.97067809e-1f;
  q = q * s + 1.0f;
  const Vector y = x > limit ? one : x * p / q;
  return x < -limit ? -one : y;
}

#define LINEAR 1.59576912f  // 2√(2/π)
#define CUBIC (0.044715f * LINEAR)

// Φ(x), the distribution function of the normal distribution, or its approximation by a sigmoid.
static inline Vector distribution(Vector x, int approximate) {
  if (approximate) return sigmoid(x * (CUBIC * x * x + LINEAR));
  return 0.5f * error_function(x * 0.707106781f) + 0.5f;
}

// The derivative at x, whose Φ(x) is `gate`.
static inline Vector slope(Vector x, Vector gate, int approximate) {
  if (approximate)
    return gate + x * (3 * CUBIC * x * x + LINEAR) * (gate * (1.0f - gate));
  return gate + x * 0.398942280f * exponential(-0.5f * x * x);
}

// to[from…end] = f(…); the last numbers, too few for a vector, go through one that is filled up.
template <typename F>
static inline void over(long from, long end, const F& f) {
  long i = from;
  for (; i + LANES <= end; i += LANES) f(i, LANES);
  if (i < end) f(i, (int)(end - i));
}

static inline Vector some(const float* from, int count) {
  if (count == LANES) return load(from);
  Vector v = {};
  for (int i = 0; i < count; i++) v[i] = from[i];
  return v;
}

static inline void put(float* to, Vector v, int count) {
  if (count == LANES) return store(to, v);
  for (int i = 0; i < count; i++) to[i] = v[i];
}

extern "C" void NAME(gelu)(const float* x, float* y, long from, long to, int approximate) {
  over(from, to, [=](long i, int count) {
    const Vector given = some(x + i, count);
    put(y + i, given * distribution(given, approximate), count);
  });
}

// The output once more too, unless `y` is null. `dx` may be `dy`.
extern "C" void NAME(gelu_gradient)(const float* dy, const float* x, float* dx, float* y, long from,
                                    long to, int approximate) {
  over(from, to, [=](long i, int count) {
    const Vector given = some(x + i, count), gate = distribution(given, approximate);
    put(dx + i, some(dy + i, count) * slope(given, gate, approximate), count);
    if (y) put(y + i, given * gate, count);
  });
}
