// Two TensorFlow operations for a dense layer of so many weights that they do not stay in the
// processor's caches, as after a flattened picture:
//
//   ChainruleDense      y = x · w
//   ChainruleDenseAdam  dx = dy · wᵀ, g = xᵀ · dy and Adam's update of w with g, in one pass over
//                       w and its moments. g is never written to memory.
//
// Through TensorFlow's C interface, so it takes a second to compile. Loading the module registers
// the operations.
#include <node_api.h>
#include <tensorflow/c/ops.h>
#include <tensorflow/c/tf_tensor.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

// What is used of tensorflow/c/kernels.h, which includes headers that are not part of the C
// interface.
extern "C" {
struct TF_KernelBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
TF_KernelBuilder* TF_NewKernelBuilder(const char* op, const char* device,
                                      void* (*create)(TF_OpKernelConstruction*),
                                      void (*compute)(void*, TF_OpKernelContext*),
                                      void (*destroy)(void*));
void TF_RegisterKernelBuilder(const char* name, TF_KernelBuilder*, TF_Status*);
void TF_GetInput(TF_OpKernelContext*, int, TF_Tensor**, TF_Status*);
TF_Tensor* TF_AllocateOutput(TF_OpKernelContext*, int, TF_DataType, const int64_t* shape, int rank,
                             size_t bytes, TF_Status*);
void TF_OpKernelContext_Failure(TF_OpKernelContext*, TF_Status*);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction*, TF_Status*);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction*, const char* name, float*,
                                          TF_Status*);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction*, const char* name,
                                         unsigned char*, TF_Status*);

// Of dense-kernels.cc, whose instruction sets differ.
struct Adam {
  float rate, epsilon, keep, toward_mean, toward_square;
};
}

#define DECLARE(set)                                                                               \
  extern "C" void dense_forward_##set(const float*, const float*, float*, long, long, long, long,  \
                                      long);                                                       \
  extern "C" void dense_backward_##set(const float*, const float*, const float*, float*, float*,   \
                                       float*, float*, long, long, long, long, long, long,         \
                                       const Adam*, float*);
DECLARE(base)
#ifdef __x86_64__
DECLARE(avx2)
DECLARE(avx512)
#endif

namespace {

struct Loops {
  decltype(&dense_forward_base) forward;
  decltype(&dense_backward_base) backward;
};

Loops loops() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    return {dense_forward_avx512, dense_backward_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {dense_forward_avx2, dense_backward_avx2};
#endif
  return {dense_forward_base, dense_backward_base};
}

// Threads that share a job's pieces. Never destroyed: they may be at work when the process ends.
class Team {
 public:
  static Team& instance() {
    static Team* team = new Team;
    return *team;
  }

  // Runs piece(0) … piece(count − 1), on this thread and on those that are free.
  void run(int count, const std::function<void(int)>& piece) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn) {
      for (int i = 0; i < count; i++) piece(i);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(state_);
      piece_ = &piece;
      count_ = count;
      next_ = 0;
      job_++;
    }
    wake_.notify_all();
    take(piece, count);
    std::unique_lock<std::mutex> lock(state_);
    piece_ = nullptr;
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  Team() {
    const unsigned threads = std::thread::hardware_concurrency();
    for (unsigned i = 1; i < threads; i++) std::thread([this] { work(); }).detach();
  }

  void take(const std::function<void(int)>& piece, int count) {
    for (int i; (i = next_.fetch_add(1)) < count;) piece(i);
  }

  void work() {
    std::unique_lock<std::mutex> lock(state_);
    for (long seen = 0;;) {
      wake_.wait(lock, [&] { return piece_ != nullptr && job_ != seen; });
      seen = job_;
      busy_++;
      const auto* piece = piece_;
      const int count = count_;
      lock.unlock();
      take(*piece, count);
      lock.lock();
      if (--busy_ == 0) idle_.notify_all();
    }
  }

  std::mutex turn_, state_;
  std::condition_variable wake_, idle_;
  const std::function<void(int)>* piece_ = nullptr;
  std::atomic<int> next_{0};
  int count_ = 0;
  int busy_ = 0;
  long job_ = 0;
};

// The inputs of one call, given back at its end.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  TF_Tensor* input(int i) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, i, &tensor, status_);
    return keep(tensor);
  }

  TF_Tensor* output(std::vector<int64_t> shape) {
    const size_t bytes = sizeof(float) * std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                                         std::multiplies<int64_t>());
    const int rank = static_cast<int>(shape.size());
    return keep(TF_AllocateOutput(context_, 0, TF_FLOAT, shape.data(), rank, bytes, status_));
  }

  void fail(const char* message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
    TF_OpKernelContext_Failure(context_, status_);
  }

  // Whether all went well so far; otherwise the session's run fails with the reason.
  bool ok() {
    if (TF_GetCode(status_) == TF_OK) return true;
    TF_OpKernelContext_Failure(context_, status_);
    return false;
  }

 private:
  TF_Tensor* keep(TF_Tensor* tensor) {
    if (tensor) tensors_.push_back(tensor);
    return tensor;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> tensors_;
};

