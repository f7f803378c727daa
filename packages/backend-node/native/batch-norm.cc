// Two TensorFlow operations for batch norm in training, with the ReLU where one follows, in two
// passes each over what they read:
//
//   ChainruleBatchNorm          y = (x − μ)/√(σ² + ε) · scale + offset over all axes but the last
//   ChainruleBatchNormGradient  the gradients with respect to x, scale and offset
#include "operation.h"

#include <cmath>

#define DECLARE(set)                                                                                \
  extern "C" void moments_##set(const float*, const float*, long, long, long, float*, float*);      \
  extern "C" void normalize_##set(const float*, const float*, const float*, long, long, long, int,  \
                                  float*);                                                          \
  extern "C" void moments_gradient_##set(const float*, const float*, const float*, const float*,    \
                                         const float*, long, long, long, float*, float*);           \
  extern "C" void normalize_gradient_##set(const float*, const float*, const float*, const float*,  \
                                           const float*, const float*, const float*, const float*,  \
                                           long, long, long, float*);
EVERY_SET(DECLARE)

namespace {

struct Options {
  float epsilon = 0;
  unsigned char relu = 0;

  template <typename F>
  void each(const F& f) {
    f("epsilon", &epsilon);
    f("relu", &relu);
  }
};

// Rows of channels, and how they are shared.
struct Rows {
  explicit Rows(TF_Tensor* x)
      : channels(last_axis(x)),
        count(TF_TensorElementCount(x) / channels),
        pieces(pieces_of(count, channels)) {}

  template <typename F>
  void share(const F& piece) const {
    over_rows(count, channels, piece);
  }

  // Two sums over all rows for each channel, of what `piece` adds up over some.
  template <typename F>
  std::vector<double> sums(const F& piece) const {
    std::vector<float> parts(2 * channels * pieces);
    share([&](int k, long from, long to) {
      float* own = parts.data() + 2 * channels * k;
      piece(from, to, own, own + channels);
    });
    std::vector<double> all(2 * channels);
    for (long k = 0; k < pieces; k++)
      for (long i = 0; i < 2 * channels; i++) all[i] += parts[2 * channels * k + i];
    return all;
  }

  long channels, count, pieces;
};

// What a channel is multiplied by and what is added, of the same numbers in both directions: so that they
// agree on which values the ReLU passes.
struct Line {
  Line(TF_Tensor* scale, TF_Tensor* offset, const float* mean, const float* inverse)
      : factor(TF_Dim(scale, 0)), term(factor.size()) {
    for (size_t c = 0; c < factor.size(); c++) {
      factor[c] = floats(scale)[c] * inverse[c];
      term[c] = floats(offset)[c] - static_cast<double>(mean[c]) * factor[c];
    }
  }

  std::vector<float> factor, term;
};

bool is_batch(TF_Tensor* x) {
  return TF_NumDims(x) >= 2 && TF_TensorElementCount(x) > 0 &&
         last_axis(x) % kLanes == 0;
}

void forward(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *scale = call.input(1), *offset = call.input(2);
  if (!call.ok()) return;
  const long width = last_axis(x);
  if (!is_batch(x) || !is_vector(scale, width) || !is_vector(offset, width))
    return call.fail(
        "ChainruleBatchNorm: expected x [batch, …, channels], scale and offset [channels], channels "
        "a multiple of 16");
  const Rows rows(x);
  TF_Tensor* y = call.output(shape_of(x), 0);
  TF_Tensor* vectors[3];
  for (int i = 0; i < 3; i++) vectors[i] = call.output({width}, i + 1);
  if (!call.ok()) return;

  // The sums are of differences from the first row, so that a mean far from 0 costs no digits.
  const float* shift = floats(x);
  const auto sums = rows.sums([&](long from, long to, float* first, float* second) {
    LOOP(moments)(floats(x), shift, width, from, to, first, second);
  });
  for (long c = 0; c < width; c++) {
    const double far = sums[c] / rows.count;
    const double variance = std::max(0.0, sums[width + c] / rows.count - far * far);
    const double mean = shift[c] + far, inverse = 1 / std::sqrt(variance + options.epsilon);
    floats(vectors[0])[c] = mean;
    floats(vectors[1])[c] = rows.count > 1 ? variance * rows.count / (rows.count - 1) : variance;
    floats(vectors[2])[c] = inverse;
  }
  const Line line(scale, offset, floats(vectors[0]), floats(vectors[2]));
  rows.share([&](int, long from, long to) {
    LOOP(normalize)(floats(x), line.factor.data(), line.term.data(), width, from, to, options.relu,
                      floats(y));
  });
}

void gradient(const Options& options, Call& call) {
  TF_Tensor *dy = call.input(0), *x = call.input(1);
  TF_Tensor *scale = call.input(2), *offset = call.input(3), *mean = call.input(4), *inverse = call.input(5);
  if (!call.ok()) return;
  const long width = last_axis(x);
  const auto shape = shape_of(x);
  bool fits = is_batch(x) && shape_of(dy) == shape;
  for (TF_Tensor* vector : {scale, offset, mean, inverse}) fits = fits && is_vector(vector, width);
  if (!fits)
    return call.fail(
        "ChainruleBatchNormGradient: expected dy and x [batch, …, channels], scale, offset, mean and "
        "inverse [channels], channels a multiple of 16");
  const Rows rows(x);
  TF_Tensor *dx = call.output(shape, 0), *dscale = call.output({width}, 1);
  TF_Tensor* doffset = call.output({width}, 2);
  if (!call.ok()) return;

  const Line line(scale, offset, floats(mean), floats(inverse));
  const float* gate = options.relu ? line.factor.data() : nullptr;
  const auto sums = rows.sums([&](long from, long to, float* first, float* second) {
    LOOP(moments_gradient)(floats(dy), floats(x), gate, line.term.data(), floats(mean), width, from, to, first,
                             second);
  });
  std::vector<float> factor(width), term(width), slope(width);
  for (long c = 0; c < width; c++) {
    const double inv = floats(inverse)[c], scaled = floats(scale)[c] * inv;
    floats(doffset)[c] = sums[c];
    floats(dscale)[c] = sums[width + c] * inv;
    factor[c] = scaled;
    term[c] = scaled * sums[c] / rows.count;
    slope[c] = scaled * sums[width + c] * inv * inv / rows.count;
  }
  rows.share([&](int, long from, long to) {
    LOOP(normalize_gradient)(floats(dy), floats(x), gate, line.term.data(), floats(mean), factor.data(),
                               term.data(), slope.data(), width, from, to, floats(dx));
  });
}

}  // namespace

void register_batch_norm(TF_Status* status) {
  add_operation<Options, forward>({"ChainruleBatchNorm",
                                   {"x: float", "scale: float", "offset: float"},
                                   {"y: float", "mean: float", "variance: float", "inverse: float"}},
                                  status);
  add_operation<Options, gradient>(
      {"ChainruleBatchNormGradient",
       {"dy: float", "x: float", "scale: float", "offset: float", "mean: float", "inverse: float"},
       {"dx: float", "dscale: float", "doffset: float"}},
      status);
}
