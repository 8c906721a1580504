#include "spindle/thread/mutex.h"

#include <atomic>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

namespace {

// Where there are several workers a mutex that nobody waits for is taken and let go without a
// section, by one atomic instruction each. Who would wait enters a section, stands in the queue
// first and then tries once more; who lets go does so first and then looks at the queue: one of
// the two sees the other. ThreadSanitizer cannot see why the queue may be looked at.
bool may_skip_section([[maybe_unused]] const Control& self) {
#if defined(SPINDLE_TSAN)
  return false;
#else
  return !self.tracks_locks && self.scheduler != nullptr && !self.scheduler->yields_at_sections();
#endif
}

bool take_if_free(Holder& holder, Control* thread, const void* where) {
  Control* expected = nullptr;
  if (!std::atomic_ref(holder.thread).compare_exchange_strong(expected, thread)) return false;
  holder.taken_at = where;
  return true;
}

/// On another worker, then: it may let go at any moment. What was a thread stays in memory.
bool runs(const Control& holder) {
  ThreadState state = ThreadState::kEnded;
  __atomic_load(&holder.state, &state, __ATOMIC_RELAXED);
  return state == ThreadState::kRunning;
}

/// Takes it if nobody stands in the queue, waiting a moment for a holder that runs.
bool take_soon(Holder& holder, const WaitQueue& waiters, Control& self, const void* where) {
  for (int i = 0; i < kMostSpins && waiters.empty(); ++i) {
    const Control* const held_by = holding(holder);
    if (held_by == nullptr && take_if_free(holder, &self, where)) return true;
    if (held_by == &self || (held_by != nullptr && !runs(*held_by))) return false;
    if (held_by != nullptr) pause_processor();
  }
  return false;
}

}  // namespace

// Inlined into each function of the interface, whose return address is where the lock is taken.
[[gnu::always_inline]] inline bool Mutex::acquire(std::int64_t deadline_ns, const void* where) {
  Control& self = caller();
  if (__builtin_expect(detail::sections_guarded, 0)) {
    const bool taken = may_skip_section(self) && take_soon(holder_, waiters_, self, where);
    return taken || acquire_contended(deadline_ns, where);
  }
  if (holder_.thread != nullptr) return acquire_contended(deadline_ns, where);
  holder_ = {&self, where};
  if (__builtin_expect(self.tracks_locks, 0)) track(where, true);
  return true;
}

bool Mutex::try_acquire(const void* where) {
  const Section section;
  Control& self = caller();
  if (detail::sections_guarded) {
    if (!take_if_free(holder_, &self, where)) return false;
  } else {
    if (holder_.thread != nullptr) return false;
    holder_ = {&self, where};
  }
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
  if (try_acquire(where)) return {};
  Control* const holder = holding(holder_);
  if (holder == &caller()) return Error{EDEADLK, "the thread already holds the mutex"};
  Blocking blocking(holder_, waiters_, where, false);
  if (closes_circle(calling_thread())) {
    blocking.ended(false);
    return Error{EDEADLK, "waiting for the mutex would close a circle"};
  }
  WaitNode node;
  node.interruptible = false;
  waiters_.enqueue(node);
  if (detail::sections_guarded && take_if_free(holder_, node.thread, where)) {
    waiters_.wake(node);
    if (holder != nullptr && holder->scheduler != nullptr) holder->scheduler->settle(*holder);
  }
  WaitQueue::park(node);
  blocking.ended(true);
  if (node.thread->tracks_locks) track(where, true);
  return {};
}

bool Mutex::acquire_contended(std::int64_t deadline_ns, const void* where) {
  Control& self = caller();
  const bool guarded = detail::sections_guarded;
  const Section section;
  if (holding(holder_) == &self) report_misuse("locks again", waiters_, holder_);
  WaitNode node;
  node.interruptible = false;
  waiters_.enqueue(node);
  bool woken = true;
  if (guarded && take_if_free(holder_, &self, where)) {
    waiters_.wake(node);
  } else {
    Blocking blocking(holder_, waiters_, where, deadline_ns == kNever);
    // Woken means that unlock has made this thread the holder.
    woken = WaitQueue::park(node, deadline_ns);
    blocking.ended(woken);
  }
  if (woken && self.tracks_locks) track(where, true);
  return woken;
}

void Mutex::unlock() {
  Control& self = caller();
  if (holding(holder_) != &self) report_misuse("unlocks", waiters_, holder_);
  const bool guarded = __builtin_expect(detail::sections_guarded, 0);
  if (__builtin_expect(!guarded && !self.tracks_locks, 1) && waiters_.empty()) {
    holder_ = {};
    return;
  }
  const bool fast = guarded && may_skip_section(self);
  if (fast) {
    std::atomic_ref(holder_.thread).exchange(nullptr);
    if (waiters_.empty()) return;
  }
  const Section section;
  if (__builtin_expect(self.tracks_locks, 0)) track_release();
  if (waiters_.empty()) {
    if (!fast) holder_ = {};
    return;
  }
  Scheduler& scheduler = *self.scheduler;
  WaitNode& next = scheduler.priorities_differ() ? most_urgent(waiters_) : *waiters_.front();
  if (!fast) {
    holder_ = {next.thread, next.thread->blocking->where()};
    waiters_.wake(next);
  } else if (take_if_free(holder_, next.thread, next.thread->blocking->where())) {
    waiters_.wake(next);
  }  // else somebody came in between, and hands it over when he has done
  // The new holder owes nothing: it is the most urgent of those who waited.
  if (self.priority != self.own_priority) scheduler.settle(self);
}

bool Mutex::held_by_this_thread() const {
  return holding(holder_) == &caller();
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

// Outside of a runtime it may be held by threads that `run` left asleep for ever.
void Mutex::check_may_go() const {
  const bool abandoned = current_scheduler == nullptr && holding(holder_) != &nobody;
  if (!abandoned) report_misuse("destroys", waiters_, holder_);
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
