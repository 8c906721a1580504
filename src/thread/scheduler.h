// Scheduler: the inside of a Runtime: who is ready, the switch itself, and what happens when nobody
// is ready.
//
// A thread that waits goes straight to the next ready one. Only when there is none, and every
// kSwitchesBetweenPolls switches, control returns to the root: the context in which `run` was
// called, on the kernel thread's own stack, where events are looked for and callbacks run. While
// the policy is "fcfs" the ready threads stand in an intrusive queue and no policy object is asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"
#include "thread/control.h"
#include "thread/poller.h"
#include "thread/sanitizer.h"
#include "thread/stack_pool.h"
#include "thread/timer_heap.h"

namespace spindle::thread {

class Scheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> create(Runtime::Options options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Result<> run(std::function<void()> main, Runtime& runtime);

  // Threads.
  Control* prepare(const ThreadOptions& options, std::size_t size, std::size_t alignment,
                   void (*entry)(void*), void** storage);
  void start(Control& thread);
  /// Gives the stack of an ended thread back.
  void release(Control& thread);

  // For the running thread.
  void yield();
  /// Goes to another thread; comes back after `make_ready`.
  void park(Control& self) {
    self.state = ThreadState::kWaiting;
    self.waiting_since_ns = coarse_now_ns_;
    check_stack(self);
    if (policy_) account(self);
    switch_from(self, take_next());
  }
  void make_ready(Control& thread, Why why) {
    thread.state = ThreadState::kReady;
    if (!policy_) {
      push(thread);
    } else {
      tell_policy(thread, why);
    }
  }

  // Policy and priorities.
  Result<> set_policy(std::string_view name);
  /// Null: "fcfs".
  void set_policy(std::unique_ptr<CpuPolicy> policy);
  /// False as long as every thread has priority 0, so that nobody needs to look at priorities.
  bool priorities_differ() const { return priorities_differ_; }
  void set_own_priority(Control& thread, int priority);
  /// Raises those for whom the thread waits, and for whom these wait in turn, to its priority.
  void donate(const Control& from);
  /// Gives the thread the highest of its own priority and of those that wait for it now; then those
  /// for whom it waits likewise.
  void settle(Control& thread);

  // Deadlock.
  void report_circle(const Control& closing);
  std::uint64_t deadlocks() const { return deadlocks_; }

  // Handlers and what belongs to the kernel.
  void add_idle_handler(IdleHandler& handler);
  void remove_idle_handler(IdleHandler& handler);
  Poller& poller() { return *poller_; }
  TimerHeap& timers() { return timers_; }
  const StackPool& stacks() const { return stacks_; }
  std::size_t& external_work() { return external_work_; }

  Runtime* runtime() const { return runtime_; }
  std::string_view policy_name() const { return policy_ ? policy_->name() : "fcfs"; }
  std::size_t live_threads() const { return live_; }
  std::uint64_t switches() const { return switches_; }

 private:
  Scheduler(Runtime::Options options, std::unique_ptr<Poller> poller);
  static Result<std::unique_ptr<CpuPolicy>> make_policy(std::string_view name,
                                                        const CpuConventions& conventions);

  static void thread_main();
  [[noreturn, gnu::always_inline]] inline void end_current(Control& self);

  void push(Control& thread) {
    thread.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &thread;
    last_ = &thread;
  }
  Control* pop() {
    Control* thread = first_;
    if (thread != nullptr) {
      first_ = thread->next;
      if (first_ == nullptr) last_ = nullptr;
    }
    return thread;
  }
  void account(Control& self);
  void set_effective_priority(Control& thread, int priority);
  void tell_of_deadlock(const std::string& report) const;
  void tell_policy(Control& thread, Why why);
  Control* take_from_policy();
  Control* take_ready() { return policy_ ? take_from_policy() : pop(); }

  /// The thread to run now; null if none is ready or it is time to look for events.
  Control* take_next() {
    if (--switches_to_poll_ <= 0) return nullptr;
    return take_ready();
  }
  void switch_from(Control& self, Control* next) {
    switch_to(self, next != nullptr ? *next : root_, false);
    sanitizer::after_switch(self);
    bury();
  }
  void switch_to(Control& from, Control& to, bool ends);
  void bury();
  void check_stack(const Control& thread) const {
    if (__builtin_expect(!stacks_.intact(thread), 0)) report_overrun(thread);
  }
  [[noreturn]] static void report_overrun(const Control& thread);

  Result<> loop();
  void look_for_events(std::int64_t deadline_ns);
  bool run_idle_handlers();
  void enter(Control& thread);

  // What a switch touches stands together.
  Control* first_ = nullptr;
  Control* last_ = nullptr;
  std::unique_ptr<CpuPolicy> policy_;
  int* errno_ = nullptr;
  ExceptionState* exceptions_ = nullptr;
  std::uint64_t switches_ = 0;
  int switches_to_poll_ = 0;
  std::int64_t coarse_now_ns_ = 0;
  void* buried_fiber_ = nullptr;

  Control root_;
  StackPool stacks_;
  TimerHeap timers_;
  std::unique_ptr<Poller> poller_;
  std::vector<IdleHandler*> idle_handlers_;
  Runtime* runtime_ = nullptr;
  CpuConventions conventions_;
  std::function<void(std::string_view)> on_deadlock_;
  std::size_t main_stack_size_;
  std::uint32_t policy_number_ = 1;
  bool priorities_differ_ = false;
  std::uint64_t deadlocks_ = 0;
  std::size_t live_ = 0;
  std::size_t external_work_ = 0;
  std::uint64_t last_id_ = 0;
};

[[gnu::always_inline]] inline void Scheduler::switch_to(Control& from, Control& to, bool ends) {
  ++switches_;
  ++to.switches;
  if (!ends) {
    from.saved_errno = *errno_;
    from.exceptions = *exceptions_;
  }
  *errno_ = to.saved_errno;
  *exceptions_ = to.exceptions;
  to.state = ThreadState::kRunning;
  current_control = &to;
  sanitizer::before_switch(from, to, ends);
  if (to.switches == 1) {
    enter_context(from.context, to.context, to.stack_bottom, to.callable, &Scheduler::thread_main);
  } else if (ends) {
    leave_context(to.context);
  } else {
    switch_context(from.context, to.context);
  }
}

/// The name by which a policy knows the thread.
inline TaskId task_of(const Control& thread) {
  return TaskId{thread.slot + std::uint64_t{1}};
}

/// The waiting thread with the highest priority, the first of those. There must be one.
WaitNode& most_urgent(const WaitQueue& queue);

/// The calling thread; it is a bug of the caller if there is none.
inline Control& calling_thread() {
  Control* self = current_control;
  CHECK(self != nullptr);
  return *self;
}

}  // namespace spindle::thread
