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

// So many rows of A are cut at a time that they stay in the processor's second cache, and there is
// work for several threads.
long rows_at_once(long rows, long depth) {
  constexpr long kBytes = 768 << 10;
  long count = 256;
  while (count > 32 && (bytes_of(count, depth) > kBytes || rows < 4 * count)) count /= 2;
  return count;
}

void compute(void* kernel, TF_OpKernelContext* context) {
  const auto& options = *static_cast<Options*>(kernel);
  Call call(context);
  TF_Tensor *a = call.input(0), *b = call.input(1), *bias = call.input(2);
  if (!call.ok()) return;
  if (TF_NumDims(a) != 2 || TF_NumDims(b) != 2)
    return call.fail("ChainruleProduct: expected two matrices");
  const long rows = TF_Dim(a, options.transpose_a), depth = TF_Dim(a, 1 - options.transpose_a);
  const long columns = TF_Dim(b, 1 - options.transpose_b);
  const bool has_bias = TF_TensorElementCount(bias) > 0;
  if (TF_Dim(b, options.transpose_b) != depth || rows * depth * columns == 0 ||
      (has_bias && !is_vector(bias, columns)))
    return call.fail("ChainruleProduct: expected a [rows, depth], b [depth, columns], bias [columns]");
  if (!has_tiles()) return call.fail("ChainruleProduct: this processor has no AMX");
  TF_Tensor* c = call.output({rows, columns});
  if (!call.ok()) return;

  // B is cut once, for all rows of A.
  constexpr long kColumns = 64;
  const Scratch b_blocks(bytes_of(columns, depth));
  const auto b_at = [&](long column) { return b_blocks.get() + bytes_of(column, depth); };
  const auto shared = [](long count, const std::function<void(int)>& piece) {
    if (count == 1) return piece(0);
    Team::instance().run(static_cast<int>(count), piece);
  };
  shared((columns + kColumns - 1) / kColumns, [&](int piece) {
    const long column = piece * kColumns;
    cut_blocks(floats(b) + column * (options.transpose_b ? depth : 1), TF_Dim(b, 1), false,
               options.transpose_b, std::min(kColumns, columns - column), depth, b_at(column));
  });
  // Where A's rows are few, the columns are shared too.
  const long at_once = rows_at_once(rows, depth), strips = (rows + at_once - 1) / at_once;
  const long wanted = strips >= 4 ? 1 : 4 / strips;
  const long width = std::max(32L, (columns / wanted + 31) / 32 * 32);
  const long parts = (columns + width - 1) / width;
  shared(strips * parts, [&](int piece) {
    const long row = piece / parts * at_once, column = piece % parts * width;
    const long count = std::min(at_once, rows - row);
    const Scratch a_blocks(bytes_of(count, depth));
    cut_blocks(floats(a) + row * (options.transpose_a ? 1 : depth), TF_Dim(a, 1), true,
               options.transpose_a, count, depth, a_blocks.get());
    multiply_blocks(a_blocks.get(), b_at(column), count, std::min(width, columns - column), depth,
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
