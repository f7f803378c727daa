// Two TensorFlow operations for the modulation of tokens by what another modality says of each channel
// (FiLM), with the ReLU where one follows, in one pass each:
//
//   ChainruleModulate          y = (1 + γ) ⊙ x + β, or what of that is positive
//   ChainruleModulateGradient  the gradients with respect to x and [γ, β]
#include "operation.h"

#define DECLARE(set)                                                                              \
  extern "C" void modulate_##set(const float*, const float*, long, long, int, long, long, float*); \
  extern "C" void modulate_gradient_##set(const float*, const float*, const float*, const float*, \
                                          long, long, long, long, float*, float*);
EVERY_SET(DECLARE)

namespace {

bool fits(TF_Tensor* x, TF_Tensor* both) {
  return TF_NumDims(x) == 3 && TF_TensorElementCount(x) > 0 && last_axis(x) % kLanes == 0 &&
         is_matrix(both, TF_Dim(x, 0), 2 * last_axis(x));
}

void forward(const ReluOptions& options, Call& call) {
  TF_Tensor *x = call.input(0), *both = call.input(1);
  if (!call.ok()) return;
  if (!fits(x, both))
    return call.fail(
        "ChainruleModulate: expected x [batch, tokens, width] and both [batch, 2·width], width a "
        "multiple of 16");
  const long batch = TF_Dim(x, 0), tokens = TF_Dim(x, 1), width = TF_Dim(x, 2);
  TF_Tensor* y = call.output({batch, tokens, width});
  if (!call.ok()) return;
  const int relu = options.relu;
  over_rows(batch, tokens * width, [&](int, long from, long to) {
    LOOP(modulate)(floats(x), floats(both), tokens, width, relu, from, to, floats(y));
  });
}

void gradient(const ReluOptions& options, Call& call) {
  TF_Tensor *dy = call.input(0), *x = call.input(1), *both = call.input(2), *y = call.input(3);
  if (!call.ok()) return;
  if (!fits(x, both) || shape_of(dy) != shape_of(x) || shape_of(y) != shape_of(x))
    return call.fail(
        "ChainruleModulateGradient: expected dy, x and y [batch, tokens, width] and both [batch, "
        "2·width], width a multiple of 16");
  const long batch = TF_Dim(x, 0), tokens = TF_Dim(x, 1), width = TF_Dim(x, 2);
  TF_Tensor *dx = call.output({batch, tokens, width}, 0), *dboth = call.output({batch, 2 * width}, 1);
  if (!call.ok()) return;
  const float* gate = options.relu ? floats(y) : nullptr;
  over_rows(batch, tokens * width, [&](int, long from, long to) {
    LOOP(modulate_gradient)(floats(dy), floats(x), floats(both), gate, tokens, width, from, to,
                            floats(dx), floats(dboth));
  });
}

}  // namespace

void register_modulate(TF_Status* status) {
  add_operation<ReluOptions, forward>(
      {"ChainruleModulate", {"x: float", "both: float"}, {"y: float"}}, status);
  add_operation<ReluOptions, gradient>({"ChainruleModulateGradient",
                                    {"dy: float", "x: float", "both: float", "y: float"},
                                    {"dx: float", "dboth: float"}},
                                   status);
}
