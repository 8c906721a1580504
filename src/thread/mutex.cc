#include "spindle/thread/mutex.h"

#include "spindle/base/clock.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

// Inlined into each function of the interface, whose return address is where the lock is taken.
[[gnu::always_inline]] inline bool Mutex::acquire(std::int64_t deadline_ns, const void* where) {
  if (holder_.thread != nullptr) return acquire_contended(deadline_ns, where);
  holder_ = {&caller(), where};
  return true;
}

void Mutex::lock() {
  acquire(kNever, __builtin_return_address(0));
}

bool Mutex::try_lock() {
  return holder_.thread == nullptr && acquire(kNever, __builtin_return_address(0));
}

bool Mutex::try_lock_for(std::int64_t duration_ns) {
  if (duration_ns <= 0 && holder_.thread != nullptr) return false;
  const std::int64_t deadline = holder_.thread == nullptr ? kNever : monotonic_ns() + duration_ns;
  return acquire(deadline, __builtin_return_address(0));
}

bool Mutex::try_lock_until(std::int64_t deadline_ns) {
  return acquire(deadline_ns, __builtin_return_address(0));
}

Result<> Mutex::lock_checked() {
  const void* const where = __builtin_return_address(0);
  if (holder_.thread == nullptr) {
    acquire(kNever, where);
    return {};
  }
  if (holder_.thread == &caller()) return Error{EDEADLK, "the thread already holds the mutex"};
  Blocking blocking(holder_, waiters_, where, false);
  if (closes_circle(calling_thread())) {
    blocking.ended(false);
    return Error{EDEADLK, "waiting for the mutex would close a circle"};
  }
  waiters_.wait();
  blocking.ended(true);
  return {};
}

bool Mutex::acquire_contended(std::int64_t deadline_ns, const void* where) {
  if (holder_.thread == &caller()) report_misuse("locks again", waiters_, holder_);
  Blocking blocking(holder_, waiters_, where, deadline_ns == kNever);
  // Woken means that unlock has made this thread the holder.
  const bool woken = waiters_.wait_until(deadline_ns);
  blocking.ended(woken);
  return woken;
}

void Mutex::unlock() {
  Control& self = caller();
  if (holder_.thread != &self) report_misuse("unlocks", waiters_, holder_);
  if (waiters_.empty()) {
    holder_ = {};
    return;
  }
  Scheduler& scheduler = *self.scheduler;
  WaitNode& next = scheduler.priorities_differ() ? most_urgent(waiters_) : *waiters_.front();
  holder_ = {next.thread, next.thread->wanted_at};
  waiters_.wake(next);
  // The new holder owes nothing: it is the most urgent of those who waited.
  if (self.priority != self.own_priority) scheduler.settle(self);
}

bool Mutex::held_by_this_thread() const {
  return holder_.thread == &caller();
}

[[gnu::always_inline]] inline bool RecursiveMutex::acquire(std::int64_t deadline_ns,
                                                           const void* where) {
  const bool locked = mutex_.held_by_this_thread() || mutex_.acquire(deadline_ns, where);
  if (locked) ++depth_;
  return locked;
}

void RecursiveMutex::lock() {
  acquire(kNever, __builtin_return_address(0));
}

bool RecursiveMutex::try_lock() {
  if (mutex_.locked() && !mutex_.held_by_this_thread()) return false;
  return acquire(kNever, __builtin_return_address(0));
}

bool RecursiveMutex::try_lock_for(std::int64_t duration_ns) {
  const std::int64_t deadline = duration_ns > 0 ? monotonic_ns() + duration_ns : 0;
  return acquire(deadline, __builtin_return_address(0));
}

bool RecursiveMutex::try_lock_until(std::int64_t deadline_ns) {
  return acquire(deadline_ns, __builtin_return_address(0));
}

void RecursiveMutex::unlock() {
  if (!mutex_.held_by_this_thread() || --depth_ == 0) mutex_.unlock();
}

}  // namespace spindle::thread
