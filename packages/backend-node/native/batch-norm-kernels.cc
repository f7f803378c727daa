// The loops of batch-norm.cc.
#include "vector.h"

// Vectors of channels at a time, and rows whose sums are made before they are added to all others':
// so the sums of many rows lose little.
enum { COLUMNS = 4, ROWS = 128 };

// first, second += Σ f(row, channel)
template <int C, typename F>
static inline void sum_columns(long channels, long from, long to, long channel, float* first,
                               float* second, const F& f) {
  for (long begin = from; begin < to; begin += ROWS) {
    const long end = begin + ROWS < to ? begin + ROWS : to;
    Vector a[C] = {}, b[C] = {};
    for (long row = begin; row < end; row++)
      for (int c = 0; c < C; c++) f(row * channels, channel + c * LANES, a[c], b[c]);
    for (int c = 0; c < C; c++) {
      const long at = channel + c * LANES;
      store(first + at, load(first + at) + a[c]);
      store(second + at, load(second + at) + b[c]);
    }
  }
}

template <typename F>
static inline void sum_rows(long channels, long from, long to, float* first, float* second,
                            const F& f) {
  long c = 0;
  for (; c + COLUMNS * LANES <= channels; c += COLUMNS * LANES)
    sum_columns<COLUMNS>(channels, from, to, c, first, second, f);
  for (; c < channels; c += LANES) sum_columns<1>(channels, from, to, c, first, second, f);
}

// sums += Σ (x − shift), squares += Σ (x − shift)², over the rows from…to.
extern "C" void NAME(moments)(const float* x, const float* shift, long channels, long from, long to,
                              float* sums, float* squares) {
  sum_rows(channels, from, to, sums, squares, [=](long row, long c, Vector& a, Vector& b) {
    const Vector far = load(x + row + c) - load(shift + c);
    a += far;
    b += far * far;
  });
}

// y = x·factor + term, and where `relu`, what of it is positive.
extern "C" void NAME(normalize)(const float* x, const float* factor, const float* term,
                                long channels, long from, long to, int relu, float* y) {
  for (long row = from * channels; row < to * channels; row += channels)
    for (long c = 0; c < channels; c += LANES) {
      const Vector value = load(x + row + c) * load(factor + c) + load(term + c);
      store(y + row + c, relu ? (value > 0.0f ? value : (Vector){}) : value);
    }
}

// What of the gradient passes the ReLU, which is where `normalize` gave something positive: all, where
// there is none and `gate` is null. To compute that anew is less than to read it.
static inline Vector passed(Vector g, Vector x, const float* gate, const float* gate_term, long c) {
  return gate ? (x * load(gate + c) + load(gate_term + c) > 0.0f ? g : (Vector){}) : g;
}

// sums += Σ g, products += Σ g·(x − mean)
extern "C" void NAME(moments_gradient)(const float* dy, const float* x, const float* gate,
                                       const float* gate_term, const float* mean, long channels, long from,
                                       long to, float* sums, float* products) {
  sum_rows(channels, from, to, sums, products, [=](long row, long c, Vector& a, Vector& b) {
    const Vector value = load(x + row + c);
    const Vector g = passed(load(dy + row + c), value, gate, gate_term, c);
    a += g;
    b += g * (value - load(mean + c));
  });
}

// dx = factor·g − term − slope·(x − mean)
extern "C" void NAME(normalize_gradient)(const float* dy, const float* x, const float* gate,
                                         const float* gate_term, const float* mean,
                                         const float* factor, const float* term, const float* slope,
                                         long channels, long from, long to, float* dx) {
  for (long row = from * channels; row < to * channels; row += channels)
    for (long c = 0; c < channels; c += LANES) {
      const Vector value = load(x + row + c), far = value - load(mean + c);
      const Vector g = passed(load(dy + row + c), value, gate, gate_term, c);
      store(dx + row + c, load(factor + c) * g - load(term + c) - load(slope + c) * far);
    }
}
