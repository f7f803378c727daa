// Two TensorFlow operations for a dense layer of many rows:
//
//   ChainruleLinear          y = f(x) · w (+ b)
//   ChainruleLinearGradient  dx = (dy · wᵀ) ∘ f′(x), dw = f(x)ᵀ · dy, db = the sum of dy's rows: dy is read
//                            from memory once
//
// f is nothing or GELU, which so is not kept in memory. w has a multiple of 32 rows and columns.
#include "gelu.h"
#include "scratch.h"

#define DECLARE(set)                                                                               \
  extern "C" void linear_pack_##set(const float*, long, long, bool, float*);                       \
  extern "C" void linear_multiply_##set(const float*, const float*, long, long, long,              \
                                        const float*, float*);                                     \
  extern "C" void linear_weights_##set(const float*, const float*, long, long, long, bool, float*, \
                                       float*, float*);
EVERY_SET(DECLARE)

namespace {

// Rows of a tile and columns of a panel, as in linear-kernels.cc.
constexpr long kRows = 14, kWidth = 32;
// Rows that stay in the second cache while they are multiplied.
constexpr long kChunk = 128;
// Weights that stay there as well, as in linear-kernels.cc.
constexpr long kNear = 1 << 18;

// Rows of a piece of work. Weights that are read from far are used for many, if each thread has a few pieces.
long piece_of(long rows, long weights) {
  if (weights <= kNear) return 2 * kRows;
  return std::clamp(rows / (4 * Team::size()) / kRows, 2L, 9L) * kRows;
}

// What the input goes through: one of `activation`'s values.
enum Activation { NONE, GELU, APPROXIMATE_GELU };

long panel_width() { return std::min(kWidth, 2 * lanes()); }

// A matrix [depth, columns] as panels, or one [columns, depth] transposed.
void pack(const float* b, long depth, long columns, bool transposed, float* panels) {
  const long width = panel_width();
  Team::instance().run(static_cast<int>(columns / width), [&](int p) {
    const long c = p * width;
    LOOP(linear_pack)(transposed ? b + c * depth : b + c, transposed ? depth : columns, depth,
                      transposed, panels + c * depth);
  });
}

bool is_dense(TF_Tensor* x, TF_Tensor* w) {
  return TF_NumDims(x) == 2 && TF_NumDims(w) == 2 && TF_Dim(x, 1) == TF_Dim(w, 0) &&
         TF_Dim(w, 0) > 0 && TF_Dim(w, 0) % kWidth == 0 && TF_Dim(w, 1) > 0 &&
         TF_Dim(w, 1) % kWidth == 0;
}

ONE_OPTION(ForwardOptions, int32_t, activation)

void forward(const ForwardOptions& options, Call& call) {
  TF_Tensor *x = call.input(0), *w = call.input(1), *b = call.input(2);
  if (!call.ok()) return;
  const bool biased = TF_TensorElementCount(b) > 0;
  if (!is_dense(x, w) || (biased && !is_vector(b, TF_Dim(w, 1))))
    return call.fail(
        "ChainruleLinear: expected x [rows, in], w [in, out], both a multiple of 32, and b [out] or empty");
  const long rows = TF_Dim(x, 0), in = TF_Dim(w, 0), out = TF_Dim(w, 1);
  TF_Tensor* y = call.output({rows, out});
  if (!call.ok()) return;

  float* panels = scratch(in * out, true);
  pack(floats(w), in, out, false, panels);
  const long piece = piece_of(rows, in * out);
  Team::instance().run(static_cast<int>((rows + piece - 1) / piece), [&](int p) {
    const long from = p * piece, count = std::min(piece, rows - from);
    const float* own = floats(x) + from * in;
    if (options.activation != NONE) {
      float* active = scratch(piece * in);
      LOOP(gelu)(own, active, 0, count * in, options.activation == APPROXIMATE_GELU);
      own = active;
    }
    LOOP(linear_multiply)(own, panels, count, in, out, biased ? floats(b) : nullptr,
                          floats(y) + from * out);
  });
}

TWO_OPTIONS(Options, int32_t, activation, unsigned char, bias_gradient)

void gradient(const Options& options, Call& call) {
  TF_Tensor *x = call.input(0), *dy = call.input(1), *w = call.input(2);
  if (!call.ok()) return;
  if (!is_dense(x, w) || !is_matrix(dy, TF_Dim(x, 0), TF_Dim(w, 1)))
    return call.fail(
        "ChainruleLinearGradient: expected x [rows, in], dy [rows, out] and w [in, out], both a multiple "
        "of 32");
  const long rows = TF_Dim(x, 0), in = TF_Dim(w, 0), out = TF_Dim(w, 1), size = in * out;
  const bool has_db = options.bias_gradient;
  TF_Tensor* dx = call.output({rows, in}, 0);
  TF_Tensor* dw = call.output({in, out}, 1);
  TF_Tensor* db = call.output({has_db ? out : 0}, 2);
  if (!call.ok()) return;

  // Each thread has sums of its own, of rows of its own. The first's are in the outputs.
  const long parts = std::clamp(rows / kChunk, 1L, Team::size());
  float* panels = scratch(size + (parts - 1) * (size + out), true);
  float* sums = panels + size;
  const auto dw_of = [&](long part) { return part == 0 ? floats(dw) : sums + (part - 1) * size; };
  const auto db_of = [&](long part) {
    return part == 0 ? floats(db) : sums + (parts - 1) * size + (part - 1) * out;
  };
  pack(floats(w), out, in, true, panels);
  Team::instance().run(static_cast<int>(parts), [&](int part) {
    const long begin = rows * part / parts, end = rows * (part + 1) / parts;
    for (long from = begin; from < end; from += kChunk) {
      const long count = std::min(kChunk, end - from);
      const float *own = floats(x) + from * in, *slopes = floats(dy) + from * out;
      float* to = floats(dx) + from * in;
      float* memory = scratch(kChunk * in + kChunk * out + (in + kRows) * (kChunk + 3));
      LOOP(linear_multiply)(slopes, panels, count, out, in, nullptr, to);
      if (options.activation != NONE) {
        LOOP(gelu_gradient)(to, own, to, memory, 0, count * in, options.activation == APPROXIMATE_GELU);
        own = memory;
      }
      LOOP(linear_weights)(own, slopes, count, in, out, from > begin, dw_of(part),
                           has_db ? db_of(part) : nullptr, memory + kChunk * in);
    }
  });
  const auto add = [&](float* to, const auto& of, long length) {
    if (parts == 1) return;
    over_rows(length, parts, [&](int, long from, long to_end) {
      for (long part = 1; part < parts; part++) {
        const float* more = of(part);
        for (long i = from; i < to_end; i++) to[i] += more[i];
      }
    });
  };
  add(floats(dw), dw_of, size);
  if (has_db) add(floats(db), db_of, out);
}

}  // namespace

void register_linear(TF_Status* status) {
  add_operation<ForwardOptions, forward>(
      {"ChainruleLinear", {"x: float", "w: float", "b: float"}, {"y: float"}}, status);
  add_operation<Options, gradient>({"ChainruleLinearGradient",
                                    {"x: float", "dy: float", "w: float"},
                                    {"dx: float", "dw: float", "db: float"}},
                                   status);
}
