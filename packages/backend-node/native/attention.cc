// Two TensorFlow operations for attention with several heads, which read the heads where they lie and
// so transpose nothing:
//
//   ChainruleAttention          y = softmax(q·kᵀ/√depth)·v for each head, and the weights
//   ChainruleAttentionGradient  the gradients with respect to q, k and v
#include "operation.h"
#include "scratch.h"

#define DECLARE(set)                                                                                \
  extern "C" void attention_##set(const float*, const float*, const float*, const float*, long,     \
                                  long, long, long, long, long, float*, float*, float*);            \
  extern "C" void attention_gradient_##set(const float*, const float*, const float*, const float*,  \
                                           const float*, long, long, long, long, long, float*,      \
                                           float*, float*, float*);
EVERY_SET(DECLARE)

namespace {

ONE_OPTION(Options, int32_t, heads)

struct Sizes {
  Sizes(TF_Tensor* q, TF_Tensor* k, TF_Tensor* v, long heads) : heads(heads) {
    if (TF_NumDims(q) != 3 || TF_NumDims(k) != 3 || shape_of(k) != shape_of(v)) return;
    batch = TF_Dim(q, 0), queries = TF_Dim(q, 1), memory = TF_Dim(k, 1), width = TF_Dim(q, 2);
    depth = width / heads, padded = (memory + kLanes - 1) / kLanes * kLanes;
    fit = TF_Dim(k, 0) == batch && TF_Dim(k, 2) == width && width % (heads * kLanes) == 0 &&
          batch * queries * memory * width > 0;
  }

  // head(example, head) for all of them, on several threads where there is much to do.
  template <typename F>
  void each(const F& head) const {
    over_rows(batch * heads, queries * padded * 4, [&](int, long from, long to) {
      for (long i = from; i < to; i++) head(i / heads, i % heads);
    });
  }

  long heads, batch = 0, queries = 0, memory = 0, width = 0, depth = 0, padded = 0;
  bool fit = false;
};

void forward(const Options& options, Call& call) {
  TF_Tensor *q = call.input(0), *k = call.input(1), *v = call.input(2), *mask = call.input(3);
  if (!call.ok()) return;
  const Sizes n(q, k, v, options.heads);
  const bool masked = TF_TensorElementCount(mask) > 0;
  const long rows = masked && TF_NumDims(mask) == 3 ? TF_Dim(mask, 1) : 1;
  if (!n.fit || (masked && (TF_NumDims(mask) != 3 || TF_Dim(mask, 0) != n.batch ||
                            (rows != 1 && rows != n.queries) || TF_Dim(mask, 2) != n.memory)))
    return call.fail(
        "ChainruleAttention: expected q [batch, queries, width], k and v [batch, memory, width], a mask "
        "[batch, 1 or queries, memory] or none, width a multiple of 16 · heads");
  TF_Tensor* y = call.output({n.batch, n.queries, n.width}, 0);
  TF_Tensor* weights = call.output({n.batch, n.heads, n.queries, n.padded}, 1);
  if (!call.ok()) return;
  // The mask with its rows as long as the weights'.
  const long examples = masked ? n.batch : 1;
  std::vector<float> seen(examples * rows * n.padded);
  for (long i = 0; i < examples * rows; i++)
    for (long j = 0; j < n.memory; j++)
      seen[i * n.padded + j] = masked ? floats(mask)[i * n.memory + j] : 1;
  n.each([&](long example, long head) {
    const long queries = example * n.queries * n.width + head * n.depth;
    const long memory = example * n.memory * n.width + head * n.depth;
    LOOP(attention)(floats(q) + queries, floats(k) + memory, floats(v) + memory,
                    seen.data() + (masked ? example * rows * n.padded : 0),
                    rows > 1 ? n.padded : 0, n.width, n.queries, n.memory, n.padded, n.depth,
                    floats(weights) + (example * n.heads + head) * n.queries * n.padded,
                    floats(y) + queries, scratch(n.depth * (n.queries + n.memory + n.padded) + n.queries * n.padded));
  });
}

void gradient(const Options& options, Call& call) {
  TF_Tensor *dy = call.input(0), *q = call.input(1), *k = call.input(2), *v = call.input(3);
  TF_Tensor* weights = call.input(4);
  if (!call.ok()) return;
  const Sizes n(q, k, v, options.heads);
  if (!n.fit || shape_of(dy) != shape_of(q) ||
      shape_of(weights) != std::vector<int64_t>{n.batch, n.heads, n.queries, n.padded})
    return call.fail(
        "ChainruleAttentionGradient: expected dy and q [batch, queries, width], k and v [batch, "
        "memory, width] and the weights of ChainruleAttention");
  TF_Tensor* dq = call.output(shape_of(q), 0);
  TF_Tensor *dk = call.output(shape_of(k), 1), *dv = call.output(shape_of(v), 2);
  if (!call.ok()) return;
  n.each([&](long example, long head) {
    const long queries = example * n.queries * n.width + head * n.depth;
    const long memory = example * n.memory * n.width + head * n.depth;
    LOOP(attention_gradient)(floats(dy) + queries, floats(q) + queries, floats(k) + memory,
                             floats(v) + memory,
                             floats(weights) + (example * n.heads + head) * n.queries * n.padded,
                             n.width, n.queries, n.memory, n.padded, n.depth, floats(dq) + queries,
                             floats(dk) + memory, floats(dv) + memory,
                             scratch(2 * n.depth * (n.queries + n.memory) + (n.depth + n.queries) * n.padded));
  });
}

}  // namespace

void register_attention(TF_Status* status) {
  add_operation<Options, forward>({"ChainruleAttention",
                                   {"q: float", "k: float", "v: float", "mask: float"},
                                   {"y: float", "weights: float"}},
                                  status);
  add_operation<Options, gradient>({"ChainruleAttentionGradient",
                                    {"dy: float", "q: float", "k: float", "v: float", "weights: float"},
                                    {"dq: float", "dk: float", "dv: float"}},
                                   status);
}
