// The part of the Scheduler that talks to policies and keeps priorities.

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "spindle/base/clock.h"
#include "spindle/base/log.h"
#include "thread/blocking.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {

namespace {

/// In words, since this is a likely mistake in a policy written for a course.
[[noreturn]] void report_not_ready(const CpuPolicy& policy, TaskId task) {
  std::fprintf(stderr, "the policy \"%s\" gave task %llu, which is not among its ready ones\n",
               std::string(policy.name()).c_str(), static_cast<unsigned long long>(task.value));
  std::abort();
}

}  // namespace

Result<> Scheduler::use_policy(std::string_view name) {
  // The scheduler's own queue is first come, first served, or last come: no object is needed.
  const bool own = name == "fcfs" || name == "child-first";
  policy_ = own ? nullptr : TRY(make_cpu_policy(name, conventions_));
  child_first_ = name == "child-first";
  choose_path();
  return {};
}

std::string_view Scheduler::policy_name() const {
  if (policy_) return policy_->name();
  return child_first_ ? "child-first" : "fcfs";
}

Result<> Scheduler::set_policy(std::string_view name) {
  if (name == "fcfs" || name == "child-first") {
    const StoppedWorld stopped(*this);
    set_policy(std::unique_ptr<CpuPolicy>());
    child_first_ = name == "child-first";
    choose_path();
  } else {
    set_policy(TRY(make_cpu_policy(name, conventions_)));
  }
  return {};
}

void Scheduler::set_policy(std::unique_ptr<CpuPolicy> policy) {
  const StoppedWorld stopped(*this);
  begin_accounting();
  const std::vector<Control*> ready = take_all_ready();
  policy_ = std::move(policy);
  child_first_ = false;
  choose_path();
  ++policy_number_;
  for (Control* thread : ready) make_ready(*thread, Why::kWoken);
}

// First forgets what is there from the thread that had the Control before.
Account& Scheduler::account_of(Control& thread) {
  Account& account = controls().account(thread);
  if (!std::exchange(thread.has_account, true)) account = Account{};
  return account;
}

// While the world is stopped, before run times are needed for the first time: nobody noted when the
// threads that run got their workers.
void Scheduler::begin_accounting() {
  if (policy_ || watched_) return;
  const VirtualTime now{monotonic_ns()};
  for (std::uint32_t slot = 0; slot < controls().size(); ++slot) {
    Control& thread = controls().at(slot);
    const bool has_worker = thread.state == ThreadState::kRunning || thread.preempted;
    if (is_live(thread) && has_worker) account_of(thread).chosen_at = now;
  }
}

// The thread gives its worker up; its burst goes on later if it was interrupted.
void Scheduler::account(Control& self) {
  Account& account = account_of(self);
  account.last_run = VirtualTime{monotonic_ns()} - account.chosen_at;
  account.cpu_time_ns += account.last_run.ns;
  account.burst.ns += account.last_run.ns;
  const bool stays = self.state != ThreadState::kWaiting && self.state != ThreadState::kEnded;
  if (policy_ && !stays && account.policy_number == policy_number_)
    policy_->waits(task_of(self), info_of(self));
  if (self.preempted) return;
  // Shortest-job policies estimate the next burst by the exponential average of the past ones, as
  // the textbooks do, with a factor of one half.
  account.expected_burst.ns = (account.expected_burst.ns + account.burst.ns) / 2;
  account.burst = {};
}

std::int64_t Scheduler::cpu_time_ns(const Control& thread) const {
  if (!thread.has_account) return 0;
  const Account& account = controls().account(thread);
  const bool is_timed = thread.state == ThreadState::kRunning && (policy_ || watched_);
  return account.cpu_time_ns + (is_timed ? monotonic_ns() - account.chosen_at.ns : 0);
}

TaskInfo Scheduler::info_of(Control& thread) {
  const Account& account = account_of(thread);
  TaskInfo info;
  info.now = VirtualTime{monotonic_ns()};
  info.priority = thread.priority;
  info.ran = account.last_run;
  info.expected_burst.ns = std::max(account.expected_burst.ns - account.burst.ns, std::int64_t{0});
  info.deadline = VirtualTime{account.deadline_ns};
  info.weight = account.weight;
  return info;
}

