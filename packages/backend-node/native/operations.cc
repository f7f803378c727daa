// Loading this module registers the operations that TensorFlow lacks, one file each. They go through
// TensorFlow's C interface, so they take a second or two to compile.
#include <node_api.h>
#include <tensorflow/c/tf_status.h>

#include "product.h"

void give_back_pages();
void register_adam(TF_Status* status);
void register_attention(TF_Status* status);
void register_batch_norm(TF_Status* status);
void register_convolution(TF_Status* status);
void register_dense(TF_Status* status);
void register_factors(TF_Status* status);
void register_gelu(TF_Status* status);
void register_images(TF_Status* status);
void register_layer_norm(TF_Status* status);
void register_linear(TF_Status* status);
void register_lstm(TF_Status* status);
void register_modulate(TF_Status* status);
void register_product(TF_Status* status);
void register_segment_sum(TF_Status* status);
void register_rows(TF_Status* status);
void register_transpose(TF_Status* status);

static bool register_all() {
  TF_Status* status = TF_NewStatus();
  register_adam(status);
  register_attention(status);
  register_batch_norm(status);
  register_convolution(status);
  register_dense(status);
  register_factors(status);
  register_gelu(status);
  register_images(status);
  register_layer_norm(status);
  register_linear(status);
  register_lstm(status);
  register_modulate(status);
  register_product(status);
  register_segment_sum(status);
  register_rows(status);
  register_transpose(status);
  const bool ok = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return ok;
}

// Whether the operations are there; registers them at the first call, whichever thread makes it.
extern "C" __attribute__((visibility("default"))) bool chainrule_register_operations() {
  static const bool registered = [] {
    give_back_pages();
    return register_all();
  }();
  return registered;
}

// Weak, so that a program without Node can load the library: the profile's Python does.
#pragma weak napi_get_boolean
#pragma weak napi_set_named_property

NAPI_MODULE_INIT() {
  napi_value value;
  napi_get_boolean(env, chainrule_register_operations(), &value);
  napi_set_named_property(env, exports, "registered", value);
  napi_get_boolean(env, has_tiles(), &value);
  napi_set_named_property(env, exports, "tiles", value);
  return exports;
}
