// The loops of layer-norm.cc.
#include "vector.h"

// y = scale·(x − μ)/√(σ² + ε) + offset for the rows from…to; also each row's μ and 1/√(σ² + ε).
extern "C" void NAME(layer_norm)(const float* x, const float* scale, const float* offset, float* y,
                                 float* mean, float* inverse, long from, long to, long width,
                                 float epsilon) {
  for (long row = from; row < to; row++) {
    const float* xs = x + row * width;
    float* ys = y + row * width;
    Vector sum = {}, squares = {};
    // Of differences from the first number, so that a mean far from 0 costs no digits.
    for (long k = 0; k < width; k += LANES) sum += load(xs + k) - xs[0];
    const float mu = xs[0] + total(sum) / width;
    for (long k = 0; k < width; k += LANES) {
      const Vector far = load(xs + k) - mu;
      squares += far * far;
    }
    const float factor = 1 / __builtin_sqrtf(total(squares) / width + epsilon);
    for (long k = 0; k < width; k += LANES)
      store(ys + k, (load(xs + k) - mu) * factor * load(scale + k) + load(offset + k));
    mean[row] = mu;
    inverse[row] = factor;
  }
}

// With x̂ = (x − μ)·inverse and g = dy·scale: dx = inverse·(g − mean g − x̂·mean(g·x̂)), and
// dscale += Σ dy·x̂, doffset += Σ dy over the rows from…to.
extern "C" void NAME(layer_norm_gradient)(const float* dy, const float* x, const float* scale,
                                          const float* mean, const float* inverse, float* dx,
                                          float* dscale, float* doffset, long from, long to,
                                          long width) {
  for (long row = from; row < to; row++) {
    const float *gs = dy + row * width, *xs = x + row * width;
    float* ds = dx + row * width;
    const float mu = mean[row], factor = inverse[row];
    Vector sum = {}, along = {};
    for (long k = 0; k < width; k += LANES) {
      const Vector g = load(gs + k), normal = (load(xs + k) - mu) * factor;
      store(dscale + k, load(dscale + k) + g * normal);
      store(doffset + k, load(doffset + k) + g);
      const Vector scaled = g * load(scale + k);
      sum += scaled;
      along += scaled * normal;
    }
    const float average = total(sum) / width, share = total(along) / width;
    for (long k = 0; k < width; k += LANES) {
      const Vector normal = (load(xs + k) - mu) * factor;
      store(ds + k, factor * (load(gs + k) * load(scale + k) - average - normal * share));
    }
  }
}
