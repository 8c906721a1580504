#include "spindle/thread/mutex.h"

#include <atomic>

#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"
#include "thread/statistics.h"

namespace spindle::thread {

namespace {

// With several workers or preemption, a mutex that nobody waits for is taken and let go without a
// section, by one atomic instruction each. A thread that has to wait enters a section and marks the
// holder in the same word; from then on the holder lets go in a section, where the mutex is handed
// on. So after letting go the holder does not touch the mutex: it may be destroyed as soon as the
// next thread has it.

// An atomic instruction that fails takes the line of memory away from the processor of the holder,
// so a contended mutex is looked at first. But a look at what this processor has just written costs
// a quarter of lock and unlock: so a worker whose first try succeeds does not look. How many more
// times this worker looks first:
constinit thread_local std::uint8_t looks_first = 0;
constexpr std::uint8_t kLooksAfterVainTake = 64;

bool may_skip_section(const Control& self) {
  return !self.tracks_locks && self.scheduler != nullptr && !self.scheduler->yields_at_sections();
}

bool is_marked(const Control* holder) {
  return (reinterpret_cast<std::uintptr_t>(holder) & kAwaited) != 0;
}

Control* marked(Control* holder) {
  return reinterpret_cast<Control*>(reinterpret_cast<std::uintptr_t>(holder) | kAwaited);
}

bool take_if_free(Holder& holder, Control* thread, const void* where) {
  Control* expected = nullptr;
  if (!std::atomic_ref(holder.thread).compare_exchange_strong(expected, thread)) return false;
  __atomic_store_n(&holder.taken_at, where, __ATOMIC_RELAXED);
  return true;
}

/// In a section.
bool take_now(Holder& holder, Control* thread, const void* where) {
  if (detail::sections_guarded) return take_if_free(holder, thread, where);
  if (holder.thread != nullptr) return false;
  holder = {thread, where};
  return true;
}

/// Takes it if it is free, otherwise marks it. In a section.
bool take_or_mark(Holder& holder, Control* thread, const void* where) {
  if (!detail::sections_guarded) return take_now(holder, thread, where);
  const std::atomic_ref word(holder.thread);
  for (;;) {
    Control* held_by = word.load(std::memory_order_relaxed);
    if (held_by == nullptr) {
      if (take_if_free(holder, thread, where)) return true;
    } else if (is_marked(held_by) || word.compare_exchange_strong(held_by, marked(held_by))) {
      return false;
    }
  }
}

/// The waiter that is to have it next; there must be one.
WaitNode& next_of(const WaitQueue& waiters) {
  const bool priorities_differ = waiters.front()->thread->scheduler->priorities_differ();
  return priorities_differ ? most_urgent(waiters) : *waiters.front();
}

/// True if the holder runs, on another worker: it may let go at any moment. Memory of a thread
/// stays readable after its end.
[[gnu::no_sanitize_thread]] bool runs(const Control& holder) {
  ThreadState state = ThreadState::kEnded;
  __atomic_load(&holder.state, &state, __ATOMIC_RELAXED);
  return state == ThreadState::kRunning;
}

/// Takes it if nobody waits for it; waits a moment for a holder that runs to let go.
bool take_soon(Holder& holder, Control& self, const void* where) {
  for (int i = 0; i < kMostSpins; ++i) {
    Control* const held_by = std::atomic_ref(holder.thread).load(std::memory_order_relaxed);
    if (held_by == nullptr) {
      if (take_if_free(holder, &self, where)) return true;
    } else if (is_marked(held_by) || held_by == &self || !runs(*held_by)) {
      return false;
    } else {
      pause_processor();
    }
  }
  return false;
}

}  // namespace

// Inlined into each function of the interface, whose return address is where the lock is taken. The
// request is put together only if the thread may have to wait.
[[gnu::always_inline]] inline LockOutcome Mutex::acquire(const LockRequest& request) {
  Control& self = caller();
  if (__builtin_expect(detail::sections_guarded, 0)) {
    if (may_skip_section(self)) {
      if (looks_first == 0) {
        if (take_if_free(holder_, &self, request.where)) return LockOutcome::kTaken;
        looks_first = kLooksAfterVainTake;
      } else {
        looks_first -= 1;
      }
      if (take_soon(holder_, self, request.where)) return LockOutcome::kTaken;
    }
    return acquire_contended(LockRequest(request));
  }
  if (holder_.thread != nullptr) return acquire_contended(LockRequest(request));
  holder_.thread = &self;
  if constexpr (kKeepsStatistics) holder_.taken_at = request.where;
  if (__builtin_expect(self.tracks_locks, 0)) track(request.where, Taking::kByWait);
  return LockOutcome::kTaken;
}

bool Mutex::try_acquire(const void* where) {
  const Section section;
  Control& self = caller();
  if (!take_now(holder_, &self, where)) {
    note_vain_try();
    return false;
  }
  if (__builtin_expect(self.tracks_locks, 0)) track(where, Taking::kByTry);
  return true;
}

void Mutex::lock() {
  acquire({.where = __builtin_return_address(0)});
}

Result<> Mutex::lock_checked(Timeout timeout) {
  return to_result(
      acquire({.deadline = timeout, .where = __builtin_return_address(0), .checked = true}));
}

bool Mutex::try_lock() {
  return try_acquire(__builtin_return_address(0));
}

bool Mutex::try_lock_for(Duration duration) {
  const void* const where = __builtin_return_address(0);
  if (try_acquire(where)) return true;
  return duration.ns() > 0 && acquire({duration.from_now(), where}) == LockOutcome::kTaken;
}

bool Mutex::try_lock_until(Deadline deadline) {
  return acquire({deadline, __builtin_return_address(0)}) == LockOutcome::kTaken;
}

LockOutcome Mutex::acquire_contended(const LockRequest& request) {
  Control& self = caller();
  const Section section;
  if (holding(holder_) == &self) {
    if (request.checked) return LockOutcome::kClosesCircle;
    report_misuse("locks again", waiters_, {holder_});
  }
  LockOutcome outcome = LockOutcome::kTaken;
  LockRequest asked = request;
  while (!take_or_mark(holder_, &self, request.where)) {
    WaitNode node;
    outcome = wait_for_lock(node, waiters_, {holder_}, asked);
    // It is woken when unlock has made this thread the holder, or when it shall try again.
    if (outcome != LockOutcome::kTaken || !node.cancelled) break;
    asked.in_front = true;
  }
  if (outcome != LockOutcome::kTaken) return outcome;
  if (asked.in_front && detail::sections_guarded && !waiters_.empty()) {
    std::atomic_ref(holder_.thread).store(marked(&self));
  }
  if (self.tracks_locks) track(request.where, Taking::kByWait);
  return outcome;
}

void Mutex::unlock() {
  Control& self = caller();
  if (__builtin_expect(!detail::sections_guarded, 1)) {
    if (holder_.thread == &self && waiters_.empty() && !self.tracks_locks) {
      holder_.thread = nullptr;
      return;
    }
  } else if (may_skip_section(self)) {
    Control* unawaited = &self;
    if (std::atomic_ref(holder_.thread).compare_exchange_strong(unawaited, nullptr)) return;
  }
  if (holding(holder_) != &self) report_misuse("unlocks", waiters_, {holder_});
  unlock_contended(self);
}

// Not inlined, so that the short way saves no registers: an atomic instruction waits for each
// store.
[[gnu::noinline]] void Mutex::unlock_contended(Control& self) {
  const Section section;
  if (__builtin_expect(self.tracks_locks, 0)) note_released(waiters_);
  take_vain_try(self) ? wake_to_try() : hand_on();
  // The next holder need not be raised: it is the most urgent of those that waited.
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

// In a section.
void Mutex::hand_on() {
  const std::atomic_ref word(holder_.thread);
  if (waiters_.empty()) {  // or its waiters have given up
    word.store(nullptr);
    return;
  }
  WaitNode& next = next_of(waiters_);
  const bool more_wait = waiters_.front()->next != nullptr;
  const bool marks = more_wait && detail::sections_guarded;
  const void* const where = next.thread->blocking->where();
  __atomic_store_n(&holder_.taken_at, where, __ATOMIC_RELAXED);
  word.store(marks ? marked(next.thread) : next.thread);
  waiters_.wake(next);
}

// In a section. A thread that comes sooner takes it; then the woken one waits again, in front.
void Mutex::wake_to_try() {
  WaitNode* const next = waiters_.empty() ? nullptr : &next_of(waiters_);
  std::atomic_ref(holder_.thread).store(nullptr);
  if (next == nullptr) return;
  next->cancelled = true;
  waiters_.wake(*next);
}

bool Mutex::held_by_this_thread() const {
  return holding(holder_) == &caller();
}

void Mutex::track(const void* where, Taking taking) {
  in_order_ = true;
  note_taken({&waiters_}, where, taking);
}

void Mutex::forget_order() {
  forget_in_order(waiters_);
}

// A mutex that was locked where no thread exists counts as held by whoever destroys it.
void Mutex::check_may_go() const {
  const bool abandoned = !checks_what_goes() && holding(holder_) != &nobody;
  if (!abandoned) report_misuse("destroys", waiters_, {holder_});
}

[[gnu::always_inline]] inline LockOutcome RecursiveMutex::acquire(const LockRequest& request) {
  const Section section;
  const LockOutcome outcome =
      mutex_.held_by_this_thread() ? LockOutcome::kTaken : mutex_.acquire(request);
  if (outcome == LockOutcome::kTaken) ++depth_;
  return outcome;
}

void RecursiveMutex::lock() {
  acquire({.where = __builtin_return_address(0)});
}

Result<> RecursiveMutex::lock_checked(Timeout timeout) {
  return to_result(
      acquire({.deadline = timeout, .where = __builtin_return_address(0), .checked = true}));
}

bool RecursiveMutex::try_acquire(const void* where) {
  const Section section;
  if (!mutex_.held_by_this_thread() && !mutex_.try_acquire(where)) return false;
  ++depth_;
  return true;
}

bool RecursiveMutex::try_lock() {
  return try_acquire(__builtin_return_address(0));
}

bool RecursiveMutex::try_lock_for(Duration duration) {
  const void* const where = __builtin_return_address(0);
  if (try_acquire(where)) return true;
  return duration.ns() > 0 && acquire({duration.from_now(), where}) == LockOutcome::kTaken;
}

bool RecursiveMutex::try_lock_until(Deadline deadline) {
  return acquire({deadline, __builtin_return_address(0)}) == LockOutcome::kTaken;
}

void RecursiveMutex::unlock() {
  if (!mutex_.held_by_this_thread() || --depth_ == 0) mutex_.unlock();
}

}  // namespace spindle::thread
