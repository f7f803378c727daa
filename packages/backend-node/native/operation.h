// What the operations share: TensorFlow's C interface, threads, and the inputs and outputs of a call.
#pragma once

#include <tensorflow/c/ops.h>
#include <tensorflow/c/tf_tensor.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <initializer_list>
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
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction*, const char* name, int32_t*,
                                          TF_Status*);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction*, const char* name,
                                         unsigned char*, TF_Status*);
}

// Which instruction set the loops are taken of: the best that the processor has.
enum class Set { base, avx2, avx512 };

inline Set instruction_set() {
#ifdef __x86_64__
  static const Set set =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
          ? Set::avx512
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Set::avx2
                                                                        : Set::base;
  return set;
#else
  return Set::base;
#endif
}

// Declares a loop of *-kernels.cc for every instruction set; LOOP(name) is that of this processor.
#ifdef __x86_64__
#define EVERY_SET(declare) declare(base) declare(avx2) declare(avx512)
#define LOOP(name)                                   \
  (instruction_set() == Set::avx512 ? name##_avx512  \
   : instruction_set() == Set::avx2 ? name##_avx2    \
                                    : name##_base)
#else
#define EVERY_SET(declare) declare(base)
#define LOOP(name) name##_base
#endif

// The number of floats in a vector register is at most this.
constexpr long kLanes = 16;

// Threads that share a job's pieces. Never destroyed: they may be at work when the process ends.
//
// To wake a thread takes longer than many a job, and one job often follows another: so who waits looks
// again and again for a while before it sleeps.
class Team {
 public:
  static Team& instance() {
    static Team* team = new Team;
    return *team;
  }

  // Runs piece(0) … piece(count − 1), on this thread and on those that are free.
  void run(int count, const std::function<void(int)>& piece) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn || count == 1) {
      for (int i = 0; i < count; i++) piece(i);
      return;
    }
    bool sleepers;
    {
      std::lock_guard<std::mutex> lock(state_);
      piece_ = &piece;
      count_ = count;
      next_ = 0;
      job_++;
      sleepers = asleep_ > 0;
    }
    if (sleepers) wake_.notify_all();
    take(piece, count);
    {
      std::lock_guard<std::mutex> lock(state_);
      piece_ = nullptr;
    }
    if (look([this] { return busy_ == 0; })) return;
    std::unique_lock<std::mutex> lock(state_);
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  Team() {
    const unsigned threads = std::thread::hardware_concurrency();
    for (unsigned i = 1; i < threads; i++) std::thread([this] { work(); }).detach();
  }

  // Whether `done` becomes true soon. Meanwhile other threads may have the processor.
  template <typename F>
  static bool look(const F& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(250);
    do {
      for (int i = 0; i < 16; i++) {
        if (done()) return true;
        relax();
      }
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  // Leaves the processor's units to whoever shares them.
  static void relax() {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
  }

  void take(const std::function<void(int)>& piece, int count) {
    for (int i; (i = next_.fetch_add(1)) < count;) piece(i);
  }

  void work() {
    for (long seen = 0;;) {
      look([&] { return job_ != seen; });
      std::unique_lock<std::mutex> lock(state_);
      if (piece_ == nullptr && job_ != seen) {
        // The others have done it already: on to the next.
        seen = job_;
        continue;
      }
      asleep_++;
      wake_.wait(lock, [&] { return piece_ != nullptr && job_ != seen; });
      asleep_--;
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
  std::atomic<int> next_{0}, busy_{0};
  std::atomic<long> job_{0};
  int count_ = 0, asleep_ = 0;
};

// How many pieces the work on rows is shared in: each of so many numbers that another thread is worth
// waking. It depends on the shape alone, so that sums are the same whoever does the work.
inline int pieces_of(long rows, long width) {
  constexpr long kPiece = 1 << 15;
  return static_cast<int>(std::max(1L, std::min(rows, rows * width / kPiece)));
}

// share(piece, from, to) for all rows, on several threads where there are many.
template <typename F>
void over_rows(long rows, long width, const F& share) {
  const int count = pieces_of(rows, width);
  Team::instance().run(count,
                       [&](int k) { share(k, rows * k / count, rows * (k + 1) / count); });
}

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

  TF_Tensor* output(std::vector<int64_t> shape, int index = 0) {
    const size_t bytes = sizeof(float) * std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                                         std::multiplies<int64_t>());
    const int rank = static_cast<int>(shape.size());
    return keep(TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), rank, bytes, status_));
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

inline float* floats(TF_Tensor* tensor) { return static_cast<float*>(TF_TensorData(tensor)); }

inline std::vector<int64_t> shape_of(TF_Tensor* tensor) {
  std::vector<int64_t> shape(TF_NumDims(tensor));
  for (size_t axis = 0; axis < shape.size(); axis++) shape[axis] = TF_Dim(tensor, axis);
  return shape;
}

inline long last_axis(TF_Tensor* tensor) {
  return TF_NumDims(tensor) > 0 ? TF_Dim(tensor, TF_NumDims(tensor) - 1) : 0;
}

inline bool is_vector(TF_Tensor* tensor, int64_t size) {
  return TF_NumDims(tensor) == 1 && TF_Dim(tensor, 0) == size;
}

inline bool is_matrix(TF_Tensor* tensor, int64_t rows, int64_t columns) {
  return TF_NumDims(tensor) == 2 && TF_Dim(tensor, 0) == rows && TF_Dim(tensor, 1) == columns;
}

// Calls `read`, which asks for the attributes of an operation.
template <typename F>
void read_attributes(TF_OpKernelConstruction* construction, const F& read) {
  TF_Status* status = TF_NewStatus();
  read(status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
}

inline void unknown_shape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

inline void define(TF_OpDefinitionBuilder* op, std::initializer_list<const char*> inputs,
            std::initializer_list<const char*> outputs, TF_Status* status) {
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(op, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(op, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknown_shape);
  TF_RegisterOpDefinition(op, status);
}

inline void add_kernel(const char* op, void* (*create)(TF_OpKernelConstruction*),
                void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*),
                TF_Status* status) {
  TF_KernelBuilder* builder = TF_NewKernelBuilder(op, "CPU", create, compute, destroy);
  TF_RegisterKernelBuilder(op, builder, status);
}
