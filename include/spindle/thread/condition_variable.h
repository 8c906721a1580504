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

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class ConditionVariable {
 public:
  explicit ConditionVariable(const char* name = "") : waiters_(name, WaitKind::kCondition) {}

  void notify_one() { waiters_.wake_one(); }
  void notify_all() { waiters_.wake_all(); }

  /// Unlocks, waits to be notified, locks again.
  template <class Lock>
  void wait(Lock& lock) {
    wait_until(lock, kNever);
  }
  template <class Lock, class Condition>
  void wait(Lock& lock, Condition condition) {
    while (!condition()) wait(lock);
  }

  /// False if the deadline (monotonic ns) came first. Locks again either way.
  template <class Lock>
  bool wait_until(Lock& lock, std::int64_t deadline_ns) {
    WaitNode node;
    waiters_.enqueue(node);
    lock.unlock();
    const bool notified = WaitQueue::park(node, deadline_ns);
    lock.lock();
    return notified;
  }
  /// The condition's last answer.
  template <class Lock, class Condition>
  bool wait_until(Lock& lock, std::int64_t deadline_ns, Condition condition) {
    while (!condition()) {
      if (!wait_until(lock, deadline_ns)) return condition();
    }
    return true;
  }

 private:
  WaitQueue waiters_;
};

}  // namespace spindle::thread
