// What is done about threads that wait for one another.

#include <algorithm>

#include "kernel.h"
#include "wait_graph.h"

namespace spindle {
namespace {

bool is_looking(DeadlockStrategy strategy) {
  return strategy == DeadlockStrategy::kDetection || strategy == DeadlockStrategy::kRecovery;
}

}  // namespace

void Kernel::grant_resources() {
  for (const ProcessNumber number : synchronisation.resources.grant(configuration.deadlock))
    if (Thread* thread = find_thread(number)) answer(*thread, Response::nothing());
}

void Kernel::suspect(const Thread& thread) {
  is_quiet_unseen_ = true;
  if (is_looking(configuration.deadlock) && thread.state == ThreadState::kBlocked)
    suspects_.push_back(thread.id);
}

// The suspects are judged by the threads on which they depend. Waits for a signal that anybody may
// send are found only when all threads are looked at: when nothing in the machine goes on, every
// few seconds, and whenever somebody asks for it.
void Kernel::look_for_deadlocks() {
  if (!is_looking(configuration.deadlock)) return suspects_.clear();
  const WaitGraph graph(*this);
  bool looks_at_all = std::exchange(suspects_all_, false);
  if (is_quiet_unseen_ && stuck()) looks_at_all = true, is_quiet_unseen_ = false;
  looks_at_all = looks_at_all || std::ranges::any_of(suspects_, [&](ProcessNumber number) {
                   const Thread* thread = find_thread(number);
                   return thread != nullptr && graph.is_dead(*thread);
                 });
  suspects_.clear();
  if (!looks_at_all) return;
  const std::vector<ProcessNumber> dead = graph.all_dead();
  if (!dead.empty()) report_deadlock(dead);
}

void Kernel::forget_reports() {
  for (const auto& [thread, owned] : threads_) thread->wait.is_reported = false;
  suspect_all();
}

void Kernel::report_deadlock(const std::vector<ProcessNumber>& numbers) {
  DeadlockSnapshot found;
  found.found = now();
  found.threads = numbers;
  const WaitGraph graph(*this);
  for (const ProcessNumber number : numbers) {
    Thread& thread = *find_thread(number);
    thread.wait.is_reported = true;
    found.description += (found.description.empty() ? "" : "; ") + graph.describe(thread);
  }
  if (events.enabled()) {
    MachineEvent deadlock = event(MachineEventKind::kDeadlock, find_thread(numbers.front()));
    deadlock.value = static_cast<std::int64_t>(numbers.size());
    deadlock.text = events.intern(found.description);
    events.record(deadlock);
  }
  const bool recovers = configuration.deadlock == DeadlockStrategy::kRecovery;
  Thread* victim = recovers ? choose_victim(numbers) : nullptr;
  if (victim != nullptr) found.victim = victim->id;
  if (deadlocks.size() >= kMostDeadlocks) deadlocks.erase(deadlocks.begin());
  deadlocks.push_back(std::move(found));
  if (victim != nullptr) agenda.add(now(), AgendaEntry::Kind::kVictim, victim->id);
}

// Among the threads that hold resources, if any do: the nicest; of equals the one that has used
// the least time; of these the youngest.
Thread* Kernel::choose_victim(const std::vector<ProcessNumber>& numbers) const {
  const auto holds = [&](ProcessNumber number) {
    return synchronisation.resources.holds_anything(number);
  };
  const bool somebody_holds = std::ranges::any_of(numbers, holds);
  Thread* victim = nullptr;
  const auto rank = [](const Thread& thread) {
    return std::tuple(-thread.nice, thread.user + thread.system, -thread.id);
  };
  for (const ProcessNumber number : numbers) {
    Thread* thread = find_thread(number);
    if (thread == nullptr || (somebody_holds && !holds(number))) continue;
    if (victim == nullptr || rank(*thread) < rank(*victim)) victim = thread;
  }
  return victim;
}

}  // namespace spindle
