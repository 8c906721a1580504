// The parts of the Scheduler that run at each wait and each wake-up, for the compiler to inline.
// Included only by scheduler.h.
#pragma once

#include "thread/end_of_life.h"
#include "thread/sanitizer.h"
#include "thread/scheduler.h"
#include "thread/statistics.h"
#include "thread/switch_observer.h"

namespace spindle::thread {

inline void push(Worker& worker, Control& thread) {
  thread.next = nullptr;
  (worker.last == nullptr ? worker.first : worker.last->next) = &thread;
  worker.last = &thread;
}

inline Control* pop(Worker& worker) {
  Control* const thread = worker.first;
  if (thread == nullptr) return nullptr;
  Control* const following = worker.first = thread->next;
  if (following == nullptr) {
    worker.last = nullptr;
  } else {
    prefetch_context(following->context);  // with many threads its stack is not in the cache
  }
  return thread;
}

inline void push_front(Worker& worker, Control& thread) {
  thread.next = worker.first;
  if (worker.first == nullptr) worker.last = &thread;
  worker.first = &thread;
}

[[noreturn]] void report_overrun(const Control& thread);

[[gnu::always_inline]] inline void check_stack(const Control& thread) {
  if (__builtin_expect(!StackPool::intact(thread), 0)) report_overrun(thread);
}

inline void bury([[maybe_unused]] Control& self) {
#if defined(SPINDLE_TSAN)
  Worker& worker = *self.worker;
  if (worker.buried_fiber != nullptr) {
    sanitizer::thread_gone(std::exchange(worker.buried_fiber, nullptr));
  }
#endif
}

[[gnu::always_inline]] inline void give_worker(Worker& worker, Control& to) {
  if constexpr (kKeepsStatistics) ++worker.switches;
  ++to.switches;
  *worker.errno_location = to.saved_errno;
  *worker.exceptions = to.exceptions;
  worker.depth.store(to.depth, std::memory_order_relaxed);
  to.worker = &worker;
  to.state = ThreadState::kRunning;
  current_control = &to;
}

inline Worker& Scheduler::here() {
  const Control* const self = current_control;
  if (self != nullptr) return *self->worker;
  Worker* const worker = several_ ? current_worker() : nullptr;
  return worker != nullptr ? *worker : main_;  // also when `run` has returned
}

inline Control* Scheduler::take_ready(Worker& worker) {
  return plain_ ? pop(worker) : take_otherwise(worker);
}

inline Control* Scheduler::take_next(Worker& worker) {
  return --worker.switches_to_poll <= 0 ? nullptr : take_ready(worker);
}

inline void Scheduler::make_ready(Control& thread, Why why) {
  thread.state = ThreadState::kReady;
  if (plain_) {
    push(main_, thread);
  } else {
    make_ready_otherwise(thread, why);
  }
}

[[gnu::always_inline]] inline void Scheduler::switch_to(Control& from, Control& to, Leaver leaver) {
  Worker& worker = *from.worker;
  if constexpr (kKeepsStatistics) ++worker.switches;
  ++to.switches;
  if (leaver == Leaver::kGoesOn) {
    from.saved_errno = *worker.errno_location;
    from.exceptions = *worker.exceptions;
  }
  *worker.errno_location = to.saved_errno;
  *worker.exceptions = to.exceptions;
  if (__builtin_expect(guarded_ || watched_, 0)) {
    if (guarded_) {
      from.depth = worker.depth.load(std::memory_order_relaxed);
      worker.depth.store(to.depth, std::memory_order_relaxed);
      to.worker = &worker;
    }
    if (watched_) tell_of_switch(from, to);
  }
  to.state = ThreadState::kRunning;
  current_control = &to;
  if (to.switches == 1) {
    begin_thread(from, to, leaver);
  } else if (leaver == Leaver::kEnds) {
    pools_.unbind(worker, from);
    sanitizer::before_switch(from, to, leaver);
    leave_context(to.context);
  } else {
    sanitizer::before_switch(from, to, leaver);
    switch_context(from.context, to.context);
  }
}

// After the switch nothing is left to do, except for the sanitizers, so that it can be a jump.
[[gnu::always_inline]] inline void Scheduler::switch_from(Control& self, Control* next) {
  if (__builtin_expect(several_, 0)) {
    leave_for(self, next);
    return;
  }
  switch_to(self, next != nullptr ? *next : self.worker->root, Leaver::kGoesOn);
  sanitizer::after_switch(self);
  bury(self);
}

// From here on the timer may take the worker away.
[[gnu::always_inline]] inline void end_critical(Worker& worker) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  worker.depth.store(0, std::memory_order_relaxed);
  if (__builtin_expect(worker.preemption_due.load(std::memory_order_relaxed), 0)) {
    worker.scheduler->yield_due();
  }
}

