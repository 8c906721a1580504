#include "spindle/thread/mutex.h"

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

// Inlined into each function of the interface, whose return address is where the lock is taken.
[[gnu::always_inline]] inline bool Mutex::acquire(std::int64_t deadline_ns, const void* where) {
  const Section section;
  if (holder_.thread != nullptr) return acquire_contended(deadline_ns, where);
  Control& self = caller();
  holder_ = {&self, where};
  if (__builtin_expect(self.tracks_locks, 0)) track(where, true);
  return true;
}

[[gnu::always_inline]] inline bool Mutex::try_acquire(const void* where) {
  const Section section;
  if (holder_.thread != nullptr) return false;
  Control& self = caller();
  holder_ = {&self, where};
  if (__builtin_expect(self.tracks_locks, 0)) track(where, false);
  return true;
}

void Mutex::lock() {
  acquire(kNever, __builtin_return_address(0));
}

bool Mutex::try_lock() {
  return try_acquire(__builtin_return_address(0));
}

bool Mutex::try_lock_for(std::int64_t duration_ns) {
  const void* const where = __builtin_return_address(0);
  if (try_acquire(where)) return true;
  return duration_ns > 0 && acquire(monotonic_ns() + duration_ns, where);
}

bool Mutex::try_lock_until(std::int64_t deadline_ns) {
  return acquire(deadline_ns, __builtin_return_address(0));
}

Result<> Mutex::lock_checked() {
  const void* const where = __builtin_return_address(0);
  const Section section;
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
  WaitNode node;
  node.interruptible = false;
  waiters_.enqueue(node);
  WaitQueue::park(node);
  blocking.ended(true);
  if (node.thread->tracks_locks) track(where, true);
  return {};
}

bool Mutex::acquire_contended(std::int64_t deadline_ns, const void* where) {
  if (holder_.thread == &caller()) report_misuse("locks again", waiters_, holder_);
  Blocking blocking(holder_, waiters_, where, deadline_ns == kNever);
  WaitNode node;
  node.interruptible = false;
  waiters_.enqueue(node);
  // Woken means that unlock has made this thread the holder.
  const bool woken = WaitQueue::park(node, deadline_ns);
  blocking.ended(woken);
  if (woken && node.thread->tracks_locks) track(where, true);
  return woken;
}

void Mutex::track(const void* where, bool waited_for) {
  const Control& self = caller();
  in_order_ = true;
  self.scheduler->lock_order().taken(self, waiters_, where, waited_for);
}

void Mutex::track_release() {
  const Control& self = caller();
  self.scheduler->lock_order().released(self, waiters_);
}

void Mutex::forget_order() {
  const Section section;
  if (current_scheduler != nullptr) current_scheduler->lock_order().forget(waiters_);
}

void Mutex::unlock() {
  const Section section;
  Control& self = caller();
  if (holder_.thread != &self) report_misuse("unlocks", waiters_, holder_);
  if (__builtin_expect(self.tracks_locks, 0)) track_release();
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
  const Section section;
  const bool locked = mutex_.held_by_this_thread() || mutex_.acquire(deadline_ns, where);
  if (locked) ++depth_;
  return locked;
}

void RecursiveMutex::lock() {
  acquire(kNever, __builtin_return_address(0));
}

bool RecursiveMutex::try_lock() {
  const Section section;
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
