// A TensorFlow operation for the gradient of a gather, of which embeddings and shared inputs are made.
// TensorFlow's own adds row by row on one thread:
//
//   ChainruleSegmentSum  sums[s] = Σ x[i] over the rows i with segments[i] = s
#include "operation.h"

#define DECLARE(set)                                                                               \
  extern "C" void segment_sum_##set(const float*, const int*, long, long, long, long, long, float*);
EVERY_SET(DECLARE)

namespace {

void compute(const NoOptions&, Call& call) {
  TF_Tensor *x = call.input(0), *segments = call.input(1), *shape = call.input(2);
  if (!call.ok()) return;
  const long rows = TF_TensorElementCount(segments);
  const long width = rows > 0 ? TF_TensorElementCount(x) / rows : 0;
  const std::vector<int64_t> sizes = sizes_of(shape);
  const long count = sizes.empty() ? 0 : sizes[0];
  if (rows == 0 || count == 0 || rows * width != TF_TensorElementCount(x) ||
      product(sizes) != count * width)
    return call.fail("ChainruleSegmentSum: expected x [rows…, …], segments [rows…] and the sums' shape");
  TF_Tensor* sums = call.output(sizes);
  if (!call.ok()) return;
  // Each thread has columns of its own, so that no two add to the same number.
  const long parts = std::max(1L, std::min(width / kLanes, rows * width >> 14));
  Team::instance().run(static_cast<int>(parts), [&](int part) {
    const auto at = [&](long k) { return k == parts ? width : width * k / parts / kLanes * kLanes; };
    LOOP(segment_sum)(floats(x), static_cast<const int*>(TF_TensorData(segments)), rows, width, count,
                      at(part), at(part + 1), floats(sums));
  });
}

}  // namespace

void register_segment_sum(TF_Status* status) {
  add_operation<NoOptions, compute>({"ChainruleSegmentSum",
                                     {"x: float", "segments: int32", "shape: int32"},
                                     {"sums: float"}},
                                    status);
}
