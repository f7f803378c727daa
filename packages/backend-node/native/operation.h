// What the operations share: TensorFlow's C interface, instruction sets, and the inputs and outputs of
// a call.
#pragma once

#include <tensorflow/c/ops.h>
#include <tensorflow/c/tf_tensor.h>

#include <initializer_list>
#include <numeric>
#include <string>
#include <vector>

#include "team.h"

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

// Floats in a vector register of that set.
inline long lanes() {
  const Set set = instruction_set();
  return set == Set::avx512 ? 16 : set == Set::avx2 ? 8 : 4;
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

// lanes() is at most this.
constexpr long kLanes = 16;

inline int64_t product(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<int64_t>());
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
    const size_t bytes = sizeof(float) * product(shape);
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

// A shape that is given as integers.
inline std::vector<int64_t> sizes_of(TF_Tensor* tensor) {
  const auto* sizes = static_cast<const int32_t*>(TF_TensorData(tensor));
  return {sizes, sizes + TF_TensorElementCount(tensor)};
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

// An operation's options call f(name, member) for each of their members, in `each`. From that come the
// attributes of the operation, and how they are read when it is made.
struct NoOptions {
  template <typename F>
  void each(const F&) {}
};

// Options with one member.
#define ONE_OPTION(Name, type, member) \
  struct Name {                        \
    type member{};                     \
    template <typename F>              \
    void each(const F& f) {            \
      f(#member, &member);             \
    }                                  \
  };

// Options with two.
#define TWO_OPTIONS(Name, type1, member1, type2, member2) \
  struct Name {                                           \
    type1 member1{};                                      \
    type2 member2{};                                      \
    template <typename F>                                 \
    void each(const F& f) {                               \
      f(#member1, &member1);                              \
      f(#member2, &member2);                              \
    }                                                     \
  };

ONE_OPTION(ReluOptions, unsigned char, relu)

inline std::string type_of(const float*) { return "float"; }
inline std::string type_of(const int32_t*) { return "int"; }
inline std::string type_of(const unsigned char*) { return "bool"; }

// Where an operation's attributes are read from when it is made.
struct Attributes {
  TF_OpKernelConstruction* construction;
  TF_Status* status;

  void read(const char* name, float* to) const {
    TF_OpKernelConstruction_GetAttrFloat(construction, name, to, status);
  }
  void read(const char* name, int32_t* to) const {
    TF_OpKernelConstruction_GetAttrInt32(construction, name, to, status);
  }
  void read(const char* name, unsigned char* to) const {
    TF_OpKernelConstruction_GetAttrBool(construction, name, to, status);
  }
};

// What TensorFlow knows of an operation: its name, and inputs and outputs as "name: type".
struct Definition {
  const char* name;
  std::initializer_list<const char*> inputs, outputs;
  // Whether it writes what it is given, so that TensorFlow must not leave it out.
  bool stateful = false;
};

// Registers an operation that `compute` does.
template <typename Options, void (*compute)(const Options&, Call&)>
void add_operation(const Definition& definition, TF_Status* status) {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(definition.name);
  Options().each([&](const char* name, auto* member) {
    TF_OpDefinitionBuilderAddAttr(op, (name + (": " + type_of(member))).c_str());
  });
  for (const char* input : definition.inputs) TF_OpDefinitionBuilderAddInput(op, input);
  for (const char* output : definition.outputs) TF_OpDefinitionBuilderAddOutput(op, output);
  TF_OpDefinitionBuilderSetIsStateful(op, definition.stateful);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(
      op, [](TF_ShapeInferenceContext* context, TF_Status* status) {
        TF_ShapeInferenceContextSetUnknownShape(context, status);
      });
  TF_RegisterOpDefinition(op, status);
  const auto create = [](TF_OpKernelConstruction* construction) -> void* {
    auto* options = new Options;
    TF_Status* status = TF_NewStatus();
    const Attributes attributes{construction, status};
    options->each([&](const char* name, auto* member) { attributes.read(name, member); });
    if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
    TF_DeleteStatus(status);
    return options;
  };
  const auto run = [](void* options, TF_OpKernelContext* context) {
    Call call(context);
    compute(*static_cast<Options*>(options), call);
  };
  const auto destroy = [](void* options) { delete static_cast<Options*>(options); };
  TF_KernelBuilder* builder = TF_NewKernelBuilder(definition.name, "CPU", create, run, destroy);
  TF_RegisterKernelBuilder(definition.name, builder, status);
}