float* floats(TF_Tensor* tensor) { return static_cast<float*>(TF_TensorData(tensor)); }

bool is_matrix(TF_Tensor* tensor, int64_t rows, int64_t columns) {
  return TF_NumDims(tensor) == 2 && TF_Dim(tensor, 0) == rows && TF_Dim(tensor, 1) == columns;
}

// The number of floats in a vector register is at most this; rows are padded to a multiple.
constexpr long kLanes = 16;
// Rows of the weights in a piece of work.
constexpr long kPiece = 512;

int pieces(long rows) { return static_cast<int>((rows + kPiece - 1) / kPiece); }

void forward(void*, TF_OpKernelContext* context) {
  Call call(context);
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
    loops().forward(floats(x), floats(w), sums.data() + size * share, batch, in, out, from, to);
  });
  std::memcpy(floats(y), sums.data(), size * sizeof(float));
  for (int share = 1; share < shares; share++)
    for (long i = 0; i < size; i++) floats(y)[i] += sums[size * share + i];
}

// The attributes of ChainruleDenseAdam.
struct Options {
  float beta1 = 0, beta2 = 0;
  unsigned char input_gradient = 0;
};

void* create(TF_OpKernelConstruction* construction) {
  auto* options = new Options;
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrFloat(construction, "beta1", &options->beta1, status);
  TF_OpKernelConstruction_GetAttrFloat(construction, "beta2", &options->beta2, status);
  TF_OpKernelConstruction_GetAttrBool(construction, "input_gradient", &options->input_gradient,
                                      status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return options;
}

void destroy(void* kernel) { delete static_cast<Options*>(kernel); }

void backward(void* kernel, TF_OpKernelContext* context) {
  const auto& options = *static_cast<Options*>(kernel);
  Call call(context);
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
    loops().backward(floats(x), floats(dy), dyt.data(), floats(w), floats(m), floats(v),
                     options.input_gradient ? floats(dx) : nullptr, batch, padded, in, out, from,
                     std::min(in, from + kPiece), &adam, scratch.data());
  });
}

void unknown_shape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void define(TF_OpDefinitionBuilder* op, std::initializer_list<const char*> inputs,
            const char* output, TF_Status* status) {
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(op, input);
  TF_OpDefinitionBuilderAddOutput(op, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknown_shape);
  TF_RegisterOpDefinition(op, status);
}

void add_kernel(const char* op, void* (*create)(TF_OpKernelConstruction*),
                void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*),
                TF_Status* status) {
  TF_KernelBuilder* builder = TF_NewKernelBuilder(op, "CPU", create, compute, destroy);
  TF_RegisterKernelBuilder(op, builder, status);
}

bool register_all() {
  TF_Status* status = TF_NewStatus();
  define(TF_NewOpDefinitionBuilder("ChainruleDense"), {"x: float", "w: float"}, "y: float", status);
  add_kernel("ChainruleDense", nullptr, forward, nullptr, status);

  TF_OpDefinitionBuilder* adam = TF_NewOpDefinitionBuilder("ChainruleDenseAdam");
  for (const char* attr : {"beta1: float", "beta2: float", "input_gradient: bool"})
    TF_OpDefinitionBuilderAddAttr(adam, attr);
  // It writes w, m and v, which are read from variables and share their memory.
  TF_OpDefinitionBuilderSetIsStateful(adam, true);
  define(adam,
         {"x: float", "dy: float", "w: float", "m: float", "v: float", "rate: float",
          "epsilon: float", "decay: float"},
         "dx: float", status);
  add_kernel("ChainruleDenseAdam", create, backward, destroy, status);
  const bool ok = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return ok;
}

}  // namespace

// Whether the operations are there; registers them at the first call, whichever thread makes it.
extern "C" __attribute__((visibility("default"))) bool chainrule_register_operations() {
  static const bool registered = register_all();
  return registered;
}

// Weak, so that a program without Node can load the library: the profile's Python does.
#pragma weak napi_get_boolean
#pragma weak napi_set_named_property

NAPI_MODULE_INIT() {
  napi_value value;
  napi_get_boolean(env, chainrule_register_operations(), &value);
  napi_set_named_property(env, exports, "registered", value);
  return exports;
}
