// Semaphore: a count that cannot go below zero (Dijkstra's P and V are acquire and release).
//
// While threads wait the count is zero: release hands its units to them in the order in which they
// came, so nobody overtakes. A release does not switch; the woken run when the policy says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Semaphore {
 public:
  explicit Semaphore(std::size_t count, const char* name = "")
      : count_(count), waiters_(name, WaitKind::kSemaphore) {}

  void acquire() {
    const Section section;
    if (count_ > 0) {
      --count_;
    } else {
      waiters_.wait();
    }
  }
  bool try_acquire() {
    const Section section;
    if (count_ == 0) return false;
    --count_;
    return true;
  }
  /// False if the deadline came first.
  bool try_acquire_until(Deadline deadline) {
    const Section section;
    return try_acquire() || waiters_.wait_until(deadline);
  }
  bool try_acquire_for(Duration duration) { return try_acquire_until(duration.from_now()); }
  /// The count and the units together must not exceed SIZE_MAX.
  void release(std::size_t units = 1) {
    const Section section;
    while (units > 0 && waiters_.wake_one()) --units;
    count_ += units;
  }

  [[nodiscard]] std::size_t count() const {
    const Section section;
    return count_;
  }

 private:
  std::size_t count_;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
