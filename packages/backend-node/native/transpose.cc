// A TensorFlow operation for a transposed matrix: for one of a few thousand numbers, what TensorFlow's own
// does before it begins takes ten times as long.
//
//   ChainruleTranspose  y = xᵀ, with x as [rows, …] whatever axes it has, and y of the shape `sizes`
#include "operation.h"

#define DECLARE(set) \
  extern "C" void transpose_rows_##set(const float*, long, long, long, long, float*);
EVERY_SET(DECLARE)

namespace {

ONE_OPTION(Options, int32_t, rows)

void compute(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *sizes = call.input(1);
  if (!call.ok()) return;
  const long size = TF_TensorElementCount(x), rows = options.rows;
  const std::vector<int64_t> shape = sizes_of(sizes);
  if (rows < 1 || size % rows != 0 || product(shape) != size)
    return call.fail("ChainruleTranspose: expected x [rows, …] and the sizes of its transpose");
  TF_Tensor* y = call.output(shape);
  if (!call.ok()) return;
  const long columns = size / rows;
  over_rows(columns, rows, [&](int, long from, long to) {
    LOOP(transpose_rows)(floats(x), rows, columns, from, to, floats(y));
  });
}

}  // namespace

void register_transpose(TF_Status* status) {
  add_operation<Options, compute>(
      {"ChainruleTranspose", {"x: float", "sizes: int32"}, {"y: float"}}, status);
}
