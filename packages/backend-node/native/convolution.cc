// A TensorFlow operation for a convolution of few channels, as of a picture's colours, whose input
// wants no gradient:
//
//   ChainruleFilterGradient  the gradients of the filters and of the bias, through the ReLU where one
//                            follows, in one pass over the output's gradient
#include "operation.h"

// Of convolution-kernels.cc.
struct Convolution {
  long height, width, channels;
  long out_height, out_width, filters;
  long kernel_height, kernel_width, stride_y, stride_x, top, left;
};

#define DECLARE(set)                                                                               \
  extern "C" void filter_gradient_##set(const float*, const float*, const float*, float*, float*,  \
                                        const Convolution*, long, long, float*);
EVERY_SET(DECLARE)

namespace {

// How many sums of their own there are depends on the shape alone, so that the same numbers are
// added in the same order whoever does the work.
constexpr int kShares = 16;

struct Options {
  int32_t kernel_height = 0, kernel_width = 0, stride_y = 0, stride_x = 0, top = 0, left = 0;
  unsigned char relu = 0;

  template <typename F>
  void each(const F& f) {
    f("kernel_height", &kernel_height);
    f("kernel_width", &kernel_width);
    f("stride_y", &stride_y);
    f("stride_x", &stride_x);
    f("top", &top);
    f("left", &left);
    f("relu", &relu);
  }
};

void compute(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *dy = call.input(1), *y = call.input(2);
  if (!call.ok()) return;
  bool fits = TF_NumDims(x) == 4 && TF_NumDims(dy) == 4 && TF_NumDims(y) == 4;
  fits = fits && TF_Dim(x, 0) == TF_Dim(dy, 0) && TF_Dim(dy, 3) % kLanes == 0;
  for (int axis = 0; fits && axis < 4; axis++) fits = TF_Dim(dy, axis) == TF_Dim(y, axis);
  if (!fits)
    return call.fail(
        "ChainruleFilterGradient: expected x [n, h, w, c], dy and y [n, oh, ow, filters], filters a "
        "multiple of 16");
  const Convolution shape{TF_Dim(x, 1),          TF_Dim(x, 2),         TF_Dim(x, 3),
                          TF_Dim(dy, 1),         TF_Dim(dy, 2),        TF_Dim(dy, 3),
                          options.kernel_height, options.kernel_width, options.stride_y,
                          options.stride_x,      options.top,          options.left};
  const long images = TF_Dim(x, 0);
  const long taps = shape.kernel_height * shape.kernel_width * shape.channels;
  TF_Tensor* dw =
      call.output({shape.kernel_height, shape.kernel_width, shape.channels, shape.filters}, 0);
  if (!call.ok()) return;
  TF_Tensor* db = call.output({shape.filters}, 1);
  if (!call.ok()) return;

  const long size = (taps + 1) * shape.filters;
  const int shares = static_cast<int>(std::min<long>(images, kShares));
  std::vector<float> sums(size * shares);
  const long scratch_size =
      shape.out_width * shape.filters +
      ((shape.out_width - 1) * shape.stride_x + shape.kernel_width) * shape.channels;
  Team::instance().run(shares, [&](int share) {
    std::vector<float> scratch(scratch_size);
    float* sum = sums.data() + size * share;
    LOOP(filter_gradient)(floats(x), floats(dy), options.relu ? floats(y) : nullptr, sum,
            sum + taps * shape.filters, &shape, images * share / shares,
            images * (share + 1) / shares, scratch.data());
  });
  for (int share = 1; share < shares; share++)
    for (long i = 0; i < size; i++) sums[i] += sums[size * share + i];
  std::copy_n(sums.data(), taps * shape.filters, floats(dw));
  std::copy_n(sums.data() + taps * shape.filters, shape.filters, floats(db));
}

}  // namespace

void register_convolution(TF_Status* status) {
  add_operation<Options, compute>({"ChainruleFilterGradient",
                                   {"x: float", "dy: float", "y: float"},
                                   {"dw: float", "db: float"}},
                                  status);
}