void Scheduler::tell_policy(Control& thread, Why why) {
  if (std::exchange(account_of(thread).policy_number, policy_number_) != policy_number_) {
    why = Why::kCreated;
  }
  thread.in_policy = true;
  policy_withholds_ = false;
  ++ready_in_policy_;
  policy_->ready(task_of(thread), info_of(thread), why);
  account_of(thread).last_run = {};  // it may become ready again before it runs
}

void Scheduler::tell_policy_of_end(Control& thread) {
  account(thread);
  if (account_of(thread).policy_number == policy_number_) policy_->finished(task_of(thread));
}

Control* Scheduler::take_from_policy() {
  const VirtualTime now{monotonic_ns()};
  while (const std::optional<TaskId> task = policy_->next(now)) {
    const std::uint64_t slot = task->value - 1;
    const bool exists = slot < controls().size();
    if (!exists || !controls().at(static_cast<std::uint32_t>(slot)).in_policy) {
      report_not_ready(*policy_, *task);
    }
    Control& thread = controls().at(static_cast<std::uint32_t>(slot));
    thread.in_policy = false;
    --ready_in_policy_;
    account_of(thread).chosen_at = now;
    if (!several_ || !thread.preempted || thread.worker == &here()) return &thread;
    // It was interrupted on another worker and can go on there alone.
    send(*thread.worker, thread);
  }
  policy_withholds_ = true;
  return nullptr;
}

void Scheduler::set_effective_priority(Control& thread, int priority) {
  if (thread.priority == priority) return;
  thread.priority = priority;
  // A ready thread that is tied to a worker, or was interrupted just now, stands elsewhere.
  if (!thread.in_policy) return;
  policy_->removed(task_of(thread));
  --ready_in_policy_;
  tell_policy(thread, Why::kYielded);
}

void Scheduler::set_own_priority(Control& thread, int priority) {
  if (priority != 0) priorities_differ_.store(true, std::memory_order_relaxed);
  thread.own_priority = priority;
  settle(thread);
}

void Scheduler::donate(const Control& from) {
  // The loop ends: each thread that is looked at again had a lower priority before.
  std::vector<const Control*> raised;
  for (const Control* waits = &from; waits != nullptr;) {
    if (waits->blocking != nullptr && (waits == &from || is_parked(*waits))) {
      waits->blocking->owners().for_each([&](const Holder& holder) {
        Control* const owner = holding(holder);
        if (owner == &nobody || owner->priority >= from.priority) return;
        set_effective_priority(*owner, from.priority);
        raised.push_back(owner);
      });
    }
    waits = raised.empty() ? nullptr : raised.back();
    if (waits != nullptr) raised.pop_back();
  }
}

void Scheduler::settle(Control& thread) {
  if (!std::exchange(lists_all_blocked_, true)) {
    // Lists those that began to wait before priorities differed.
    const StoppedWorld stopped(*this);
    for (std::uint32_t slot = 0; slot < controls().size(); ++slot) {
      Control& waits = controls().at(slot);
      if (is_live(waits) && waits.blocking != nullptr) waits.blocking->list(first_blocked_);
    }
  }
  std::vector<Control*> changed = {&thread};
  // The bound is for circles, which stay when they have been reported.
  for (std::size_t steps = live_threads(); !changed.empty() && steps > 0; --steps) {
    Control& next = *changed.back();
    changed.pop_back();
    int highest = next.own_priority;
    for (const Blocking* one = first_blocked_; one != nullptr; one = one->next()) {
      const Control& other = one->waiting();
      const bool waits_for_it = is_parked(other) && one->is_by(next);
      if (waits_for_it) highest = std::max(highest, other.priority);
    }
    if (highest == next.priority) continue;
    set_effective_priority(next, highest);
    if (next.blocking == nullptr) continue;
    next.blocking->owners().for_each([&](const Holder& holder) {
      if (holding(holder) != &nobody) changed.push_back(holding(holder));
    });
  }
}

WaitNode& most_urgent(const WaitQueue& queue) {
  WaitNode* chosen = queue.front();
  for (WaitNode* node = chosen->next; node != nullptr; node = node->next) {
    if (node->thread->priority > chosen->thread->priority) chosen = node;
  }
  return *chosen;
}

void Scheduler::report_circle(const std::string& report) {
  ++deadlocks_;
  tell_of_deadlock(report);
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
