// Two TensorFlow operations for an LSTM over all its steps:
//
//   ChainruleLstm          the state after each step, and a trace for the gradient
//   ChainruleLstmGradient  the gradient with respect to the projected inputs
//
// An example's steps depend on no other example, so each thread takes some examples through all steps:
// nobody waits between steps, and what a step needs is still in the thread's own cache.
#include "operation.h"
#include "scratch.h"

#define DECLARE(set)                                                                              \
  extern "C" void lstm_pack_##set(const float*, int, long, long, long, float*);                  \
  extern "C" void lstm_states_##set(const float*, const float*, const float*, float*, float*,    \
                                    long, long, long, int, long, long, float*);                  \
  extern "C" void lstm_gradient_##set(const float*, const float*, const float*, const float*,    \
                                      float*, long, long, long, int, long, long, float*);
EVERY_SET(DECLARE)

namespace {

// Columns that are whole panels, whatever the instruction set.
constexpr long kPanels = 64;
// Fewer examples leave the registers of a product empty.
constexpr long kExamples = 16;

struct Sizes {
  long time, batch, width;
};

bool is_sequence(TF_Tensor* tensor, const Sizes& s, long parts) {
  return TF_NumDims(tensor) == 3 && TF_Dim(tensor, 0) == s.time && TF_Dim(tensor, 1) == s.batch &&
         TF_Dim(tensor, 2) == parts * s.width;
}

// Of all steps, or of none: no padding.
bool is_mask(TF_Tensor* mask, const Sizes& s) {
  return TF_TensorElementCount(mask) == 0 || is_matrix(mask, s.time, s.batch);
}

const float* mask_of(TF_Tensor* mask) {
  return TF_TensorElementCount(mask) == 0 ? nullptr : floats(mask);
}

// The recurrent weights, or what they are transposed, in panels.
const float* packed(const float* recurrent, bool transposed, long width) {
  float* panels = scratch(4 * width * width, true);
  const long columns = transposed ? width : 4 * width;
  const auto pack = LOOP(lstm_pack);
  Team::instance().run(static_cast<int>((columns + kPanels - 1) / kPanels), [&](int piece) {
    const long from = piece * kPanels;
    pack(recurrent, transposed, width, from, std::min(columns, from + kPanels), panels);
  });
  return panels;
}

// share(panels, from, to, memory) for all examples, with so many times `width` floats for each of them.
template <typename F>
void over_examples(const Sizes& s, TF_Tensor* recurrent, bool transposed, long memory, const F& share) {
  if (s.time * s.batch * s.width == 0) return;
  const float* panels = packed(floats(recurrent), transposed, s.width);
  const long most = 2L * std::thread::hardware_concurrency();
  const long pieces = std::clamp(s.batch / kExamples, 1L, std::max(1L, most));
  Team::instance().run(static_cast<int>(pieces), [&](int piece) {
    const long from = s.batch * piece / pieces, to = s.batch * (piece + 1) / pieces;
    share(panels, from, to, scratch(memory * s.width * (to - from)));
  });
}

void states(const ReluOptions& options, Call& call) {
  TF_Tensor *x = call.input(0), *recurrent = call.input(1), *mask = call.input(2);
  if (!call.ok()) return;
  const char* expected =
      "ChainruleLstm: expected x [time, batch, 4·width], recurrent [width, 4·width] and mask [time, batch] "
      "or an empty one, width a multiple of 16";
  if (TF_NumDims(x) != 3 || TF_NumDims(recurrent) != 2) return call.fail(expected);
  const Sizes s{TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(recurrent, 0)};
  if (s.width % kLanes != 0 || !is_matrix(recurrent, s.width, 4 * s.width) || !is_sequence(x, s, 4) ||
      !is_mask(mask, s))
    return call.fail(expected);
  TF_Tensor* y = call.output({s.time, s.batch, s.width}, 0);
  if (!call.ok()) return;
  TF_Tensor* trace = call.output({s.time, s.batch, 6 * s.width}, 1);
  if (!call.ok()) return;
  over_examples(s, recurrent, false, 5, [&](const float* panels, long from, long to, float* memory) {
    LOOP(lstm_states)(floats(x), panels, mask_of(mask), floats(y), floats(trace), s.time, s.batch,
                      s.width, options.relu, from, to, memory);
  });
}

void gradient(const ReluOptions& options, Call& call) {
  TF_Tensor *dy = call.input(0), *recurrent = call.input(1), *mask = call.input(2);
  TF_Tensor* trace = call.input(3);
  if (!call.ok()) return;
  const char* expected =
      "ChainruleLstmGradient: expected dy [time, batch, width], recurrent [width, 4·width], mask [time, "
      "batch] or an empty one and trace [time, batch, 6·width], width a multiple of 16";
  if (TF_NumDims(dy) != 3) return call.fail(expected);
  const Sizes s{TF_Dim(dy, 0), TF_Dim(dy, 1), TF_Dim(dy, 2)};
  if (s.width % kLanes != 0 || !is_matrix(recurrent, s.width, 4 * s.width) || !is_sequence(trace, s, 6) ||
      !is_mask(mask, s))
    return call.fail(expected);
  TF_Tensor* dx = call.output({s.time, s.batch, 4 * s.width});
  if (!call.ok()) return;
  over_examples(s, recurrent, true, 3, [&](const float* panels, long from, long to, float* memory) {
    LOOP(lstm_gradient)(floats(dy), panels, mask_of(mask), floats(trace), floats(dx), s.time, s.batch,
                        s.width, options.relu, from, to, memory);
  });
}

}  // namespace

void register_lstm(TF_Status* status) {
  add_operation<ReluOptions, states>({"ChainruleLstm",
                                      {"x: float", "recurrent: float", "mask: float"},
                                      {"states: float", "trace: float"}},
                                     status);
  add_operation<ReluOptions, gradient>({"ChainruleLstmGradient",
                                        {"dy: float", "recurrent: float", "mask: float", "trace: float"},
                                        {"dx: float"}},
                                       status);
}
