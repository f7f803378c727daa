// A TensorFlow operation for products of matrices, of rows few enough that what TensorFlow's own do
// beside the product (reordering, waking threads) takes as long as the product:
//
//   ChainruleMatMul  y = a · b + bias, a and b transposed or not (not both), bias a vector or empty
//
// All axes but the last two are of a batch.
#include "operation.h"
#include "scratch.h"

#define DECLARE(set)                                                                               \
  extern "C" void rows_pack_##set(const float*, long, long, long, long, float*);                \
  extern "C" void rows_inner_##set(const float*, long, long, const float*, long, float*, long,  \
                                      long, long, float*);                                         \
  extern "C" void rows_outer_##set(const float*, long, long, long, const float*, long, long,    \
                                      const float*, float*, long, bool, long, long, float*);       \
  extern "C" void rows_bias_##set(const float*, float*, long, long);
EVERY_SET(DECLARE)

namespace {

struct Loops {
  decltype(&rows_pack_base) pack;
  decltype(&rows_inner_base) inner;
  decltype(&rows_outer_base) outer;
  decltype(&rows_bias_base) bias;
  // Columns of a panel.
  long width;
};

Loops loops() {
#define LOOPS(set) rows_pack_##set, rows_inner_##set, rows_outer_##set, rows_bias_##set
#ifdef __x86_64__
  if (instruction_set() == Set::avx512) return {LOOPS(avx512), 64};
  if (instruction_set() == Set::avx2) return {LOOPS(avx2), 16};
#endif
  return {LOOPS(base), 8};
#undef LOOPS
}

// Steps of a panel that stay in the nearest cache, as in rows-kernels.cc; columns made at a time.
constexpr long kDepth = 128, kBlock = 16;
// Fewer multiplications are not worth handing to another thread.
constexpr double kPiece = 1 << 20;
// Numbers that do not fit in the second cache.
constexpr long kFar = 1 << 20;

long divided(long a, long b) { return (a + b - 1) / b; }

// The sizes of one call: a is [batch, rows, depth], b [batch, depth, columns], before transposition.
struct Sizes {
  long batch, rows, depth, columns;

  // How many parts `parts` further ones of each are worth, `most` at most.
  long split(long parts, long most) const {
    const double work = static_cast<double>(batch) * rows * depth * columns;
    const long worth = static_cast<long>(std::min(work / kPiece, 4.0 * std::thread::hardware_concurrency()));
    return std::clamp(divided(worth, parts), 1L, most);
  }
};

// part(i, panel, from, to) for the panels of all of a batch, each cut along a length into `parts` of whole
// blocks.
template <typename F>
void share(long batch, long panels, long length, long parts, const F& part) {
  const long blocks = divided(length, kBlock);
  Team::instance().run(static_cast<int>(batch * panels * parts), [&](int piece) {
    const long panel = piece % panels, own = piece / panels % parts, i = piece / panels / parts;
    const long from = blocks * own / parts * kBlock;
    part(i, panel, from, std::min(length, blocks * (own + 1) / parts * kBlock));
  });
}

// y = a · bᵀ, by panels of a's rows.
void inner(const Sizes& s, const float* a, const float* b, const float* bias, float* y) {
  const Loops loop = loops();
  const long panels = divided(s.rows, loop.width);
  const long padded = divided(s.rows, lanes()) * lanes();
  float* packed = scratch(s.batch * padded * s.depth, true);
  // Where a panel lies, and how many rows it has.
  const auto at = [&](long i, long p) { return packed + (i * padded + p * loop.width) * s.depth; };
  const auto height = [&](long p) { return std::min(loop.width, s.rows - p * loop.width); };

  const Sizes copies{s.batch, s.rows, s.depth, 16};
  share(s.batch, panels, s.depth, copies.split(s.batch * panels, divided(s.depth, kDepth)),
        [&](long i, long p, long from, long to) {
          loop.pack(a + (i * s.rows + p * loop.width) * s.depth, s.depth, height(p), from, to, at(i, p));
        });
  share(s.batch, panels, s.columns, s.split(s.batch * panels, divided(s.columns, kBlock)),
        [&](long i, long p, long from, long to) {
          float* own = y + (i * s.rows + p * loop.width) * s.columns;
          loop.inner(at(i, p), height(p), s.depth, b + i * s.columns * s.depth, s.depth, own, s.columns,
                     from, to, scratch((to - from) * loop.width));
          if (bias)
            for (long r = 0; r < height(p); r++) loop.bias(bias, own + r * s.columns, from, to);
        });
}

// y = a · b or aᵀ · b, by panels of b's columns.
void outer(const Sizes& s, bool transposed, const float* a, const float* b, const float* bias,
           float* y) {
  const Loops loop = loops();
  const long panels = divided(s.columns, loop.width);
  // The gradient of large weights is read by an optimiser, later.
  const bool far = transposed && s.batch * s.rows * s.columns >= kFar;
  share(s.batch, panels, s.rows, s.split(s.batch * panels, divided(s.rows, kBlock)),
        [&](long i, long p, long from, long to) {
          const long first = p * loop.width, count = std::min(loop.width, s.columns - first);
          loop.outer(a + i * s.rows * s.depth, transposed ? 1 : s.depth, transposed ? s.rows : 1,
                     s.depth, b + i * s.depth * s.columns + first, s.columns, count,
                     bias ? bias + first : nullptr, y + i * s.rows * s.columns + first, s.columns, far,
                     from, to, scratch((kDepth + to - from) * loop.width));
        });
}

TWO_OPTIONS(Options, unsigned char, transpose_a, unsigned char, transpose_b)

void compute(const Options& options, Call& call) {
  TF_Tensor *a = call.input(0), *b = call.input(1), *bias = call.input(2);
  if (!call.ok()) return;
  const int rank = TF_NumDims(a);
  const char* expected =
      "ChainruleMatMul: expected a [batch…, rows, depth] and b [batch…, depth, columns], one of them "
      "transposed or none, and a bias [columns] or an empty one";
  if (rank < 2 || TF_NumDims(b) != rank || TF_NumDims(bias) != 1 ||
      (options.transpose_a && options.transpose_b))
    return call.fail(expected);
  const long rows = TF_Dim(a, rank - 1 - !options.transpose_a);
  const long depth = TF_Dim(a, rank - 2 + !options.transpose_a);
  const long columns = TF_Dim(b, rank - 1 - options.transpose_b);
  std::vector<int64_t> shape;
  bool fits = TF_Dim(b, rank - 2 + options.transpose_b) == depth;
  long batch = 1;
  for (int i = 0; i < rank - 2; i++) {
    shape.push_back(TF_Dim(a, i));
    batch *= TF_Dim(a, i);
    fits = fits && TF_Dim(b, i) == TF_Dim(a, i);
  }
  const bool biased = TF_Dim(bias, 0) > 0;
  if (!fits || depth == 0 || (biased && TF_Dim(bias, 0) != columns)) return call.fail(expected);
  shape.insert(shape.end(), {rows, columns});
  TF_Tensor* y = call.output(shape);
  if (!call.ok() || batch * rows * columns == 0) return;

  const Sizes sizes{batch, rows, depth, columns};
  const float* term = biased ? floats(bias) : nullptr;
  if (options.transpose_b) return inner(sizes, floats(a), floats(b), term, floats(y));
  outer(sizes, options.transpose_a, floats(a), floats(b), term, floats(y));
}

}  // namespace

void register_rows(TF_Status* status) {
  add_operation<Options, compute>({"ChainruleMatMul",
                                   {"a: float", "b: float", "bias: float"},
                                   {"y: float"}},
                                  status);
}
