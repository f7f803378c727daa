// Two TensorFlow operations for the bilinear fusions that multiply factors and add groups of them up, in
// one pass each. What is added, and what each of it is given back, never goes through memory:
//
//   ChainruleFactorSum          zⱼ = Σᵣ xᵣⱼ yᵣⱼ over `count` vectors that stand one after the other
//   ChainruleFactorSumGradient  dxᵣⱼ = dzⱼ yᵣⱼ and dyᵣⱼ = dzⱼ xᵣⱼ
#include "operation.h"

#define DECLARE(set)                                                                              \
  extern "C" void factor_sum_##set(const float*, const float*, long, long, long, long, float*);   \
  extern "C" void factor_sum_gradient_##set(const float*, const float*, const float*, long, long, \
                                            long, long, float*, float*);
EVERY_SET(DECLARE)

namespace {

ONE_OPTION(Options, int32_t, count)

bool fits(const Options& options, TF_Tensor* x, TF_Tensor* y) {
  return TF_NumDims(x) == 2 && TF_TensorElementCount(x) > 0 && shape_of(x) == shape_of(y) &&
         options.count > 0 && last_axis(x) % options.count == 0;
}

void forward(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *y = call.input(1);
  if (!call.ok()) return;
  if (!fits(options, x, y))
    return call.fail("ChainruleFactorSum: expected x and y [batch, count·width]");
  const long batch = TF_Dim(x, 0), count = options.count, width = last_axis(x) / count;
  TF_Tensor* z = call.output({batch, width});
  if (!call.ok()) return;
  over_rows(batch, count * width, [&](int, long from, long to) {
    LOOP(factor_sum)(floats(x), floats(y), count, width, from, to, floats(z));
  });
}

void gradient(const Options& options, Call& call) {
  TF_Tensor *dz = call.input(0), *x = call.input(1), *y = call.input(2);
  if (!call.ok()) return;
  if (!fits(options, x, y) || !is_matrix(dz, TF_Dim(x, 0), last_axis(x) / options.count))
    return call.fail(
        "ChainruleFactorSumGradient: expected dz [batch, width], x and y [batch, count·width]");
  const long batch = TF_Dim(x, 0), count = options.count, width = last_axis(x) / count;
  TF_Tensor *dx = call.output(shape_of(x), 0), *dy = call.output(shape_of(x), 1);
  if (!call.ok()) return;
  over_rows(batch, count * width, [&](int, long from, long to) {
    LOOP(factor_sum_gradient)
    (floats(dz), floats(x), floats(y), count, width, from, to, floats(dx), floats(dy));
  });
}

}  // namespace

void register_factors(TF_Status* status) {
  add_operation<Options, forward>(
      {"ChainruleFactorSum", {"x: float", "y: float"}, {"z: float"}}, status);
  add_operation<Options, gradient>({"ChainruleFactorSumGradient",
                                    {"dz: float", "x: float", "y: float"},
                                    {"dx: float", "dy: float"}},
                                   status);
}
