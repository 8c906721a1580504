// The part of the Scheduler that speaks with policies and knows of priorities.

#include <algorithm>

#include "spindle/base/clock.h"
#include "spindle/base/log.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

Result<std::unique_ptr<CpuPolicy>> Scheduler::make_policy(std::string_view name,
                                                          const CpuConventions& conventions) {
  // The scheduler's own queue is first come, first served: no object is needed.
  if (name == "fcfs") return std::unique_ptr<CpuPolicy>();
  return make_cpu_policy(name, conventions);
}

Result<> Scheduler::set_policy(std::string_view name) {
  set_policy(TRY(make_policy(name, conventions_)));
  return {};
}

void Scheduler::set_policy(std::unique_ptr<CpuPolicy> policy) {
  std::vector<Control*> ready;
  while (Control* thread = take_ready()) ready.push_back(thread);
  policy_ = std::move(policy);
  ++policy_number_;
  for (Control* thread : ready) make_ready(*thread, Why::kWoken);
}

void Scheduler::account(Control& self) {
  // Shortest-job policies estimate the next burst by the exponential average of the past ones, as
  // the textbooks do, with a factor of one half.
  self.last_burst = VirtualTime{monotonic_ns()} - self.chosen_at;
  self.expected_burst.ns = (self.expected_burst.ns + self.last_burst.ns) / 2;
}

void Scheduler::tell_policy(Control& thread, Why why) {
  if (thread.policy_number != policy_number_) {
    thread.policy_number = policy_number_;
    why = Why::kCreated;
  }
  TaskInfo info;
  info.now = VirtualTime{monotonic_ns()};
  info.priority = thread.priority;
  info.ran = thread.last_burst;
  info.expected_burst = thread.expected_burst;
  policy_->ready(task_of(thread), info, why);
}

Control* Scheduler::take_from_policy() {
  const VirtualTime now{monotonic_ns()};
  const std::optional<TaskId> task = policy_->next(now);
  if (!task) return nullptr;
  Control& thread = stacks_.control(static_cast<std::uint32_t>(task->value - 1));
  thread.chosen_at = now;
  return &thread;
}

void Scheduler::set_effective_priority(Control& thread, int priority) {
  if (thread.priority == priority) return;
  thread.priority = priority;
  if (!policy_ || thread.state != ThreadState::kReady) return;
  policy_->removed(task_of(thread));
  tell_policy(thread, Why::kWoken);
}

void Scheduler::set_own_priority(Control& thread, int priority) {
  if (priority != 0) priorities_differ_ = true;
  thread.own_priority = priority;
  settle(thread);
}

void Scheduler::donate(const Control& from) {
  const Holder* holder = from.blocked_by;
  // Ends: each step raises a priority that was lower.
  while (holder != nullptr && holder->thread != nullptr && holder->thread != &nobody &&
         holder->thread->priority < from.priority) {
    set_effective_priority(*holder->thread, from.priority);
    holder = holder->thread->blocked_by;
  }
}

void Scheduler::settle(Control& thread) {
  Control* next = &thread;
  // The bound is for circles, which stay when they have been reported.
  for (std::size_t steps = live_; next != nullptr && steps > 0; --steps) {
    int highest = next->own_priority;
    for (const Control* other : stacks_.controls()) {
      const bool waits_for_it = other->state == ThreadState::kWaiting &&
                                other->blocked_by != nullptr && other->blocked_by->thread == next;
      if (waits_for_it) highest = std::max(highest, other->priority);
    }
    if (highest == next->priority) return;
    set_effective_priority(*next, highest);
    next = next->blocked_by != nullptr ? next->blocked_by->thread : nullptr;
    if (next == &nobody) return;
  }
}

WaitNode& most_urgent(const WaitQueue& queue) {
  WaitNode* chosen = queue.front();
  for (WaitNode* node = chosen->next; node != nullptr; node = node->next) {
    if (node->thread->priority > chosen->thread->priority) chosen = node;
  }
  return *chosen;
}

void Scheduler::report_circle(const Control& closing) {
  ++deadlocks_;
  tell_of_deadlock(describe_circle(closing));
}

void Scheduler::tell_of_deadlock(const std::string& report) const {
  if (on_deadlock_) {
    on_deadlock_(report);
    return;
  }
  for (std::size_t begin = 0; begin < report.size();) {
    const std::size_t end = std::min(report.find('\n', begin), report.size());
    log(LogLevel::kError, std::string_view(report).substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace spindle::thread
