// Barrier: a number of threads meet, round after round; none goes on before all have come.
//
//   Barrier barrier(3);               // three threads, each of which does:
//   barrier.arrive_and_wait();        // true for the one that came last
//
// Belongs to one runtime: only its threads may call it. It must outlive the threads that wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/base/check.h"
#include "spindle/base/result.h"
#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Barrier {
 public:
  /// `parties` is how many threads meet; 0 ends the program at a CHECK.
  explicit Barrier(std::size_t parties, const char* name = "")
      : parties_(parties), missing_(parties), waiters_(name, WaitKind::kBarrier) {
    CHECK(parties > 0);
  }

  /// True for the one thread of a round that came last.
  bool arrive_and_wait() { return *arrive_and_wait_until(kNever); }
  /// ETIMEDOUT, with the arrival taken back, if the deadline came first. Cancelling a thread that
  /// waits takes its arrival back as well, unless the last thread has come already.
  Result<bool> arrive_and_wait_until(Deadline deadline) {
    const Section section;
    if (--missing_ > 0) return wait_until(deadline);
    missing_ = parties_;
    ++rounds_;
    waiters_.wake_all();
    return true;
  }
  Result<bool> arrive_and_wait_for(Duration duration) {
    return arrive_and_wait_until(duration.from_now());
  }

  /// Rounds completed.
  [[nodiscard]] std::uint64_t rounds() const {
    const Section section;
    return rounds_;
  }

 private:
  Result<bool> wait_until(Deadline deadline) {
    const std::uint64_t round = rounds_;
    try {
      if (waiters_.wait_until(deadline)) return false;
    } catch (...) {  // the thread was cancelled
      take_back(round);
      throw;
    }
    if (!take_back(round)) return false;
    return Error{ETIMEDOUT, "the others did not come in time"};
  }

  /// False if the arrival counts: the last thread came after this one's wait ended, before it ran.
  bool take_back(std::uint64_t round) {
    if (rounds_ != round) return false;
    ++missing_;
    return true;
  }

  std::size_t parties_;
  std::size_t missing_;
  std::uint64_t rounds_ = 0;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
