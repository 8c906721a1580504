#include "spindle/thread/shared_mutex.h"

#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

bool SharedMutex::may_read() const {
  return writer_.thread == nullptr && (prefer_ == Prefer::kReaders || waiting_writers_.empty());
}

inline bool SharedMutex::is_awaited() const {
  return __builtin_expect(!waiting_readers_.empty() || !waiting_writers_.empty(), 0);
}

// True if no other thread can come between and nobody needs to be told: then a lone reader takes a
// short way, for which no registers are saved.
inline bool SharedMutex::needs_no_section(const Control& self) const {
  return !detail::sections_guarded && !self.tracks_locks && !is_awaited();
}

// These two are inlined into each function of the interface, whose return address is where the lock
// is taken. The request is put together only if the thread has to wait.
[[gnu::always_inline]] inline LockOutcome SharedMutex::acquire(const LockRequest& request) {
  const Section section;
  if (is_written() || readers_.count() > 0) return wait_in(waiting_writers_, LockRequest(request));
  Control& self = caller();
  writer_ = {&self, request.where};
  if (__builtin_expect(self.tracks_locks, 0)) track_writing(request.where, Taking::kByWait);
  return LockOutcome::kTaken;
}

[[gnu::always_inline]] inline LockOutcome SharedMutex::acquire_shared(const LockRequest& request) {
  const Section section;
  if (!may_read()) return wait_in(waiting_readers_, LockRequest(request));
  Control& self = caller();
  readers_.add(&self, request.where);
  if (__builtin_expect(self.tracks_locks, 0)) track_reading(request.where, Taking::kByWait);
  return LockOutcome::kTaken;
}

void SharedMutex::lock() {
  acquire({.where = __builtin_return_address(0)});
}

Result<> SharedMutex::lock_checked(Timeout timeout) {
  return to_result(
      acquire({.deadline = timeout, .where = __builtin_return_address(0), .checked = true}));
}

bool SharedMutex::try_acquire(const void* where) {
  const Section section;
  if (is_written() || readers_.count() > 0) {
    note_vain_try();
    return false;
  }
  Control& self = caller();
  writer_ = {&self, where};
  if (self.tracks_locks) track_writing(where, Taking::kByTry);
  return true;
}

bool SharedMutex::try_lock() {
  return try_acquire(__builtin_return_address(0));
}

bool SharedMutex::try_lock_for(Duration duration) {
  const void* const where = __builtin_return_address(0);
  if (try_acquire(where)) return true;
  return duration.ns() > 0 && acquire({duration.from_now(), where}) == LockOutcome::kTaken;
}

bool SharedMutex::try_lock_until(Deadline deadline) {
  return acquire({deadline, __builtin_return_address(0)}) == LockOutcome::kTaken;
}

void SharedMutex::lock_shared() {
  const void* const where = __builtin_return_address(0);
  Control& self = caller();
  if (needs_no_section(self) && !is_written() && readers_.add_first(&self, where)) return;
  begin_reading({.where = where});
}

[[gnu::noinline]] LockOutcome SharedMutex::begin_reading(const LockRequest& request) {
  return acquire_shared(request);
}

Result<> SharedMutex::lock_shared_checked(Timeout timeout) {
  return to_result(
      acquire_shared({.deadline = timeout, .where = __builtin_return_address(0), .checked = true}));
}

bool SharedMutex::try_acquire_shared(const void* where) {
  const Section section;
  if (!may_read()) {
    note_vain_try();
    return false;
  }
  Control& self = caller();
  readers_.add(&self, where);
  if (self.tracks_locks) track_reading(where, Taking::kByTry);
  return true;
}

bool SharedMutex::try_lock_shared() {
  return try_acquire_shared(__builtin_return_address(0));
}

bool SharedMutex::try_lock_shared_for(Duration duration) {
  const void* const where = __builtin_return_address(0);
  if (try_acquire_shared(where)) return true;
  return duration.ns() > 0 && acquire_shared({duration.from_now(), where}) == LockOutcome::kTaken;
}

bool SharedMutex::try_lock_shared_until(Deadline deadline) {
  return acquire_shared({deadline, __builtin_return_address(0)}) == LockOutcome::kTaken;
}

// Readers that let each other in do not wait for one another; if a waiting writer keeps new readers
// out, they do.
void SharedMutex::track_reading(const void* where, Taking taking) {
  in_order_ = true;
  note_taken({&waiting_writers_, prefer_ == Prefer::kReaders}, where, taking);
}

void SharedMutex::track_writing(const void* where, Taking taking) {
  in_order_ = true;
  note_taken({&waiting_writers_}, where, taking);
}

void SharedMutex::forget_order() {
  forget_in_order(waiting_writers_);
}

void SharedMutex::check_may_go() const {
  if (checks_what_goes()) report_misuse("destroys", waiting_writers_, {writer_, &readers_});
}

// For a reader's ticket: writers with a lower one than the result go before it.
std::uint64_t SharedMutex::place_among_writers(std::uint64_t ticket) const {
  if (prefer_ == Prefer::kFair) return ticket;
  return prefer_ == Prefer::kWriters ? UINT64_MAX : 0;
}

