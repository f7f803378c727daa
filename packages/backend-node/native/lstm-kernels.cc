// The loops of lstm.cc.
#include "vector.h"

static inline Vector phi(Vector x, int relu) {
  return relu ? (x > 0.0f ? x : (Vector){}) : hyperbolic(x);
}
// Of phi, by its value.
static inline Vector slope(Vector y, int relu) {
  return relu ? (y > 0.0f ? 1.0f + (Vector){} : (Vector){}) : 1.0f - y * y;
}

// One step for the rows from…to. x and r are [rows, 4·width]; h, c and what they become,
// [rows, width]; mask [rows]; trace [rows, 5·width] is i, f, g, o and φ(c), for the gradient.
extern "C" void NAME(lstm_cell)(const float* x, const float* r, const float* h, const float* c,
                                const float* mask, float* next_h, float* next_c, float* trace,
                                long from, long to, long width, int relu) {
  for (long b = from; b < to; b++) {
    const float *xs = x + 4 * b * width, *rs = r + 4 * b * width;
    const float *hs = h + b * width, *cs = c + b * width;
    float *to_h = next_h + b * width, *to_c = next_c + b * width, *kept = trace + 5 * b * width;
    const bool real = mask[b] != 0;
    for (long k = 0; k < width; k += LANES) {
      Vector z[4];
      for (int gate = 0; gate < 4; gate++)
        z[gate] = load(xs + gate * width + k) + load(rs + gate * width + k);
      const Vector i = sigmoid(z[0]), f = sigmoid(z[1]), g = phi(z[2], relu), o = sigmoid(z[3]);
      const Vector before = load(cs + k), cell = f * before + i * g, out = phi(cell, relu);
      store(to_c + k, real ? cell : before);
      store(to_h + k, real ? o * out : load(hs + k));
      const Vector keep[5] = {i, f, g, o, out};
      for (int part = 0; part < 5; part++) store(kept + part * width + k, keep[part]);
    }
  }
}

// Its gradient: dh = dy + dr + carry and dc are with respect to what the step gave, dz and dc_before
// to the gates before their activation and to the cell before; `held` is the part of dh that passes a
// step of padding by.
extern "C" void NAME(lstm_cell_gradient)(const float* dy, const float* dr, const float* carry,
                                         const float* dc, const float* trace, const float* c,
                                         const float* mask, float* dz, float* dc_before,
                                         float* held, long from, long to, long width, int relu) {
  for (long b = from; b < to; b++) {
    const float *kept = trace + 5 * b * width, *cs = c + b * width;
    float* gates = dz + 4 * b * width;
    const bool real = mask[b] != 0;
    for (long k = 0; k < width; k += LANES) {
      const long at = b * width + k;
      const Vector dh = load(dy + at) + load(dr + at) + load(carry + at), dcell = load(dc + at);
      const Vector none = {};
      if (!real) {
        for (int gate = 0; gate < 4; gate++) store(gates + gate * width + k, none);
        store(dc_before + at, dcell);
        store(held + at, dh);
        continue;
      }
      Vector keep[5];
      for (int part = 0; part < 5; part++) keep[part] = load(kept + part * width + k);
      const Vector i = keep[0], f = keep[1], g = keep[2], o = keep[3], out = keep[4];
      const Vector u = dcell + dh * o * slope(out, relu);
      store(gates + k, u * g * (i * (1.0f - i)));
      store(gates + width + k, u * load(cs + k) * (f * (1.0f - f)));
      store(gates + 2 * width + k, u * i * slope(g, relu));
      store(gates + 3 * width + k, dh * out * (o * (1.0f - o)));
      store(dc_before + at, u * f);
      store(held + at, none);
    }
  }
}
