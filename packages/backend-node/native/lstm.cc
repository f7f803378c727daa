// Two TensorFlow operations for a step of an LSTM: all that is not a product, in one pass each.
//
//   ChainruleLstmCell          h, c and the gates of the next step
//   ChainruleLstmCellGradient  the gradient with respect to the gates and the cell before
#include "operation.h"

#define DECLARE(set)                                                                               \
  extern "C" void lstm_cell_##set(const float*, const float*, const float*, const float*,          \
                                  const float*, float*, float*, float*, long, long, long, int);    \
  extern "C" void lstm_cell_gradient_##set(const float*, const float*, const float*, const float*, \
                                           const float*, const float*, const float*, float*,       \
                                           float*, float*, long, long, long, int);
EVERY_SET(DECLARE)

namespace {

void cell(const ReluOptions& options, Call& call) {
  TF_Tensor *x = call.input(0), *r = call.input(1), *h = call.input(2), *c = call.input(3);
  TF_Tensor* mask = call.input(4);
  if (!call.ok()) return;
  if (TF_NumDims(h) != 2) return call.fail("ChainruleLstmCell: expected h [batch, width]");
  const long rows = TF_Dim(h, 0), width = TF_Dim(h, 1);
  if (width % kLanes != 0 || !is_matrix(x, rows, 4 * width) || !is_matrix(r, rows, 4 * width) ||
      !is_matrix(c, rows, width) || !is_vector(mask, rows))
    return call.fail(
        "ChainruleLstmCell: expected x and r [batch, 4·width], c [batch, width] and mask [batch], "
        "width a multiple of 16");
  float* outputs[3];
  for (int i = 0; i < 3; i++) {
    TF_Tensor* output = call.output({rows, i == 2 ? 5 * width : width}, i);
    if (!call.ok()) return;
    outputs[i] = floats(output);
  }
  const int relu = options.relu;
  over_rows(rows, width, [&](int, long from, long to) {
    LOOP(lstm_cell)(floats(x), floats(r), floats(h), floats(c), floats(mask), outputs[0], outputs[1],
                 outputs[2], from, to, width, relu);
  });
}

void gradient(const ReluOptions& options, Call& call) {
  TF_Tensor *dy = call.input(0), *dr = call.input(1), *carry = call.input(2), *dc = call.input(3);
  TF_Tensor *trace = call.input(4), *c = call.input(5), *mask = call.input(6);
  if (!call.ok()) return;
  if (TF_NumDims(dy) != 2) return call.fail("ChainruleLstmCellGradient: expected dy [batch, width]");
  const long rows = TF_Dim(dy, 0), width = TF_Dim(dy, 1);
  bool fits = width % kLanes == 0 && is_matrix(trace, rows, 5 * width) && is_vector(mask, rows);
  for (TF_Tensor* tensor : {dr, carry, dc, c}) fits = fits && is_matrix(tensor, rows, width);
  if (!fits)
    return call.fail(
        "ChainruleLstmCellGradient: expected dr, carry, dc and c [batch, width], trace "
        "[batch, 5·width] and mask [batch], width a multiple of 16");
  float* outputs[3];
  for (int i = 0; i < 3; i++) {
    TF_Tensor* output = call.output({rows, i == 0 ? 4 * width : width}, i);
    if (!call.ok()) return;
    outputs[i] = floats(output);
  }
  const int relu = options.relu;
  over_rows(rows, width, [&](int, long from, long to) {
    LOOP(lstm_cell_gradient)(floats(dy), floats(dr), floats(carry), floats(dc), floats(trace), floats(c),
                     floats(mask), outputs[0], outputs[1], outputs[2], from, to, width, relu);
  });
}

}  // namespace

void register_lstm(TF_Status* status) {
  add_operation<ReluOptions, cell>({"ChainruleLstmCell",
                                {"x: float", "r: float", "h: float", "c: float", "mask: float"},
                                {"next_h: float", "next_c: float", "trace: float"}},
                               status);
  add_operation<ReluOptions, gradient>({"ChainruleLstmCellGradient",
                                    {"dy: float", "dr: float", "carry: float", "dc: float",
                                     "trace: float", "c: float", "mask: float"},
                                    {"dz: float", "dc_before: float", "held: float"}},
                                   status);
}
