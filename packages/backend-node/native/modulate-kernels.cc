// The loops of modulate.cc.
#include "vector.h"

static inline Vector positive(Vector x) { return x > 0.0f ? x : (Vector){}; }

// y = (1 + γ) ⊙ x + β for the tokens of the examples from…to, and of that what is positive where
// `relu`. Both γ and β of an example stand in one row of `both`.
extern "C" void NAME(modulate)(const float* x, const float* both, long tokens, long width, int relu,
                               long from, long to, float* y) {
  for (long b = from; b < to; b++) {
    const float *gamma = both + 2 * b * width, *beta = gamma + width;
    for (long row = b * tokens * width; row < (b + 1) * tokens * width; row += width)
      for (long k = 0; k < width; k += LANES) {
        const Vector own = load(x + row + k);
        const Vector value = own + load(gamma + k) * own + load(beta + k);
        store(y + row + k, relu ? positive(value) : value);
      }
  }
}

// dx = (1 + γ) ⊙ g, dγ = Σ g ⊙ x and dβ = Σ g over the tokens, g what of dy passes the ReLU.
extern "C" void NAME(modulate_gradient)(const float* dy, const float* x, const float* both,
                                        const float* y, long tokens, long width, long from, long to,
                                        float* dx, float* dboth) {
  for (long b = from; b < to; b++) {
    const float* gamma = both + 2 * b * width;
    float *dgamma = dboth + 2 * b * width, *dbeta = dgamma + width;
    for (long k = 0; k < 2 * width; k++) dgamma[k] = 0;
    for (long row = b * tokens * width; row < (b + 1) * tokens * width; row += width)
      for (long k = 0; k < width; k += LANES) {
        const Vector all = load(dy + row + k);
        const Vector g = y ? (load(y + row + k) > 0.0f ? all : (Vector){}) : all;
        store(dx + row + k, g + load(gamma + k) * g);
        store(dgamma + k, load(dgamma + k) + g * load(x + row + k));
        store(dbeta + k, load(dbeta + k) + g);
      }
  }
}
