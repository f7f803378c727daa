// Two TensorFlow operations for a dense layer of so many weights that they do not stay in the
// processor's caches, as after a flattened picture:
//
//   ChainruleDense      y = x · w
//   ChainruleDenseAdam  dx = dy · wᵀ, g = xᵀ · dy and Adam's update of w with g, in one pass over
//                       w and its moments. g is never written to memory.
#include "adam.h"

#include "operation.h"

#include <cstring>

#define DECLARE(set)                                                                               \
  extern "C" void dense_forward_##set(const float*, const float*, float*, long, long, long, long,  \
                                      long);                                                       \
  extern "C" void dense_backward_##set(const float*, const float*, const float*, float*, float*,   \
                                       float*, float*, long, long, long, long, long, long,         \
                                       const Adam*, float*);
EVERY_SET(DECLARE)

namespace {

// Rows of the weights in a piece of work.
constexpr long kPiece = 512;

int pieces(long rows) { return static_cast<int>((rows + kPiece - 1) / kPiece); }

void forward(const NoOptions&, Call& call) {
  TF_Tensor *x = call.input(0), *w = call.input(1);
  if (!call.ok()) return;
  if (TF_NumDims(x) != 2 || TF_NumDims(w) != 2 || TF_Dim(x, 1) != TF_Dim(w, 0) ||
      TF_Dim(w, 1) % kLanes != 0)
    return call.fail("ChainruleDense: expected x [batch, in] and w [in, out], out a multiple of 16");
  const long batch = TF_Dim(x, 0), in = TF_Dim(x, 1), out = TF_Dim(w, 1);
  TF_Tensor* y = call.output({batch, out});
  if (!call.ok()) return;

  // Each share of the rows has a sum of its own. How many there are depends on the shape alone, so
  // that the same numbers are added in the same order whoever does the work.
  const long size = batch * out;
  const int count = pieces(in);
  const int shares = std::min(count, 16);
  std::vector<float> sums(size * shares);
  Team::instance().run(shares, [&](int share) {
    const long from = static_cast<long>(count) * share / shares * kPiece;
    const long to = std::min(in, static_cast<long>(count) * (share + 1) / shares * kPiece);
    LOOP(dense_forward)(floats(x), floats(w), sums.data() + size * share, batch, in, out, from, to);
  });
  std::memcpy(floats(y), sums.data(), size * sizeof(float));
  for (int share = 1; share < shares; share++)
    for (long i = 0; i < size; i++) floats(y)[i] += sums[size * share + i];
}

// The attributes of ChainruleDenseAdam.
struct Options {
  float beta1 = 0, beta2 = 0;
  unsigned char input_gradient = 0;

  template <typename F>
  void each(const F& f) {
    f("beta1", &beta1);
    f("beta2", &beta2);
    f("input_gradient", &input_gradient);
  }
};

void backward(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *dy = call.input(1);
  TF_Tensor *w = call.input(2), *m = call.input(3), *v = call.input(4);
  TF_Tensor *rate = call.input(5), *epsilon = call.input(6), *decay = call.input(7);
  if (!call.ok()) return;
  if (TF_NumDims(x) != 2 || TF_NumDims(dy) != 2)
    return call.fail("ChainruleDenseAdam: expected x [batch, in] and dy [batch, out]");
  const long batch = TF_Dim(x, 0), in = TF_Dim(x, 1), out = TF_Dim(dy, 1);
  if (TF_Dim(dy, 0) != batch || !is_matrix(w, in, out) || !is_matrix(m, in, out) ||
      !is_matrix(v, in, out) || out % kLanes != 0)
    return call.fail("ChainruleDenseAdam: expected w, m and v [in, out], out a multiple of 16");
  for (TF_Tensor* scalar : {rate, epsilon, decay})
    if (TF_TensorElementCount(scalar) != 1)
      return call.fail("ChainruleDenseAdam: expected rate, epsilon and decay to be scalars");
  TF_Tensor* dx = options.input_gradient ? call.output({batch, in}) : call.output({0, 0});
  if (!call.ok()) return;

  const Adam adam{*floats(rate), *floats(epsilon), 1 - *floats(decay), 1 - options.beta1,
                  1 - options.beta2};
  const long padded = (batch + kLanes - 1) / kLanes * kLanes;
  std::vector<float> dyt(out * padded);
  for (long b = 0; b < batch; b++)
    for (long n = 0; n < out; n++) dyt[n * padded + b] = floats(dy)[b * out + n];
  Team::instance().run(pieces(in), [&](int piece) {
    std::vector<float> scratch(16 * (padded + batch));
    const long from = piece * kPiece;
    LOOP(dense_backward)(floats(x), floats(dy), dyt.data(), floats(w), floats(m), floats(v),
                     options.input_gradient ? floats(dx) : nullptr, batch, padded, in, out, from,
                     std::min(in, from + kPiece), &adam, scratch.data());
  });
}

}  // namespace

void register_dense(TF_Status* status) {
  add_operation<NoOptions, forward>({"ChainruleDense", {"x: float", "w: float"}, {"y: float"}},
                                    status);
  // It writes w, m and v, which are read from variables and share their memory.
  add_operation<Options, backward>({"ChainruleDenseAdam",
                                    {"x: float", "dy: float", "w: float", "m: float", "v: float",
                                     "rate: float", "epsilon: float", "decay: float"},
                                    {"dx: float"},
                                    /*stateful=*/true},
                                   status);
}
