#include "spindle/thread/shared_mutex.h"

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

bool SharedMutex::may_read() const {
  return writer_.thread == nullptr && (prefer_ == Prefer::kReaders || waiting_writers_.empty());
}

// These two are inlined into each function of the interface, whose return address is where the lock
// is taken.
[[gnu::always_inline]] inline bool SharedMutex::acquire(std::int64_t deadline_ns,
                                                        const void* where) {
  const Section section;
  if (locked() || readers_ > 0) return wait_in(waiting_writers_, deadline_ns, where);
  Control& self = caller();
  writer_ = {&self, where};
  if (__builtin_expect(self.tracks_locks, 0)) track(where);
  return true;
}

[[gnu::always_inline]] inline bool SharedMutex::acquire_shared(std::int64_t deadline_ns,
                                                               const void* where) {
  const Section section;
  if (!may_read()) return wait_in(waiting_readers_, deadline_ns, where);
  ++readers_;
  return true;
}

void SharedMutex::lock() {
  acquire(kNever, __builtin_return_address(0));
}

bool SharedMutex::try_lock() {
  const Section section;
  return !locked() && readers_ == 0 && acquire(kNever, __builtin_return_address(0));
}

bool SharedMutex::try_lock_for(std::int64_t duration_ns) {
  const Section section;
  const void* const where = __builtin_return_address(0);
  if (duration_ns <= 0) return !locked() && readers_ == 0 && acquire(kNever, where);
  return acquire(deadline_after(monotonic_ns(), duration_ns), where);
}

bool SharedMutex::try_lock_until(std::int64_t deadline_ns) {
  return acquire(deadline_ns, __builtin_return_address(0));
}

void SharedMutex::lock_shared() {
  acquire_shared(kNever, __builtin_return_address(0));
}

bool SharedMutex::try_lock_shared() {
  const Section section;
  return may_read() && acquire_shared(kNever, __builtin_return_address(0));
}

bool SharedMutex::try_lock_shared_for(std::int64_t duration_ns) {
  const Section section;
  if (duration_ns <= 0) return try_lock_shared();
  return acquire_shared(deadline_after(monotonic_ns(), duration_ns), __builtin_return_address(0));
}

bool SharedMutex::try_lock_shared_until(std::int64_t deadline_ns) {
  return acquire_shared(deadline_ns, __builtin_return_address(0));
}

void SharedMutex::track(const void* where) {
  const Control& self = caller();
  in_order_ = true;
  self.scheduler->lock_order().taken(self, waiting_writers_, where, true);
}

void SharedMutex::forget_order() {
  const Section section;
  if (current_scheduler != nullptr) current_scheduler->lock_order().forget(waiting_writers_);
}

// Outside of a runtime it may be held by threads that `run` left asleep for ever.
void SharedMutex::check_may_go() const {
  if (current_scheduler == nullptr) return;
  if (locked()) report_misuse("destroys", waiting_writers_, writer_);
  report_misuse("destroys", waiting_readers_, "which is being read");
}

bool SharedMutex::wait_in(WaitQueue& queue, std::int64_t deadline_ns, const void* where) {
  if (writer_.thread == &caller()) report_misuse("locks again", queue, writer_);
  Blocking blocking(writer_, queue, where, deadline_ns == kNever);
  Waiter waiter;
  waiter.interruptible = false;
  waiter.ticket = ++last_ticket_;
  queue.enqueue(waiter);
  // Woken means that `admit` has given this thread the lock.
  const bool woken = WaitQueue::park(waiter, deadline_ns);
  blocking.ended(woken);
  if (woken && waiter.thread->tracks_locks && &queue == &waiting_writers_) track(where);
  // A writer that gives up may be what kept readers out.
  if (!woken) admit();
  return woken;
}

bool SharedMutex::readers_turn() const {
  if (waiting_readers_.empty()) return false;
  if (waiting_writers_.empty() || prefer_ == Prefer::kReaders) return true;
  return prefer_ == Prefer::kFair &&
         static_cast<const Waiter*>(waiting_readers_.front())->ticket <
             static_cast<const Waiter*>(waiting_writers_.front())->ticket;
}

void SharedMutex::admit() {
  while (!locked()) {
    if (readers_turn()) {
      ++readers_;
      waiting_readers_.wake_one();
    } else if (readers_ == 0 && !waiting_writers_.empty()) {
      Control* const next = waiting_writers_.front()->thread;
      writer_ = {next, next->blocking->where()};
      waiting_writers_.wake_one();
      if (next->scheduler->priorities_differ()) next->scheduler->settle(*next);
    } else {
      return;
    }
  }
}

void SharedMutex::unlock() {
  const Section section;
  Control& self = caller();
  if (writer_.thread != &self) report_misuse("unlocks", waiting_writers_, writer_);
  if (__builtin_expect(self.tracks_locks, 0)) {
    self.scheduler->lock_order().released(self, waiting_writers_);
  }
  writer_ = {};
  admit();
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

void SharedMutex::unlock_shared() {
  const Section section;
  if (readers_ == 0) report_misuse("unlocks", waiting_readers_, writer_);
  --readers_;
  admit();
}

}  // namespace spindle::thread
