// Memory that an operation needs while it runs.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

// Aligned to a page, and used again and again: fresh memory costs more than what is done with it.
class Scratch {
 public:
  explicit Scratch(long bytes) {
    std::lock_guard<std::mutex> lock(mutex());
    auto& free = pool();
    const auto order = [](const Memory& a, const Memory& b) { return a.bytes < b.bytes; };
    std::sort(free.begin(), free.end(), order);
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
