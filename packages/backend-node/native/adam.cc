// A TensorFlow operation for Adam's update of all of a model's weights at once:
//
//   ChainruleAdam  m, v and w of each by its gradient g. There are `count` of each: a small weight's
//                  update takes less time than to begin an operation.
#include "adam.h"

#include "operation.h"

#define DECLARE(set) \
  extern "C" void adam_update_##set(const float*, float*, float*, float*, long, const Adam*);
EVERY_SET(DECLARE)

namespace {

struct Options {
  float beta1 = 0, beta2 = 0;
  int32_t count = 0;

  template <typename F>
  void each(const F& f) {
    f("beta1", &beta1);
    f("beta2", &beta2);
    f("count", &count);
  }
};

// Numbers of one weight that a thread updates at a time.
constexpr long kPiece = 1 << 14;

struct Piece {
  const float* g;
  float *w, *m, *v;
  long count;
};

void update(const Options& options, Call& call) {
  const int count = options.count;
  std::vector<Piece> pieces;
  for (int i = 0; i < count; i++) {
    TF_Tensor* of[4];
    for (int k = 0; k < 4; k++) of[k] = call.input(k * count + i);
    if (!call.ok()) return;
    for (TF_Tensor* other : of)
      if (shape_of(other) != shape_of(of[0]))
        return call.fail("ChainruleAdam: expected each g, w, m and v to be of the same shape");
    const long size = TF_TensorElementCount(of[0]);
    for (long at = 0; at < size; at += kPiece)
      pieces.push_back({floats(of[0]) + at, floats(of[1]) + at, floats(of[2]) + at,
                        floats(of[3]) + at, std::min(kPiece, size - at)});
  }
  TF_Tensor *rate = call.input(4 * count), *epsilon = call.input(4 * count + 1);
  TF_Tensor* decay = call.input(4 * count + 2);
  if (!call.ok()) return;
  for (TF_Tensor* scalar : {rate, epsilon, decay})
    if (TF_TensorElementCount(scalar) != 1)
      return call.fail("ChainruleAdam: expected rate, epsilon and decay to be scalars");
  const Adam adam{*floats(rate), *floats(epsilon), 1 - *floats(decay), 1 - options.beta1,
                  1 - options.beta2};
  // Small weights go with the next, so that a share is worth a thread.
  std::vector<size_t> ends;
  long sum = 0;
  for (size_t i = 0; i < pieces.size(); i++) {
    sum += pieces[i].count;
    if (sum < kPiece && i + 1 < pieces.size()) continue;
    ends.push_back(i + 1);
    sum = 0;
  }
  Team::instance().run(static_cast<int>(ends.size()), [&](int share) {
    for (size_t i = share == 0 ? 0 : ends[share - 1]; i < ends[share]; i++) {
      const Piece& p = pieces[i];
      LOOP(adam_update)(p.g, p.w, p.m, p.v, p.count, &adam);
    }
  });
}

}  // namespace

void register_adam(TF_Status* status) {
  // It writes w, m and v, which are read from variables and share their memory.
  add_operation<Options, update>({"ChainruleAdam",
                                  {"g: count * float", "w: count * float", "m: count * float",
                                   "v: count * float", "rate: float", "epsilon: float",
                                   "decay: float"},
                                  {},
                                  /*stateful=*/true},
                                 status);
}