// The usual way through both makes no calls.
[[gnu::always_inline]] inline void Scheduler::begin_passage(Worker& worker) {
  worker.depth.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (!gate_.try_enter(worker.passing)) begin_passage_slowly(worker);
}

[[gnu::always_inline]] inline void Scheduler::end_passage(Worker& worker) {
  if (__builtin_expect(worker.locked, 0)) {
    end_section(worker);
  } else if (!gate_.leave(worker.passing) || worker.to_wake != nullptr) {
    end_passage_slowly(worker);
  } else {
    end_critical(worker);
  }
}

/// Only one kernel thread changes it.
inline void add_one(std::atomic<std::uint64_t>& count) {
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

inline void Scheduler::bind_stack(Worker& worker, Control& thread) {
  pools_.bind(worker, thread);
  sanitizer::stack_bound(thread);
}

inline void Scheduler::release(Control& thread) {
  __atomic_store_n(&thread.live, false, __ATOMIC_RELAXED);
  pools_.give_back(current_scheduler == this ? here() : main_, thread);
}

// Under child-first: the thread goes before all others.
[[gnu::always_inline]] inline void Scheduler::hand_on_first(Worker& worker, Control& thread) {
  if (__builtin_expect(tied(thread), 0)) return send(home_of(thread), thread);
  worker.deque.push(thread);
  if (__builtin_expect(idle_workers_.load(std::memory_order_relaxed) != 0, 0)) wake_someone();
}

inline Control* Scheduler::take_next_among_several(Worker& worker) {
  if (--worker.switches_to_poll <= 0) return nullptr;
  const bool none_tied =
      worker.inbox.load(std::memory_order_relaxed) == nullptr && worker.first == nullptr;
  if (__builtin_expect(child_first_ && none_tied, 1)) {
    Control* const newest = worker.deque.take_newest(gate_.barrier());
    if (newest != nullptr) return newest;
  }
  return take_among_several(worker);
}

// The last use of the thread: its Control may be another thread's at once. Under child-first,
// anybody else who changes the word has stopped this worker first (stops_to_join).
[[gnu::always_inline]] inline void Scheduler::say_ended(Worker& worker, Control& dead) {
  if (ends_alone_ && dead.end.load(std::memory_order_relaxed) == nullptr) {
    dead.end.store(&end_was_reached, std::memory_order_release);
  } else {
    say_ended_atomically(worker, dead);
  }
}

[[gnu::always_inline]] inline void Scheduler::enter_first(Context& from, Control& to) {
  void* const top = to.begins_in_room ? to.stack->top : to.beginning.elsewhere;
  enter_context(from, to.context, to.stack->bottom, top, &Scheduler::thread_main);
}

[[gnu::always_inline]] inline void Scheduler::go_to(Control& self, Control& to) {
  Worker& worker = *self.worker;
  self.saved_errno = *worker.errno_location;
  self.exceptions = *worker.exceptions;
  self.depth = worker.depth.load(std::memory_order_relaxed);
  if (__builtin_expect(watched_, 0)) tell_of_switch(self, to);
  give_worker(worker, to);
  if (to.switches == 1) {
    if (to.stack == nullptr) bind_stack(worker, to);
    sanitizer::before_switch(self, to, Leaver::kGoesOn);
    enter_first(self.context, to);
  } else {
    sanitizer::before_switch(self, to, Leaver::kGoesOn);
    switch_context(self.context, to.context);
  }
  sanitizer::after_switch(self);
  bury(self);
  arrive(self);
}

// Runs first after a switch. Goes on in a section if `self` was in one, otherwise in none.
[[gnu::always_inline]] inline void Scheduler::arrive(Control& self) {
  Worker& worker = *self.worker;
  if (Control* const left = std::exchange(worker.left, nullptr)) {
    std::exchange(worker.left_in_front, false) ? hand_on_first(worker, *left)
                                               : hand_on(worker, *left);
  }
  if (__builtin_expect(worker.cache.foreign != nullptr, 0)) pools_.return_foreign(worker);
  if (__builtin_expect(self.in_section || worker.locked, 0)) settle_lock(worker, self.in_section);
}

[[gnu::always_inline]] inline void Scheduler::park(Control& self) {
  self.state = ThreadState::kWaiting;
  if constexpr (kKeepsStatistics) {
    self.beginning.waiting_since_ns = self.worker->coarse_now_ns;
  }
  check_stack(self);
  if (policy_) account(self);
  switch_from(self, take_next(*self.worker));
}

}  // namespace spindle::thread
