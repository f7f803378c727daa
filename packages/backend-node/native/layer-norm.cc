// Two TensorFlow operations for layer norm, in one pass over memory each: a row stays in the
// processor's first cache while it is read again.
//
//   ChainruleLayerNorm          y = scale·(x − μ)/√(σ² + ε) + offset over the last axis
//   ChainruleLayerNormGradient  the gradients with respect to x, scale and offset
#include "operation.h"

#define DECLARE(set)                                                                               \
  extern "C" void layer_norm_##set(const float*, const float*, const float*, float*, float*,       \
                                   float*, long, long, long, float);                               \
  extern "C" void layer_norm_gradient_##set(const float*, const float*, const float*,              \
                                            const float*, const float*, float*, float*, float*,    \
                                            long, long, long);
EVERY_SET(DECLARE)

namespace {

ONE_OPTION(Options, float, epsilon)

bool is_rows(TF_Tensor* x) {
  return TF_NumDims(x) >= 1 && TF_TensorElementCount(x) > 0 && last_axis(x) % kLanes == 0;
}

void forward(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *scale = call.input(1), *offset = call.input(2);
  if (!call.ok()) return;
  const long width = last_axis(x);
  if (!is_rows(x) || !is_vector(scale, width) || !is_vector(offset, width))
    return call.fail(
        "ChainruleLayerNorm: expected x [batch, …, width], scale and offset [width], width a multiple "
        "of 16");
  const long rows = TF_TensorElementCount(x) / width;
  TF_Tensor *y = call.output(shape_of(x), 0), *mean = call.output({rows}, 1);
  TF_Tensor* inverse = call.output({rows}, 2);
  if (!call.ok()) return;
  const float epsilon = options.epsilon;
  over_rows(rows, width, [&](int, long from, long to) {
    LOOP(layer_norm)(floats(x), floats(scale), floats(offset), floats(y), floats(mean),
                     floats(inverse), from, to, width, epsilon);
  });
}

void gradient(const NoOptions&, Call& call) {
  TF_Tensor *dy = call.input(0), *x = call.input(1), *scale = call.input(2);
  TF_Tensor *mean = call.input(3), *inverse = call.input(4);
  if (!call.ok()) return;
  const long width = last_axis(x);
  const long rows = is_rows(x) ? TF_TensorElementCount(x) / width : 0;
  if (!is_rows(x) || shape_of(dy) != shape_of(x) || !is_vector(scale, width) ||
      !is_vector(mean, rows) || !is_vector(inverse, rows))
    return call.fail(
        "ChainruleLayerNormGradient: expected dy and x [batch, …, width], scale [width], mean and "
        "inverse [rows], width a multiple of 16");
  TF_Tensor *dx = call.output(shape_of(x), 0), *dscale = call.output({width}, 1);
  TF_Tensor* doffset = call.output({width}, 2);
  if (!call.ok()) return;
  // Each piece has sums of its own; how many there are depends on the shape alone, so that the same
  // numbers are added in the same order whoever does the work.
  const int count = pieces_of(rows, width);
  std::vector<float> sums(2 * width * count);
  over_rows(rows, width, [&](int piece, long from, long to) {
    float* own = sums.data() + 2 * width * piece;
    LOOP(layer_norm_gradient)(floats(dy), floats(x), floats(scale), floats(mean), floats(inverse),
                              floats(dx), own, own + width, from, to, width);
  });
  for (long k = 0; k < width; k++) {
    double along = 0, all = 0;
    for (int piece = 0; piece < count; piece++) {
      along += sums[2 * width * piece + k];
      all += sums[2 * width * piece + width + k];
    }
    floats(dscale)[k] = static_cast<float>(along);
    floats(doffset)[k] = static_cast<float>(all);
  }
}

}  // namespace

void register_layer_norm(TF_Status* status) {
  add_operation<Options, forward>({"ChainruleLayerNorm",
                                   {"x: float", "scale: float", "offset: float"},
                                   {"y: float", "mean: float", "inverse: float"}},
                                  status);
  add_operation<NoOptions, gradient>(
      {"ChainruleLayerNormGradient",
       {"dy: float", "x: float", "scale: float", "mean: float", "inverse: float"},
       {"dx: float", "dscale: float", "doffset: float"}},
      status);
}
