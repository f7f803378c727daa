// The loops of lstm.cc.
#include "panel.h"

static inline Vector phi(Vector x, int relu) {
  return relu ? (x > 0.0f ? x : (Vector){}) : hyperbolic(x);
}
// Of phi, by its value.
static inline Vector slope(Vector y, int relu) {
  return relu ? (y > 0.0f ? 1.0f + (Vector){} : (Vector){}) : 1.0f - y * y;
}

// out[rows, columns] = a[rows, depth] · a matrix in panels.
static inline void multiply(const float* a, long rows, long depth, const float* packed, long columns,
                            float* out) {
  for (long c = 0; c < columns; c += WIDTH) {
    const long width = columns - c < WIDTH ? columns - c : WIDTH;
    for (long k = 0; k < depth; k += DEPTH) {
      const long steps = depth - k < DEPTH ? depth - k : DEPTH;
      const float* panel = packed + c * depth + k * width;
      panel_rows({a + k, depth, 1}, panel, width, steps, k > 0 ? ADD : WRITE, out + c, columns, rows,
                 {nullptr, 0});
    }
  }
}

// Columns from…to, in panels, of `recurrent`, [width, 4·width], or of what it is transposed.
extern "C" void NAME(lstm_pack)(const float* recurrent, int transposed, long width, long from, long to,
                                float* packed) {
  const long depth = transposed ? 4 * width : width;
  for (long c = from; c < to; c += WIDTH) {
    const long count = to - c < WIDTH ? to - c : WIDTH;
    float* panel = packed + c * depth;
    if (transposed)
      transpose(recurrent + c * depth, depth, count, depth, panel, count, count);
    else
      pack(recurrent + c, 4 * width, count, count, depth, panel);
  }
}

// The states of examples from…to after every step. x is [time, batch, 4·width]; mask, [time, batch], may
// be null; trace, for the gradient, is [time, batch, 6·width]: i, f, g, o, φ(c) and the c before. `scratch`
// holds 5·width floats an example.
extern "C" void NAME(lstm_states)(const float* x, const float* packed, const float* mask, float* states,
                                  float* trace, long time, long batch, long width, int relu, long from,
                                  long to, float* scratch) {
  const long rows = to - from;
  float *products = scratch, *cells = scratch + 4 * width * rows;
  __builtin_memset(scratch, 0, 5 * width * rows * sizeof(float));
  for (long t = 0; t < time; t++) {
    const long first = t * batch + from;
    const float* before = states + (first - batch) * width;
    if (t > 0) multiply(before, rows, width, packed, 4 * width, products);
    for (long b = 0; b < rows; b++) {
      const float *xs = x + 4 * (first + b) * width, *rs = products + 4 * b * width;
      float *h = states + (first + b) * width, *c = cells + b * width;
      float* kept = trace + 6 * (first + b) * width;
      const bool real = !mask || mask[first + b] != 0;
      for (long k = 0; k < width; k += LANES) {
        Vector z[4];
        for (int gate = 0; gate < 4; gate++)
          z[gate] = load(xs + gate * width + k) + load(rs + gate * width + k);
        const Vector i = sigmoid(z[0]), f = sigmoid(z[1]), g = phi(z[2], relu), o = sigmoid(z[3]);
        const Vector old = load(c + k), cell = f * old + i * g, out = phi(cell, relu);
        const Vector keep[6] = {i, f, g, o, out, old};
        for (int part = 0; part < 6; part++) store(kept + part * width + k, keep[part]);
        store(c + k, real ? cell : old);
        store(h + k, real ? o * out : t > 0 ? load(before + b * width + k) : (Vector){});
      }
    }
  }
}

// The gradient with respect to x. `packed` is of the transposed matrix; `scratch` holds 3·width floats an
// example.
extern "C" void NAME(lstm_gradient)(const float* dy, const float* packed, const float* mask,
                                    const float* trace, float* dx, long time, long batch, long width,
                                    int relu, long from, long to, float* scratch) {
  const long rows = to - from, size = rows * width;
  // Of h: by the product of the step after, and what passes by where that is padding. Of c.
  float *products = scratch, *held = scratch + size, *cells = scratch + 2 * size;
  __builtin_memset(scratch, 0, 3 * size * sizeof(float));
  for (long t = time - 1; t >= 0; t--) {
    const long first = t * batch + from;
    float* gates = dx + 4 * first * width;
    for (long b = 0; b < rows; b++) {
      const float* kept = trace + 6 * (first + b) * width;
      const bool real = !mask || mask[first + b] != 0;
      for (long k = 0; k < width; k += LANES) {
        const long at = b * width + k;
        const Vector dh = load(dy + first * width + at) + load(products + at) + load(held + at);
        const Vector dc = load(cells + at), none = {};
        float* to_gates = gates + 4 * b * width + k;
        if (!real) {
          for (int gate = 0; gate < 4; gate++) store(to_gates + gate * width, none);
          store(held + at, dh);
          continue;
        }
        Vector keep[6];
        for (int part = 0; part < 6; part++) keep[part] = load(kept + part * width + k);
        const Vector i = keep[0], f = keep[1], g = keep[2], o = keep[3], out = keep[4], old = keep[5];
        const Vector u = dc + dh * o * slope(out, relu);
        store(to_gates, u * g * (i * (1.0f - i)));
        store(to_gates + width, u * old * (f * (1.0f - f)));
        store(to_gates + 2 * width, u * i * slope(g, relu));
        store(to_gates + 3 * width, dh * out * (o * (1.0f - o)));
        store(cells + at, u * f);
        store(held + at, none);
      }
    }
    if (t > 0) multiply(gates, rows, 4 * width, packed, width, products);
  }
}