// Readers that wait already now wait for this writer too, which goes before them.
void SharedMutex::inherit_from_overtaken(Control& writer) {
  if (prefer_ != Prefer::kWriters || waiting_readers_.empty()) return;
  if (!writer.scheduler->priorities_differ()) return;
  const int priority = most_urgent(waiting_readers_).thread->priority;
  if (priority > writer.priority) writer.scheduler->set_effective_priority(writer, priority);
}

LockOutcome SharedMutex::wait_in(WaitQueue& queue, const LockRequest& request) {
  const bool reads = &queue == &waiting_readers_;
  if (writer_.thread == &caller()) {
    if (request.checked) return LockOutcome::kClosesCircle;
    report_misuse("locks again", queue, {writer_});
  }
  TicketNode waiter;
  waiter.ticket = ++last_ticket_;
  Owners owners{writer_, &readers_};
  if (reads) {
    owners.writers = &waiting_writers_;
    owners.ticket = place_among_writers(waiter.ticket);
  } else {
    inherit_from_overtaken(calling_thread());
  }
  // It is woken when `admit` has given this thread the lock, or when it shall try again.
  LockOutcome outcome = wait_for_lock(waiter, queue, owners, request);
  for (LockRequest again = request; outcome == LockOutcome::kTaken && waiter.cancelled;) {
    waiter.cancelled = false;
    if (try_again(waiter, reads, request.where)) break;
    again.in_front = true;
    outcome = wait_for_lock(waiter, queue, owners, again);
  }
  if (outcome != LockOutcome::kTaken) {
    admit();  // a writer that gives up may be what kept readers out
    if (waiter.thread->priority != waiter.thread->own_priority) {
      waiter.thread->scheduler->settle(*waiter.thread);
    }
  } else if (waiter.thread->tracks_locks) {
    reads ? track_reading(request.where, Taking::kByWait)
          : track_writing(request.where, Taking::kByWait);
  }
  return outcome;
}

bool SharedMutex::readers_turn() const {
  if (waiting_readers_.empty()) return false;
  if (waiting_writers_.empty() || prefer_ == Prefer::kReaders) return true;
  return prefer_ == Prefer::kFair &&
         static_cast<const TicketNode*>(waiting_readers_.front())->ticket <
             static_cast<const TicketNode*>(waiting_writers_.front())->ticket;
}

// The lock goes to whoever's turn it is; but if `self` has just tried another lock in vain, that
// thread is only woken to try (see note_vain_try).
void SharedMutex::let_go(Control& self) {
  if (!take_vain_try(self) || readers_.count() > 0) return admit();
  WaitQueue& queue = readers_turn() ? waiting_readers_ : waiting_writers_;
  queue.front()->cancelled = true;
  queue.wake_one();
}

// For a thread that was woken to try. Others may have come sooner, or go before it.
bool SharedMutex::try_again(const TicketNode& waiter, bool reads, const void* where) {
  const auto* const writer = static_cast<const TicketNode*>(waiting_writers_.front());
  const bool is_behind =
      reads && writer != nullptr && writer->ticket < place_among_writers(waiter.ticket);
  const bool takes = !is_written() && !is_behind && (reads || readers_.count() == 0);
  if (takes && reads) readers_.add(waiter.thread, where);
  if (takes && !reads) writer_ = {waiter.thread, where};
  admit();
  return takes;
}

void SharedMutex::admit() {
  while (!is_written()) {
    const bool reads = readers_turn();
    if (!reads && (readers_.count() > 0 || waiting_writers_.empty())) return;
    WaitQueue& queue = reads ? waiting_readers_ : waiting_writers_;
    Control& next = *queue.front()->thread;
    const void* const where = next.blocking->where();
    if (reads) {
      readers_.add(&next, where);
    } else {
      writer_ = {&next, where};
    }
    queue.wake_one();
    // Others may still wait for the lock.
    if (next.scheduler->priorities_differ()) next.scheduler->settle(next);
  }
}

void SharedMutex::unlock() {
  const Section section;
  Control& self = caller();
  if (writer_.thread != &self) {
    report_misuse("unlocks", waiting_writers_, {writer_, &readers_});
  }
  if (__builtin_expect(self.tracks_locks, 0)) note_released(waiting_writers_);
  writer_ = {};
  if (is_awaited()) let_go(self);
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

void SharedMutex::unlock_shared() {
  Control& self = caller();
  if (needs_no_section(self) && self.priority == self.own_priority &&
      readers_.remove_first(&self)) {
    return;
  }
  end_reading();
}

[[gnu::noinline]] void SharedMutex::end_reading() {
  const Section section;
  Control& self = caller();
  if (!readers_.remove(&self)) {
    report_misuse("unlocks", waiting_readers_, {writer_, &readers_});
  }
  if (__builtin_expect(self.tracks_locks, 0)) note_released(waiting_writers_);
  if (is_awaited()) let_go(self);
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

}  // namespace spindle::thread
