// TensorFlow operations for pictures on their way to the first layer, where there are more numbers than
// anywhere else, in one pass each:
//
//   ChainrulePixels  y = x / 255 for the bytes x, four in each integer, in the shape `sizes`
//   ChainruleFlip    y = x, but left to right in the examples where flip is 1
//   ChainruleScale   y = scale · x + shift, channel by channel
//   ChainruleFlipScale  both at once
#include "operation.h"

#define DECLARE(set)                                                                             \
  extern "C" void pixels_##set(const unsigned char*, long, long, float*);                        \
  extern "C" void flip_##set(const float*, const float*, long, long, long, long, long, float*);  \
  extern "C" void scale_##set(const float*, const float*, const float*, long, long, long, float*); \
  extern "C" void flip_scale_##set(const float*, const float*, const float*, const float*, long,   \
                                   long, long, long, long, long, float*, float*);
EVERY_SET(DECLARE)

namespace {

void pixels(const NoOptions&, Call& call) {
  TF_Tensor *packed = call.input(0), *sizes = call.input(1);
  if (!call.ok()) return;
  const std::vector<int64_t> shape = sizes_of(sizes);
  const long count = product(shape);
  if (count != 4 * TF_TensorElementCount(packed))
    return call.fail("ChainrulePixels: expected four bytes in each integer, and the pixels' shape");
  TF_Tensor* y = call.output(shape);
  if (!call.ok()) return;
  const auto* bytes = static_cast<const unsigned char*>(TF_TensorData(packed));
  over_rows(count, 1, [&](int, long from, long to) { LOOP(pixels)(bytes, from, to, floats(y)); });
}

void flip(const NoOptions&, Call& call) {
  TF_Tensor *x = call.input(0), *flip = call.input(1);
  if (!call.ok()) return;
  if (TF_NumDims(x) != 4 || !is_vector(flip, TF_Dim(x, 0)))
    return call.fail("ChainruleFlip: expected x [batch, height, width, channels] and flip [batch]");
  const long height = TF_Dim(x, 1), width = TF_Dim(x, 2), channels = TF_Dim(x, 3);
  TF_Tensor* y = call.output(shape_of(x));
  if (!call.ok()) return;
  over_rows(TF_Dim(x, 0), height * width * channels, [&](int, long from, long to) {
    LOOP(flip)(floats(x), floats(flip), height, width, channels, from, to, floats(y));
  });
}

// The channels of `from`, again and again, so that a vector always meets those of its numbers.
std::vector<float> repeated(TF_Tensor* from, long period) {
  const long channels = TF_Dim(from, 0);
  std::vector<float> all(period);
  for (long k = 0; k < period; k++) all[k] = floats(from)[k % channels];
  return all;
}

void scale(const NoOptions&, Call& call) {
  TF_Tensor *x = call.input(0), *scale = call.input(1), *shift = call.input(2);
  if (!call.ok()) return;
  const long channels = last_axis(x), count = TF_TensorElementCount(x);
  if (channels == 0 || !is_vector(scale, channels) || !is_vector(shift, channels))
    return call.fail("ChainruleScale: expected x [..., channels], scale and shift [channels]");
  TF_Tensor* y = call.output(shape_of(x));
  if (!call.ok()) return;
  const long period = channels * kLanes;
  const std::vector<float> scales = repeated(scale, period), shifts = repeated(shift, period);
  over_rows((count + period - 1) / period, period, [&](int, long from, long to) {
    LOOP(scale)(floats(x), scales.data(), shifts.data(), period, from * period,
                std::min(count, to * period), floats(y));
  });
}

void flip_scale(const NoOptions&, Call& call) {
  TF_Tensor *x = call.input(0), *flip = call.input(1), *scale = call.input(2), *shift = call.input(3);
  if (!call.ok()) return;
  const long channels = last_axis(x);
  if (TF_NumDims(x) != 4 || channels == 0 || !is_vector(flip, TF_Dim(x, 0)) ||
      !is_vector(scale, channels) || !is_vector(shift, channels))
    return call.fail(
        "ChainruleFlipScale: expected x [batch, height, width, channels], flip [batch], scale and "
        "shift [channels]");
  const long height = TF_Dim(x, 1), width = TF_Dim(x, 2), period = channels * kLanes;
  TF_Tensor* y = call.output(shape_of(x));
  if (!call.ok()) return;
  const std::vector<float> scales = repeated(scale, period), shifts = repeated(shift, period);
  over_rows(TF_Dim(x, 0), height * width * channels, [&](int, long from, long to) {
    std::vector<float> line(width * channels);
    LOOP(flip_scale)(floats(x), floats(flip), scales.data(), shifts.data(), period, height, width,
                     channels, from, to, line.data(), floats(y));
  });
}

}  // namespace

void register_images(TF_Status* status) {
  add_operation<NoOptions, pixels>(
      {"ChainrulePixels", {"packed: int32", "sizes: int32"}, {"y: float"}}, status);
  add_operation<NoOptions, flip>({"ChainruleFlip", {"x: float", "flip: float"}, {"y: float"}}, status);
  add_operation<NoOptions, scale>(
      {"ChainruleScale", {"x: float", "scale: float", "shift: float"}, {"y: float"}}, status);
  add_operation<NoOptions, flip_scale>(
      {"ChainruleFlipScale",
       {"x: float", "flip: float", "scale: float", "shift: float"},
       {"y: float"}},
      status);
}
