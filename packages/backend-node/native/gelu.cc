// Two TensorFlow operations for the activation GELU, x·Φ(x), in one pass instead of five or more:
//
//   ChainruleGelu          y = x·Φ(x), or with `approximate` its approximation by the tanh
//   ChainruleGeluGradient  dx = dy·(Φ(x) + x·φ(x))
#include "operation.h"

#define DECLARE(set)                                                                   \
  extern "C" void gelu_##set(const float*, float*, long, long, int);                   \
  extern "C" void gelu_gradient_##set(const float*, const float*, float*, long, long, int);
EVERY_SET(DECLARE)

namespace {

struct Options {
  unsigned char approximate = 0;
};

void* create(TF_OpKernelConstruction* construction) {
  auto* options = new Options;
  read_attributes(construction, [&](TF_Status* status) {
    TF_OpKernelConstruction_GetAttrBool(construction, "approximate", &options->approximate, status);
  });
  return options;
}

void destroy(void* kernel) { delete static_cast<Options*>(kernel); }

void forward(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* x = call.input(0);
  if (!call.ok()) return;
  TF_Tensor* y = call.output(shape_of(x));
  if (!call.ok()) return;
  const int approximate = static_cast<Options*>(kernel)->approximate;
  over_rows(TF_TensorElementCount(x), 1, [&](int, long from, long to) {
    LOOP(gelu)(floats(x), floats(y), from, to, approximate);
  });
}

void gradient(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *dy = call.input(0), *x = call.input(1);
  if (!call.ok()) return;
  if (shape_of(dy) != shape_of(x))
    return call.fail("ChainruleGeluGradient: expected dy and x of one shape");
  TF_Tensor* dx = call.output(shape_of(x));
  if (!call.ok()) return;
  const int approximate = static_cast<Options*>(kernel)->approximate;
  over_rows(TF_TensorElementCount(x), 1, [&](int, long from, long to) {
    LOOP(gelu_gradient)(floats(dy), floats(x), floats(dx), from, to, approximate);
  });
}

}  // namespace

void register_gelu(TF_Status* status) {
  const auto add = [&](const char* name, std::initializer_list<const char*> inputs,
                       const char* output, void (*compute)(void*, TF_OpKernelContext*)) {
    TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name);
    TF_OpDefinitionBuilderAddAttr(op, "approximate: bool");
    define(op, inputs, {output}, status);
    add_kernel(name, create, compute, destroy, status);
  };
  add("ChainruleGelu", {"x: float"}, "y: float", forward);
  add("ChainruleGeluGradient", {"dy: float", "x: float"}, "dx: float", gradient);
}
