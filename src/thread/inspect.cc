#include "spindle/thread/inspect.h"

#include <algorithm>
#include <array>

#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {

namespace {
void note_holder(const Blocking& blocking, ThreadInfo& info) {
  info.wanted_at = blocking.where();
  blocking.owners().for_each([&](const Holder& holder) {
    if (info.held_by != 0) return;
    info.held_by = holding(holder)->id;
    info.taken_at = place_of_taking(holder);
  });
}
}  // namespace

std::vector<ThreadInfo> list_threads(const Runtime& runtime) {
  std::vector<ThreadInfo> threads;
  const Section section;
  const Scheduler& scheduler = runtime.scheduler();
  const StoppedWorld stopped(scheduler);
  for (std::uint32_t slot = 0; slot < scheduler.controls().size(); ++slot) {
    const Control* const control = &scheduler.controls().at(slot);
    if (!is_live(*control)) continue;
    ThreadInfo info;
    info.id = control->id;
    info.name = control->name;
    info.state = control->state;
    if (control->state == ThreadState::kWaiting && is_parked(*control)) {
      const WaitQueue* queue = control->parked->queue;
      info.waits_for = queue->kind();
      info.object_name = queue->name();
      info.object = queue;
      info.waiting_since_ns = control->beginning.waiting_since_ns;
      if (control->blocking != nullptr) note_holder(*control->blocking, info);
    }
    info.switches = control->switches;
    info.priority = control->priority;
    info.cpu_time_ns = scheduler.cpu_time_ns(*control);
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
  constexpr std::array<std::string_view, 15> kNames = {
      "queue",   "mutex", "shared mutex", "condition", "semaphore", "latch",   "barrier", "event",
      "channel", "join",  "sleep",        "readable",  "writable",  "monitor", "once"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace spindle::thread
