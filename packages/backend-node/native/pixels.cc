// A TensorFlow operation for pictures on their way into a step. A batch of bytes is a quarter of the
// numbers, and TensorFlow would convert and divide one after the other:
//
//   ChainrulePixels  y = x / 255 for the bytes x, four in each integer
#include "operation.h"

#define DECLARE(set) \
  extern "C" void pixels_##set(const unsigned char*, long, long, float*);
EVERY_SET(DECLARE)

namespace {

void compute(const NoOptions&, Call& call) {
  TF_Tensor* packed = call.input(0);
  if (!call.ok()) return;
  const long count = 4 * TF_TensorElementCount(packed);
  TF_Tensor* y = call.output({count});
  if (!call.ok()) return;
  const auto* bytes = static_cast<const unsigned char*>(TF_TensorData(packed));
  over_rows(count, 1, [&](int, long from, long to) { LOOP(pixels)(bytes, from, to, floats(y)); });
}

}  // namespace

void register_pixels(TF_Status* status) {
  add_operation<NoOptions, compute>({"ChainrulePixels", {"packed: int32"}, {"y: float"}}, status);
}
