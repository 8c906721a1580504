// Barrier: a number of threads meet, round after round; none goes on before all have come.
//
//   Barrier barrier(3);               // three threads, each of which does:
//   barrier.arrive_and_wait();        // true for the one that came last
//
// Belongs to one runtime, whose threads alone may call it; it must outlive those that wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/base/check.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Barrier {
 public:
  /// `parties`, at least 1, is how many threads meet.
  explicit Barrier(std::size_t parties, const char* name = "")
      : parties_(parties), missing_(parties), waiters_(name, WaitKind::kBarrier) {
    CHECK(parties > 0);
  }

  /// True for the one thread of a round that came last.
  bool arrive_and_wait() {
    if (--missing_ > 0) {
      waiters_.wait();
      return false;
    }
    missing_ = parties_;
    ++rounds_;
    waiters_.wake_all();
    return true;
  }

  /// Rounds completed.
  [[nodiscard]] std::uint64_t rounds() const { return rounds_; }

 private:
  std::size_t parties_;
  std::size_t missing_;
  std::uint64_t rounds_ = 0;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
