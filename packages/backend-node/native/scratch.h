// Memory that an operation needs while it runs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

// Memory for as long as a thread lives, so that it is not new, and so to be cleared, in every call. Each
// thread has two pieces: its own, and one that it shares with those that help it. Both begin at a line of
// the cache: vectors that begin in one and end in the next are slow to load.
inline float* scratch(size_t size, bool shared = false) {
  constexpr size_t kLine = 16;
  static thread_local std::vector<float> own[2];
  auto& memory = own[shared];
  if (memory.size() < size + kLine) {
    memory.clear();
    memory.resize(size + kLine);
  }
  void* start = memory.data();
  size_t space = memory.size() * sizeof(float);
  return static_cast<float*>(std::align(kLine * sizeof(float), size, start, space));
}
