// TensorFlow operations for convolutions whose numbers stay in a processor's caches: nothing is
// reordered, padded pictures are made one at a time, and the sums stay in registers.
//
//   ChainruleConvolution               y = x ∗ w (+ bias), or what of that is positive
//   ChainruleConvolutionInputGradient  dx, of dy and w
//   ChainruleFilterGradient            dw and the bias's gradient, through the ReLU where one follows
#include "convolution.h"

#include "operation.h"
#include "scratch.h"

#define DECLARE(set)                                                                             \
  extern "C" void convolve_##set(const float*, const float*, const float*, bool, float*,         \
                                 const Window*);                                                 \
  extern "C" void filter_gradient_##set(const float*, const float*, float*, const Window*);      \
  extern "C" void bias_gradient_##set(const float*, float*, long, long);                         \
  extern "C" void pass_positive_##set(const float*, const float*, float*, long);
EVERY_SET(DECLARE)

namespace {

// Where the filters stand on the input: `top` rows and `left` columns of zeros are before its first.
struct Place {
  int32_t height = 0, width = 0;  // of the output, or for its gradient of the input
  int32_t kernel_height = 0, kernel_width = 0, stride_y = 0, stride_x = 0, top = 0, left = 0;

  template <typename F>
  void each(const F& f) {
    f("height", &height);
    f("width", &width);
    f("kernel_height", &kernel_height);
    f("kernel_width", &kernel_width);
    f("stride_y", &stride_y);
    f("stride_x", &stride_x);
    f("top", &top);
    f("left", &left);
  }
};

struct Options : Place {
  unsigned char relu = 0;

  template <typename F>
  void each(const F& f) {
    Place::each(f);
    f("relu", &relu);
  }
};

// Pictures with zeros around them, one at a time; those of them that need none as they lie.
struct Padding {
  // From their first row and column on, so much is looked at.
  long top, left, height, width;
  long rows, columns, channels;

  bool needed() const { return top > 0 || left > 0 || height > rows || width > columns; }
  long line() const { return (needed() ? width : columns) * channels; }
  long size() const { return needed() ? height * width * channels : 0; }

  void clear(float* to) const { std::fill_n(to, size(), 0.0f); }

  // The picture, in `to` where it has to be padded.
  const float* fill(const float* picture, float* to) const {
    if (!needed()) return picture;
    const long count = std::min(columns, width - left) * channels;
    for (long row = 0; row < std::min(rows, height - top); row++)
      std::copy_n(picture + row * columns * channels, count,
                  to + ((top + row) * width + left) * channels);
    return to;
  }
};

// What a convolution's output sees of its input.
struct Geometry {
  Geometry(const Place& o, TF_Tensor* x, long filters)
      : padding{o.top,
                o.left,
                (o.height - 1) * o.stride_y + o.kernel_height,
                (o.width - 1) * o.stride_x + o.kernel_width,
                TF_Dim(x, 1),
                TF_Dim(x, 2),
                TF_Dim(x, 3)},
        window{o.height,
               o.width,
               o.stride_y * padding.line(),
               o.stride_x * padding.channels,
               o.kernel_height,
               padding.line(),
               o.kernel_width * padding.channels,
               filters,
               o.width * filters,
               filters} {}

