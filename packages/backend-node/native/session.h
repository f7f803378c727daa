// Included before tfjs-node's own binding when that is compiled. It opens sessions without options; here
// they have those of the variable CHAINRULE_SESSION, a ConfigProto as hexadecimal digits.
#pragma once

#include <tensorflow/c/c_api.h>

#include <cstdlib>
#include <string>

inline TF_SessionOptions* chainrule_session_options() {
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* given = std::getenv("CHAINRULE_SESSION");
  const std::string digits = given ? given : "";
  std::string config;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    config += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  // What TensorFlow does not understand it does without.
  TF_Status* status = TF_NewStatus();
  TF_SetConfig(options, config.data(), config.size(), status);
  TF_DeleteStatus(status);
  return options;
}

#define TF_NewSessionOptions chainrule_session_options
