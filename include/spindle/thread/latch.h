// Latch: a gate that opens when its count has come down to zero, and then stays open.
//
// One thread makes it with the number of jobs and waits; each job counts down once when it is done.
// Belongs to one runtime: only its threads may call it. It must outlive the threads that wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Latch {
 public:
  explicit Latch(std::size_t count, const char* name = "")
      : count_(count), waiters_(name, WaitKind::kLatch) {}

  /// Takes `by` from the count, but never more than is left.
  void count_down(std::size_t by = 1) {
    const Section section;
    count_ -= by < count_ ? by : count_;
    if (count_ == 0) waiters_.wake_all();
  }
  [[nodiscard]] bool try_wait() const {
    const Section section;
    return count_ == 0;
  }
  void wait() {
    const Section section;
    if (count_ > 0) waiters_.wait();
  }
  /// False if the deadline came first.
  bool wait_until(Deadline deadline) {
    const Section section;
    return count_ == 0 || waiters_.wait_until(deadline);
  }
  bool wait_for(Duration duration) { return wait_until(duration.from_now()); }
  void arrive_and_wait(std::size_t by = 1) {
    const Section section;
    count_down(by);
    wait();
  }
  /// False if the deadline came first; the latch has been counted down all the same.
  bool arrive_and_wait_until(Deadline deadline, std::size_t by = 1) {
    const Section section;
    count_down(by);
    return wait_until(deadline);
  }
  bool arrive_and_wait_for(Duration duration, std::size_t by = 1) {
    return arrive_and_wait_until(duration.from_now(), by);
  }

 private:
  std::size_t count_;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
