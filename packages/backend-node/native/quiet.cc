// load(path): loads a shared library without its informational banner.
//
// libtensorflow_framework announces its oneDNN kernels from a static initialiser, before it can be
// told a log level. Standard error is held back for those milliseconds; then everything is passed
// on but Abseil's informational lines and its remark that logging has not been set up yet.
#include <dlfcn.h>
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool is_banner(const char* line) {
  const char* remark = "WARNING: All log messages before absl::InitializeLog()";
  return std::strncmp(line, "I0000 ", 6) == 0 || std::strncmp(line, remark, std::strlen(remark)) == 0;
}

void pass_on(int held) {
  lseek(held, 0, SEEK_SET);
  FILE* file = fdopen(held, "r");
  if (file == nullptr) return;
  char* line = nullptr;
  size_t size = 0;
  while (getline(&line, &size, file) >= 0) {
    if (!is_banner(line)) std::fputs(line, stderr);
  }
  std::free(line);
  std::fclose(file);
}

napi_value load(napi_env env, napi_callback_info info) {
  char path[4096];
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_string_utf8(env, argument, path, sizeof path, nullptr) != napi_ok) {
    napi_throw_type_error(env, nullptr, "load: expected a path");
    return nullptr;
  }
  std::fflush(stderr);
  const int held = memfd_create("stderr", MFD_CLOEXEC);
  const int original = dup(STDERR_FILENO);
  const bool holding = held >= 0 && original >= 0 && dup2(held, STDERR_FILENO) >= 0;
  // Stays loaded. A failure shows again, with its message, when the binding is loaded.
  dlopen(path, RTLD_LAZY);
  if (holding) {
    dup2(original, STDERR_FILENO);
    pass_on(held);
  }
  if (original >= 0) close(original);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, load, nullptr, &function);
  napi_set_named_property(env, exports, "load", function);
  return exports;
}