  Padding padding;
  Window window;
};

// Calls piece(image, memory) for all images, with memory for a padded one.
template <typename F>
void over_images(long images, const Padding& padding, const F& piece) {
  constexpr long kPieces = 64;
  const int pieces = static_cast<int>(std::min(images, kPieces));
  Team::instance().run(pieces, [&](int k) {
    float* memory = scratch(padding.size());
    padding.clear(memory);
    for (long i = images * k / pieces; i < images * (k + 1) / pieces; i++) piece(i, memory);
  });
}

void forward(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *w = call.input(1), *bias = call.input(2);
  if (!call.ok()) return;
  const bool fits = TF_NumDims(x) == 4 && TF_NumDims(w) == 4 && TF_Dim(w, 2) == TF_Dim(x, 3) &&
                    TF_Dim(w, 0) == options.kernel_height && TF_Dim(w, 1) == options.kernel_width &&
                    TF_Dim(w, 3) % kLanes == 0;
  const long filters = fits ? TF_Dim(w, 3) : 0;
  const bool has_bias = TF_TensorElementCount(bias) > 0;
  if (!fits || (has_bias && !is_vector(bias, filters)))
    return call.fail(
        "ChainruleConvolution: expected x [n, h, w, c], w [kh, kw, c, filters], bias [filters], "
        "filters a multiple of 16");
  const long images = TF_Dim(x, 0);
  TF_Tensor* y = call.output({images, options.height, options.width, filters});
  if (!call.ok()) return;
  const Geometry g(options, x, filters);
  const long in = TF_Dim(x, 1) * TF_Dim(x, 2) * TF_Dim(x, 3), out = g.window.rows * g.window.out_row;
  over_images(images, g.padding, [&](long i, float* memory) {
    LOOP(convolve)(g.padding.fill(floats(x) + i * in, memory), floats(w),
                   has_bias ? floats(bias) : nullptr, options.relu, floats(y) + i * out, &g.window);
  });
}

// Along one axis: the places of the input whose number and the stride leave the same remainder see the
// same filters' numbers, every so many, and places of the output side by side.
struct Phase {
  Phase(long remainder, long size, long out, long kernel, long stride, long before)
      : tap(remainder), first((remainder - before % stride + stride) % stride) {
    places = first < size ? (size - first + stride - 1) / stride : 0;
    taps = tap < kernel ? (kernel - tap + stride - 1) / stride : 0;
    from = (first + before - tap) / stride - (taps - 1);
    zeros_before = std::max(0L, -from);
    zeros_after = std::max(0L, from + places + taps - 1 - out);
  }

  long tap, first;   // of the filter, of the input
  long places, taps;
  long from;         // the first place of the output that the first place sees
  long zeros_before, zeros_after;
};

struct Phases {
  Phases(long size, long out, long kernel, long stride, long before) {
    for (long remainder = 0; remainder < stride; remainder++) {
      all.emplace_back(remainder, size, out, kernel, stride, before);
      const Phase& phase = all.back();
      if (phase.places == 0 || phase.taps == 0) continue;
      zeros_before = std::max(zeros_before, phase.zeros_before);
      zeros_after = std::max(zeros_after, phase.zeros_after);
    }
  }

