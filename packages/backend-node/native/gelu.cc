// Two TensorFlow operations for the activation GELU, x·Φ(x), in one pass instead of five or more:
//
//   ChainruleGelu          y = x·Φ(x), or with `approximate` its approximation by the tanh
//   ChainruleGeluGradient  dx = dy·(Φ(x) + x·φ(x))
#include "gelu.h"

namespace {

ONE_OPTION(Options, unsigned char, approximate)

void forward(const Options& options, Call& call) {
  TF_Tensor* x = call.input(0);
  if (!call.ok()) return;
  TF_Tensor* y = call.output(shape_of(x));
  if (!call.ok()) return;
  const int approximate = options.approximate;
  over_rows(TF_TensorElementCount(x), 1, [&](int, long from, long to) {
    LOOP(gelu)(floats(x), floats(y), from, to, approximate);
  });
}

void gradient(const Options& options, Call& call) {
  TF_Tensor *dy = call.input(0), *x = call.input(1);
  if (!call.ok()) return;
  if (shape_of(dy) != shape_of(x))
    return call.fail("ChainruleGeluGradient: expected dy and x of one shape");
  TF_Tensor* dx = call.output(shape_of(x));
  if (!call.ok()) return;
  const int approximate = options.approximate;
  over_rows(TF_TensorElementCount(x), 1, [&](int, long from, long to) {
    LOOP(gelu_gradient)(floats(dy), floats(x), floats(dx), nullptr, from, to, approximate);
  });
}

}  // namespace

void register_gelu(TF_Status* status) {
  add_operation<Options, forward>(
      {"ChainruleGelu", {"x: float"}, {"y: float"}}, status);
  add_operation<Options, gradient>(
      {"ChainruleGeluGradient", {"dy: float", "x: float"}, {"dx: float"}},
      status);
}
