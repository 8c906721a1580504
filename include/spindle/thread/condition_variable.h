// ConditionVariable: waiting for a condition that a lock protects (Mesa: test it again in a loop).
//
//   std::unique_lock lock(mutex);
//   changed.wait(lock, [&] { return !items.empty(); });
//
// `lock` is anything with lock() and unlock(): a Mutex itself or a std::unique_lock over one.
// Waiters are notified in the order in which they came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class ConditionVariable {
 public:
  explicit ConditionVariable(const char* name = "") : waiters_(name, WaitKind::kCondition) {}

  void notify_one() {
    const Section section;
    waiters_.wake_one();
  }
  void notify_all() {
    const Section section;
    waiters_.wake_all();
  }

  /// Unlocks, waits to be notified, locks again. What unlocking throws (std::unique_lock does if it
  /// owns nothing) reaches the caller, who has not waited.
  template <class Lock>
  void wait(Lock& lock) {
    wait_until(lock, kNever);
  }
  template <class Lock, class Condition>
  void wait(Lock& lock, Condition condition) {
    while (!condition()) wait(lock);
  }

  /// False if the deadline came first. Locks again either way, also if the thread is cancelled.
  template <class Lock>
  bool wait_until(Lock& lock, Deadline deadline) {
    const Section section;
    WaitNode node;
    waiters_.enqueue(node);
    try {
      lock.unlock();
    } catch (...) {
      if (node.queue != nullptr) waiters_.withdraw(node);
      throw;
    }
    const Relock<Lock> relock(lock);
    return WaitQueue::park(node, deadline);
  }
  /// Returns the condition's last answer.
  template <class Lock, class Condition>
  bool wait_until(Lock& lock, Deadline deadline, Condition condition) {
    while (!condition()) {
      if (!wait_until(lock, deadline)) return condition();
    }
    return true;
  }
  template <class Lock>
  bool wait_for(Lock& lock, Duration duration) {
    return wait_until(lock, duration.from_now());
  }
  template <class Lock, class Condition>
  bool wait_for(Lock& lock, Duration duration, Condition condition) {
    return wait_until(lock, duration.from_now(), std::move(condition));
  }

 private:
  template <class Lock>
  class Relock {
   public:
    explicit Relock(Lock& lock) : lock_(lock) {}
    ~Relock() { lock_.lock(); }
    Relock(const Relock&) = delete;
    Relock& operator=(const Relock&) = delete;

   private:
    Lock& lock_;
  };

  WaitQueue waiters_;
};

}  // namespace spindle::thread