  std::vector<Phase> all;
  long zeros_before = 0, zeros_after = 0;
};

// w of these phases as the input's gradient sees it: [taps, taps, filters, channels], the last taps first.
void turn(const float* w, const Place& o, const Phase& y, const Phase& x, long channels, long filters,
          float* to) {
  for (long j = y.taps - 1; j >= 0; j--)
    for (long i = x.taps - 1; i >= 0; i--) {
      const long ky = y.tap + j * o.stride_y, kx = x.tap + i * o.stride_x;
      const float* from = w + (ky * o.kernel_width + kx) * channels * filters;
      for (long f = 0; f < filters; f++)
        for (long c = 0; c < channels; c++) *to++ = from[c * filters + f];
    }
}

void input_gradient(const Place& o, Call& call) {
  TF_Tensor *dy = call.input(0), *w = call.input(1);
  if (!call.ok()) return;
  const bool fits = TF_NumDims(dy) == 4 && TF_NumDims(w) == 4 && TF_Dim(w, 3) == TF_Dim(dy, 3) &&
                    TF_Dim(w, 0) == o.kernel_height && TF_Dim(w, 1) == o.kernel_width &&
                    TF_Dim(w, 2) % kLanes == 0;
  if (!fits)
    return call.fail(
        "ChainruleConvolutionInputGradient: expected dy [n, oh, ow, filters], w [kh, kw, c, filters], "
        "c a multiple of 16");
  const long images = TF_Dim(dy, 0), rows = TF_Dim(dy, 1), columns = TF_Dim(dy, 2);
  const long channels = TF_Dim(w, 2), filters = TF_Dim(w, 3), size = o.height * o.width * channels;
  TF_Tensor* dx = call.output({images, o.height, o.width, channels});
  if (!call.ok()) return;

  const Phases down(o.height, rows, o.kernel_height, o.stride_y, o.top);
  const Phases right(o.width, columns, o.kernel_width, o.stride_x, o.left);
  const Padding padding{down.zeros_before,
                        right.zeros_before,
                        down.zeros_before + rows + down.zeros_after,
                        right.zeros_before + columns + right.zeros_after,
                        rows,
                        columns,
                        filters};
  struct Part {
    const float* w;
    long from, to;
    Window window;
  };
  std::vector<Part> parts;
  float* turned = scratch(TF_TensorElementCount(w), true);
  for (const Phase& y : down.all)
    for (const Phase& x : right.all) {
      if (y.places == 0 || x.places == 0) continue;
      const bool none = y.taps == 0 || x.taps == 0;
      parts.push_back(
          {turned,
           none ? 0
                : (y.from + padding.top) * padding.line() + (x.from + padding.left) * filters,
           (y.first * o.width + x.first) * channels,
           {y.places, x.places, padding.line(), filters, none ? 0 : y.taps, padding.line(),
            x.taps * filters, channels, o.stride_y * o.width * channels, o.stride_x * channels}});
      turn(floats(w), o, y, x, channels, filters, turned);
      turned += y.taps * x.taps * channels * filters;
    }
  over_images(images, padding, [&](long i, float* memory) {
    const float* seen = padding.fill(floats(dy) + i * rows * columns * filters, memory);
    for (const Part& part : parts)
      LOOP(convolve)(seen + part.from, part.w, nullptr, false, floats(dx) + i * size + part.to,
                     &part.window);
  });
}

// How many sums of their own there are depends on the shape alone, so that the same numbers are
// added in the same order whoever does the work.
long shares_of(long images, long size) {
  return std::min(images, size > 1 << 14 ? 8L : 16L);
}

void filter_gradient(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *dy = call.input(1), *y = call.input(2);
  if (!call.ok()) return;
  bool fits = TF_NumDims(x) == 4 && TF_NumDims(dy) == 4;
  fits = fits && TF_Dim(x, 0) == TF_Dim(dy, 0) && TF_Dim(dy, 3) % kLanes == 0;
  fits = fits && TF_Dim(dy, 1) == options.height && TF_Dim(dy, 2) == options.width;
  fits = fits && shape_of(y) == shape_of(dy);
  if (!fits)
    return call.fail(
        "ChainruleFilterGradient: expected x [n, h, w, c], dy and y [n, oh, ow, filters], filters a "
        "multiple of 16");
  const long images = TF_Dim(x, 0), channels = TF_Dim(x, 3), filters = TF_Dim(dy, 3);
  const Geometry g(options, x, filters);
  const Window& window = g.window;
  TF_Tensor* dw = call.output({options.kernel_height, options.kernel_width, channels, filters}, 0);
  if (!call.ok()) return;
  TF_Tensor* db = call.output({filters}, 1);
  if (!call.ok()) return;

  const long weights = window.lines * window.run * filters, size = weights + filters;
  const long in = TF_Dim(x, 1) * TF_Dim(x, 2) * channels, out = window.rows * window.out_row;
  const long shares = shares_of(images, size), padded = g.padding.size();
  float* sums = scratch(shares * size, true);
  Team::instance().run(static_cast<int>(shares), [&](int share) {
    float *memory = scratch(padded + (options.relu ? out : 0)), *sum = sums + size * share;
    g.padding.clear(memory);
    std::fill_n(sum, size, 0.0f);
    for (long i = images * share / shares; i < images * (share + 1) / shares; i++) {
      const float* gradient = floats(dy) + i * out;
      if (options.relu) {
        LOOP(pass_positive)(gradient, floats(y) + i * out, memory + padded, out);
        gradient = memory + padded;
      }
      LOOP(bias_gradient)(gradient, sum + weights, window.rows * window.columns, filters);
      LOOP(filter_gradient)(g.padding.fill(floats(x) + i * in, memory), gradient, sum, &window);
    }
  });
  over_rows(size, shares, [&](int, long from, long to) {
    for (long share = 1; share < shares; share++)
      for (long i = from; i < to; i++) sums[i] += sums[size * share + i];
  });
  std::copy_n(sums, weights, floats(dw));
  std::copy_n(sums + weights, filters, floats(db));
}

}  // namespace

void register_convolution(TF_Status* status) {
  add_operation<Options, forward>(
      {"ChainruleConvolution", {"x: float", "w: float", "bias: float"}, {"y: float"}}, status);
  add_operation<Place, input_gradient>(
      {"ChainruleConvolutionInputGradient", {"dy: float", "w: float"}, {"dx: float"}}, status);
  add_operation<Options, filter_gradient>({"ChainruleFilterGradient",
                                           {"x: float", "dy: float", "y: float"},
                                           {"dw: float", "db: float"}},
                                          status);
}
