// A TensorFlow operation for a product of float32 matrices, faster than TensorFlow's own on processors
// with AMX:
//
//   ChainruleProduct  c = a · b, or with a bias c = a · b + bias, or what of that is positive
#include "operation.h"
#include "product.h"

#include <cstdlib>
#include <memory>

namespace {

struct Options {
  unsigned char transpose_a = 0, transpose_b = 0, relu = 0;
};

void* create(TF_OpKernelConstruction* construction) {
  auto* options = new Options;
  read_attributes(construction, [&](TF_Status* status) {
    const auto flag = [&](const char* name, unsigned char* to) {
      TF_OpKernelConstruction_GetAttrBool(construction, name, to, status);
    };
    flag("transpose_a", &options->transpose_a);
    flag("transpose_b", &options->transpose_b);
    flag("relu", &options->relu);
  });
  return options;
}

void destroy(void* kernel) { delete static_cast<Options*>(kernel); }

// Memory for blocks, used again and again: fresh memory costs more than what is done with it.
class Scratch {
 public:
  explicit Scratch(long bytes) {
    std::lock_guard<std::mutex> lock(mutex());
    auto& free = pool();
    const auto fits = std::find_if(free.begin(), free.end(),
                                   [=](const Memory& each) { return each.bytes >= bytes; });
    if (fits != free.end()) {
      memory_ = std::move(*fits);
      free.erase(fits);
      return;
    }
    // What is too small is given back, so that no more lies about than is used at once.
    if (!free.empty()) free.pop_back();
    const long size = (bytes + 4095) / 4096 * 4096;
    memory_ = {std::unique_ptr<char, decltype(&std::free)>(
                   static_cast<char*>(std::aligned_alloc(4096, size)), &std::free),
               size};
  }
  ~Scratch() {
    std::lock_guard<std::mutex> lock(mutex());
    pool().push_back(std::move(memory_));
  }
  char* get() const { return memory_.at.get(); }

 private:
  struct Memory {
    std::unique_ptr<char, decltype(&std::free)> at{nullptr, &std::free};
    long bytes = 0;
  };
  static std::mutex& mutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
  }
  static std::vector<Memory>& pool() {
    static auto* pool = new std::vector<Memory>;
    return *pool;
  }
  Memory memory_;
};

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

  const float* numbers;
  long row, step, lines, depth;
  bool is_a, transposed;
};

void compute(void* kernel, TF_OpKernelContext* context) {
  const auto& options = *static_cast<Options*>(kernel);
  Call call(context);
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

  // The shorter side is cut once, the longer strip by strip while it is multiplied.
  const Side &shorter = rows < columns ? left : right, &longer = rows < columns ? right : left;
  constexpr long kLines = 64;
  const Scratch blocks(bytes_of(shorter.lines, depth));
  const auto at = [&](long line) { return blocks.get() + bytes_of(line, depth); };
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
    const Scratch strip(bytes_of(count, depth));
    longer.cut(line, count, strip.get());
    const bool by_rows = longer.is_a;
    const long row = by_rows ? line : other, column = by_rows ? other : line;
    multiply_blocks(by_rows ? strip.get() : at(other), by_rows ? at(other) : strip.get(),
                    by_rows ? count : others, by_rows ? others : count, depth,
                    has_bias ? floats(bias) + column : nullptr, options.relu,
                    floats(c) + row * columns + column, columns);
  });
}

}  // namespace

void register_product(TF_Status* status) {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder("ChainruleProduct");
  for (const char* attr : {"transpose_a: bool", "transpose_b: bool", "relu: bool"})
    TF_OpDefinitionBuilderAddAttr(op, attr);
  define(op, {"a: float", "b: float", "bias: float"}, {"c: float"}, status);
  add_kernel("ChainruleProduct", create, compute, destroy, status);
}
