#include "thread/scheduler.h"

#include <cxxabi.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "spindle/base/clock.h"
#include "thread/blocking.h"
#include "thread/overflow.h"

namespace spindle::thread {
namespace {

// A look for events costs a system call or two: a few hundred ns. Spread over so many switches that
// is a nanosecond or two each, and under load an event still waits only microseconds.
constexpr int kSwitchesBetweenPolls = 256;

}  // namespace

constinit thread_local Control* current_control = nullptr;
constinit Control nobody = [] {
  Control control;
  constexpr std::string_view kName = "outside of any thread";
  std::copy(kName.begin(), kName.end(), control.name);
  return control;
}();
constinit thread_local Scheduler* current_scheduler = nullptr;

Result<std::unique_ptr<Scheduler>> Scheduler::create(Runtime::Options options) {
  for (const std::size_t size : {options.stack_size, options.main_stack_size}) {
    if (size < kSmallestStack) return Error{EINVAL, "a stack must have 8 KiB at least"};
    if (size > kLargestStack) return Error{EINVAL, "a stack may have 1 GiB at most"};
  }
  if (!options.custom_policy) {
    const CpuConventions conventions{.quantum = {options.quantum_ns}, .seed = options.seed};
    options.custom_policy = TRY(make_policy(options.policy, conventions));
  }
  auto poller = TRY(Poller::create());
  return std::unique_ptr<Scheduler>(new Scheduler(std::move(options), std::move(poller)));
}

Scheduler::Scheduler(Runtime::Options options, std::unique_ptr<Poller> poller)
    : policy_(std::move(options.custom_policy)),
      stacks_(options.stack_size),
      poller_(std::move(poller)),
      conventions_{.quantum = {options.quantum_ns}, .seed = options.seed},
      on_deadlock_(std::move(options.on_deadlock)),
      main_stack_size_(options.main_stack_size) {}

Scheduler::~Scheduler() {
  CHECK(current_scheduler != this);
}

Control* Scheduler::prepare(const ThreadOptions& options, std::size_t size, std::size_t alignment,
                            void (*entry)(void*), void** storage) {
  Control* const thread = stacks_.take(options.stack_size);
  if (thread == nullptr) return nullptr;
  thread->scheduler = this;
  thread->exceptions = {};
  thread->switches = 0;
  thread->saved_errno = 0;
  thread->detached = false;
  thread->live = true;
  thread->parked = nullptr;
  thread->joiner = nullptr;
  thread->entry = entry;
  thread->id = ++last_id_;
  thread->priority = thread->own_priority = options.priority;
  thread->policy_number = 0;
  thread->blocked_by = nullptr;
  thread->wanted = nullptr;
  thread->wanted_at = nullptr;
  if (options.priority != 0) priorities_differ_ = true;
  thread->last_burst = thread->expected_burst = {};
  const std::size_t length = std::min(options.name.size(), kLongestName);
  std::memcpy(thread->name, options.name.data(), length);
  thread->name[length] = '\0';
  sanitizer::thread_made(*thread);

  auto at = reinterpret_cast<std::uintptr_t>(thread) - size;
  at &= ~(std::max(alignment, std::size_t{16}) - 1);
  thread->callable = *storage = reinterpret_cast<void*>(at);
  return thread;
}

void Scheduler::start(Control& thread) {
  ++live_;
  make_ready(thread, Why::kCreated);
}

void Scheduler::release(Control& thread) {
  thread.live = false;
  stacks_.give_back(thread);
}

inline void Scheduler::end_current(Control& self) {
  check_stack(self);
  self.state = ThreadState::kEnded;
  --live_;
  if (policy_ && self.policy_number == policy_number_) policy_->finished(task_of(self));
  if (self.joiner != nullptr) self.joiner->wake_one();
  buried_fiber_ = self.fiber;
  // The stack is still in use until the switch, but nobody takes it before: there is one worker.
  if (self.detached) release(self);
  Control* const next = take_next();
  switch_to(self, next != nullptr ? *next : root_, true);
  __builtin_unreachable();
}

void Scheduler::thread_main() {
  Control& self = *current_control;
  Scheduler& scheduler = *self.scheduler;
  sanitizer::after_switch(self);
  scheduler.bury();
  self.entry(self.callable);
  scheduler.end_current(self);
}

void Scheduler::bury() {
#if defined(SPINDLE_TSAN)
  if (buried_fiber_ != nullptr) sanitizer::thread_gone(std::exchange(buried_fiber_, nullptr));
#endif
}

void Scheduler::yield() {
  Control& self = calling_thread();
  if (policy_) {
    account(self);
    make_ready(self, Why::kYielded);
    Control* const next = take_next();
    if (next == &self) {
      self.state = ThreadState::kRunning;
      return;
    }
    switch_from(self, next);
    return;
  }
  if (--switches_to_poll_ > 0) {
    Control* const next = pop();
    if (next == nullptr) return;
    self.state = ThreadState::kReady;
    push(self);
    switch_from(self, next);
    return;
  }
  make_ready(self, Why::kYielded);
  switch_from(self, nullptr);
}

void Scheduler::add_idle_handler(IdleHandler& handler) {
  idle_handlers_.push_back(&handler);
}

void Scheduler::remove_idle_handler(IdleHandler& handler) {
  std::erase(idle_handlers_, &handler);
}

Result<> Scheduler::run(std::function<void()> main, Runtime& runtime) {
  if (current_scheduler != nullptr) return Error{EBUSY, "this kernel thread already runs threads"};
  const OverflowReporter reporter;
  errno_ = &errno;
  exceptions_ = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  sanitizer::adopt_kernel_thread(root_);
  root_.switches = 1;  // it has begun
  runtime_ = &runtime;
  current_scheduler = this;

  const ThreadOptions options{.name = "main", .stack_size = main_stack_size_};
  Result<> result = spawn_detached(options, [&main] { main(); });
  if (result.ok()) result = loop();
  current_scheduler = nullptr;
  return result;
}

void Scheduler::enter(Control& thread) {
  switch_to(root_, thread, false);
  sanitizer::after_switch(root_);
  bury();
  current_control = nullptr;
}

Result<> Scheduler::loop() {
  coarse_now_ns_ = monotonic_ns();
  switches_to_poll_ = kSwitchesBetweenPolls;
  while (live_ > 0) {
    if (switches_to_poll_ <= 0) look_for_events(0);
    Control* next = take_ready();
    if (next == nullptr) {
      look_for_events(0);
      next = take_ready();
    }
    if (next != nullptr) {
      enter(*next);
    } else if (!run_idle_handlers()) {
      if (timers_.empty() && !poller_->anyone_waits() && external_work_ == 0) {
        tell_of_deadlock(describe_waiting(*this));
        return Error{EDEADLK, "all threads are asleep and nothing can wake them"};
      }
      look_for_events(timers_.next_deadline_ns());
    }
  }
  return {};
}

void Scheduler::look_for_events(std::int64_t deadline_ns) {
  switches_to_poll_ = kSwitchesBetweenPolls;
  if (deadline_ns != 0 || poller_->anything_registered()) poller_->poll(deadline_ns);
  if (poller_->has_posted()) poller_->run_posted();
  coarse_now_ns_ = monotonic_ns();
  while (WaitNode* node = timers_.take_due(coarse_now_ns_)) WaitQueue::expire(*node);
}

bool Scheduler::run_idle_handlers() {
  // By index: a handler may remove itself or others.
  for (std::size_t i = 0; i < idle_handlers_.size(); ++i) {
    if (idle_handlers_[i]->idle()) return true;
  }
  return false;
}

void Scheduler::report_overrun(const Control& thread) {
  std::fprintf(stderr, "stack overflow in thread %s (found late: no guard page was to be had)\n",
               thread.name);
  std::abort();
}

}  // namespace spindle::thread
