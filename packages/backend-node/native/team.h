// Threads of our own, for operations that share their work.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

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

  // Threads that share a job, with the one that has it.
  static long size() { return std::max(1u, std::thread::hardware_concurrency()); }

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
    for (long i = 1; i < size(); i++) std::thread([this] { work(); }).detach();
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
