// What is done about threads that wait for one another.

#include <algorithm>

#include "kernel.h"

namespace spindle {

void Kernel::grant_resources() {
  for (const ProcessNumber number : synchronisation.resources.grant(configuration.deadlock))
    if (Thread* thread = find_thread(number)) answer(*thread, Response::nothing());
}

/// "101 (philosopher) waits for fork2, which 102 holds; ..."
std::string Kernel::describe_deadlock(const std::vector<ProcessNumber>& numbers) const {
  std::string text;
  for (const ProcessNumber number : numbers) {
    const Thread* thread = find_thread(number);
    if (thread == nullptr) continue;
    if (!text.empty()) text += "; ";
    text += std::to_string(number) + " (" + thread->name + ")";
    const char* link = " waits for ";
    for (const auto& [resource, amount] : synchronisation.resources.awaited(number)) {
      text += std::exchange(link, " and ") + resource->name;
      const char* by = ", held by ";
      for (const auto& [holder, held] : resource->held)
        text += std::exchange(by, ", ") + std::to_string(holder);
    }
  }
  return text;
}

void Kernel::report_deadlock(const std::vector<ProcessNumber>& numbers) {
  DeadlockSnapshot found;
  found.found = now();
  found.threads = numbers;
  found.description = describe_deadlock(numbers);
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
  // The thread that closed the circle is inside its call: the victim's end waits for the instant.
  if (victim != nullptr) agenda.add(now(), AgendaEntry::Kind::kVictim, victim->id);
}

/// The nicest; of equals who has used the least time; of these the youngest.
Thread* Kernel::choose_victim(const std::vector<ProcessNumber>& numbers) const {
  Thread* victim = nullptr;
  const auto rank = [](const Thread& thread) {
    return std::tuple(-thread.nice, thread.user + thread.system, -thread.id);
  };
  for (const ProcessNumber number : numbers) {
    Thread* thread = find_thread(number);
    if (thread == nullptr || !synchronisation.resources.holds_anything(number)) continue;
    if (victim == nullptr || rank(*thread) < rank(*victim)) victim = thread;
  }
  return victim;
}

}  // namespace spindle
