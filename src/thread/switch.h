// The parts of the Scheduler that each wait and each wake-up runs through, for the compiler to put
// where they are used. Included by scheduler.h alone.
#pragma once

#include "thread/sanitizer.h"
#include "thread/scheduler.h"
#include "thread/switch_observer.h"

namespace spindle::thread {

inline Worker& Scheduler::here() {
  const Control* const self = current_control;
  return self != nullptr ? *self->worker : several_ ? *current_worker() : main_;
}

inline void Scheduler::push(Worker& worker, Control& thread) {
  thread.next = nullptr;
  (worker.last == nullptr ? worker.first : worker.last->next) = &thread;
  worker.last = &thread;
}

inline Control* Scheduler::pop(Worker& worker) {
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

inline void Scheduler::push_front(Worker& worker, Control& thread) {
  thread.next = worker.first;
  if (worker.first == nullptr) worker.last = &thread;
  worker.first = &thread;
}

inline void Scheduler::check_stack(const Control& thread) {
  if (__builtin_expect(!StackPool::intact(thread), 0)) report_overrun(thread);
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

[[gnu::always_inline]] inline void Scheduler::switch_to(Control& from, Control& to, bool ends) {
  Worker& worker = *from.worker;
  ++worker.switches;
  ++to.switches;
  if (!ends) {
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
    begin_thread(from, to, ends);
  } else if (ends) {
    if (!several_) pools_.unbind(worker, from);
    sanitizer::before_switch(from, to, ends);
    leave_context(to.context);
  } else {
    sanitizer::before_switch(from, to, ends);
    switch_context(from.context, to.context);
  }
}

// Nothing is left to do after the switch, but for the sanitizers, so that it can be a jump.
[[gnu::always_inline]] inline void Scheduler::switch_from(Control& self, Control* next) {
  if (__builtin_expect(several_, 0)) {
    leave_for(self, next);
    return;
  }
  switch_to(self, next != nullptr ? *next : self.worker->root, false);
  sanitizer::after_switch(self);
  bury(self);
}

inline void Scheduler::bury([[maybe_unused]] Control& self) {
#if defined(SPINDLE_TSAN)
  Worker& worker = *self.worker;
  if (worker.buried_fiber != nullptr) {
    sanitizer::thread_gone(std::exchange(worker.buried_fiber, nullptr));
  }
#endif
}

[[gnu::always_inline]] inline void Scheduler::park(Control& self) {
  self.state = ThreadState::kWaiting;
  self.beginning.waiting_since_ns = self.worker->coarse_now_ns;
  check_stack(self);
  if (policy_) account(self);
  switch_from(self, take_next(*self.worker));
}

}  // namespace spindle::thread
