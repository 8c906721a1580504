#include "spindle/thread/inspect.h"

#include <algorithm>
#include <array>

#include "spindle/thread/section.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {

std::vector<ThreadInfo> list_threads(const Runtime& runtime) {
  std::vector<ThreadInfo> threads;
  const Section section;
  const Scheduler& scheduler = runtime.scheduler();
  const StoppedWorld stopped(scheduler);
  for (std::uint32_t slot = 0; slot < scheduler.controls().size(); ++slot) {
    const Control* const control = &scheduler.controls().at(slot);
    if (!control->live) continue;
    ThreadInfo info;
    info.id = control->id;
    info.name = control->name;
    info.state = control->state;
    if (control->state == ThreadState::kWaiting && control->parked != nullptr) {
      const WaitQueue* queue = control->parked->queue;
      info.waits_for = queue->kind();
      info.object_name = queue->name();
      info.object = queue;
      info.waiting_since_ns = control->waiting_since_ns;
      info.wanted_at = control->wanted_at;
      const Holder* const holder = control->blocked_by;
      const Control* const by = holder != nullptr ? holding(*holder) : nullptr;
      if (by != nullptr) {
        info.held_by = by->id;
        info.taken_at = holder->taken_at;
      }
    }
    info.switches = control->switches;
    info.priority = control->priority;
    info.cpu_time_ns = control->cpu_time_ns;
    info.stack_size = scheduler.stacks().stack_size(*control);
    info.stack_used = stack_used(*control);
    threads.push_back(std::move(info));
  }
  std::sort(threads.begin(), threads.end(),
            [](const ThreadInfo& a, const ThreadInfo& b) { return a.id < b.id; });
  return threads;
}

std::string_view to_string(ThreadState state) {
  constexpr std::array<std::string_view, 4> kNames = {"ready", "running", "waiting", "ended"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(WaitKind kind) {
  constexpr std::array<std::string_view, 13> kNames = {
      "queue", "mutex",   "shared mutex", "condition", "semaphore", "latch",   "barrier",
      "event", "channel", "join",         "sleep",     "readable",  "writable"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace spindle::thread
