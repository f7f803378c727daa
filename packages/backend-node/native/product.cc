// A TensorFlow operation for a product of float32 matrices, faster than TensorFlow's own on processors
// with AMX:
//
//   ChainruleProduct  c = a · b, or with a bias c = a · b + bias, or what of that is positive
#include "operation.h"
#include "product.h"
#include "scratch.h"

namespace {

struct Options {
  unsigned char transpose_a = 0, transpose_b = 0, relu = 0;

  template <typename F>
  void each(const F& f) {
    f("transpose_a", &transpose_a);
    f("transpose_b", &transpose_b);
    f("relu", &relu);
  }
};

char* block_memory(long bytes, bool shared = false) {
  return reinterpret_cast<char*>(scratch(bytes / sizeof(float), shared));
}

// So many rows or columns are cut at a time that they stay in the processor's second cache, and there
// is work for several threads.
long lines_at_once(long lines, long depth) {
  constexpr long kBytes = 768 << 10;
  long count = 256;
  while (count > 32 && (bytes_of(count, depth) > kBytes || lines < 4 * count)) count /= 2;
  return count;
}

// One side of a product: A's rows, or B's columns.
struct Side {
  Side(TF_Tensor* matrix, bool is_a, bool transposed)
      : numbers(floats(matrix)),
        row(TF_Dim(matrix, 1)),
        // One line's distance from the next.
        step(is_a != transposed ? row : 1),
        lines(TF_Dim(matrix, is_a == transposed)),
        depth(TF_Dim(matrix, is_a != transposed)),
        is_a(is_a),
        transposed(transposed) {}

  void cut(long line, long count, char* to) const {
    cut_blocks(numbers + line * step, row, is_a, transposed, count, depth, to);
  }
  // All lines, and of the depth from…to.
  void cut_depth(long from, long to, char* blocks) const {
    const long across = is_a != transposed ? 1 : row;
    cut_blocks(numbers + from * across, row, is_a, transposed, lines, to - from, blocks);
  }

  const float* numbers;
  long row, step, lines, depth;
  bool is_a, transposed;
};

struct After {
  const float* bias;  // or null
  bool relu;
};

// A product of few rows and columns and a great depth, as of the gradient of weights over a batch of
// tokens: the depth is shared. How many shares there are depends on the shape alone, so that the same
// numbers are added in the same order whoever does the work.
void multiply_deep(const Side& left, const Side& right, const After& after, float* c) {
  constexpr long kShares = 16, kDepth = 512;
  const long rows = left.lines, columns = right.lines, depth = left.depth, size = rows * columns;
  const long shares = std::min(kShares, (depth + kDepth - 1) / kDepth);
  float* sums = scratch(shares * size, true);
  Team::instance().run(static_cast<int>(shares), [&](int share) {
    const long a_bytes = bytes_of(rows, kDepth), b_bytes = bytes_of(columns, kDepth);
    char *a = block_memory(a_bytes + b_bytes + size * sizeof(float)), *b = a + a_bytes;
    float *part = reinterpret_cast<float*>(b + b_bytes), *sum = sums + share * size;
    const long begin = depth * share / shares, end = depth * (share + 1) / shares;
    for (long from = begin; from < end; from += kDepth) {
      const long to = std::min(end, from + kDepth);
      left.cut_depth(from, to, a);
      right.cut_depth(from, to, b);
      multiply_blocks(a, b, rows, columns, to - from, nullptr, false, from == begin ? sum : part, columns);
      if (from > begin)
        for (long i = 0; i < size; i++) sum[i] += part[i];
    }
  });
  over_rows(rows, columns * shares, [&](int, long from, long to) {
    for (long i = from * columns; i < to * columns; i++) {
      float sum = after.bias ? after.bias[i % columns] : 0;
      for (long share = 0; share < shares; share++) sum += sums[share * size + i];
      c[i] = after.relu && sum <= 0 ? 0 : sum;
    }
  });
}

// Any other product: its shorter side is cut once, the longer strip by strip while it is multiplied.
void multiply_wide(const Side& left, const Side& right, const After& after, float* c) {
  const long rows = left.lines, columns = right.lines, depth = left.depth;
  const Side &shorter = rows < columns ? left : right, &longer = rows < columns ? right : left;
  constexpr long kLines = 64;
  char* blocks = block_memory(bytes_of(shorter.lines, depth), true);
  const auto at = [&](long line) { return blocks + bytes_of(line, depth); };
  Team& team = Team::instance();
  team.run(static_cast<int>((shorter.lines + kLines - 1) / kLines), [&](int piece) {
    const long line = piece * kLines;
    shorter.cut(line, std::min(kLines, shorter.lines - line), at(line));
  });
  // Where there are few strips, the shorter side is shared too.
  const long at_once = lines_at_once(longer.lines, depth);
  const long strips = (longer.lines + at_once - 1) / at_once;
  const long wanted = std::max(1L, 4 / strips);
  const long width = std::max(32L, (shorter.lines / wanted + 31) / 32 * 32);
  const long parts = (shorter.lines + width - 1) / width;
  team.run(static_cast<int>(strips * parts), [&](int piece) {
    const long line = piece / parts * at_once, other = piece % parts * width;
    const long count = std::min(at_once, longer.lines - line);
    const long others = std::min(width, shorter.lines - other);
    char* strip = block_memory(bytes_of(count, depth));
    longer.cut(line, count, strip);
    const bool by_rows = longer.is_a;
    const long row = by_rows ? line : other, column = by_rows ? other : line;
    multiply_blocks(by_rows ? strip : at(other), by_rows ? at(other) : strip,
                    by_rows ? count : others, by_rows ? others : count, depth,
                    after.bias ? after.bias + column : nullptr, after.relu,
                    c + row * columns + column, columns);
  });
}

void compute(const Options& options, Call& call) {
  TF_Tensor *a = call.input(0), *b = call.input(1), *bias = call.input(2);
  if (!call.ok()) return;
  if (TF_NumDims(a) != 2 || TF_NumDims(b) != 2)
    return call.fail("ChainruleProduct: expected two matrices");
  const Side left(a, true, options.transpose_a), right(b, false, options.transpose_b);
  const long rows = left.lines, columns = right.lines, depth = left.depth;
  const bool has_bias = TF_TensorElementCount(bias) > 0;
  if (right.depth != depth || rows * depth * columns == 0 || (has_bias && !is_vector(bias, columns)))
    return call.fail("ChainruleProduct: expected a [rows, depth], b [depth, columns], bias [columns]");
  if (!has_tiles()) return call.fail("ChainruleProduct: this processor has no AMX");
  TF_Tensor* c = call.output({rows, columns});
  if (!call.ok()) return;

  const After after{has_bias ? floats(bias) : nullptr, options.relu != 0};
  // Each share has a whole product of its own, which should stay in a cache.
  const bool is_deep = depth >= 8 * std::max(rows, columns) && rows * columns <= 1 << 18;
  (is_deep ? multiply_deep : multiply_wide)(left, right, after, floats(c));
}

}  // namespace

void register_product(TF_Status* status) {
  add_operation<Options, compute>({"ChainruleProduct",
                                   {"a: float", "b: float", "bias: float"},
                                   {"c: float"}},
                                  status);
}
