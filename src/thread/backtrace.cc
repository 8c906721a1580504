// Backtraces of threads that do not run: the unwinder is started on the caller's stack, from a
// frame whose call frame information says that the thread called it at the place where it waits.

#include <unwind.h>

#include <unordered_map>

#include "spindle/thread/inspect.h"
#include "spindle/thread/section.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

struct Walk {
  std::vector<const void*>& frames;
  std::size_t most;
  std::size_t skipped;  // frames of the walk itself
};

_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  const auto* const at = reinterpret_cast<const void*>(_Unwind_GetIP(context));
  if (at == nullptr) return _URC_END_OF_STACK;
  if (walk.skipped > 0) {
    --walk.skipped;
  } else {
    walk.frames.push_back(at);
  }
  return walk.frames.size() < walk.most ? _URC_NO_REASON : _URC_END_OF_STACK;
}

[[gnu::noinline]] void walk_from_here(void* walk) {
  _Unwind_Backtrace(note_frame, walk);
  asm volatile("");  // no tail call: the frame is one of those skipped
}

#if !defined(SPINDLE_UCONTEXT)
extern "C" void spindle_call_below(void* stack_pointer, void (*function)(void*), void* argument);
#endif

void walk_thread(const Control& thread, Walk& walk) {
#if defined(SPINDLE_UCONTEXT)
  // The C library leaves a ucontext in a way of its own.
  static_cast<void>(thread), static_cast<void>(walk);
#else
  walk.skipped = 2;
  spindle_call_below(thread.context.stack_pointer, walk_from_here, &walk);
#endif
}

std::vector<const void*> frames_of(const Control& thread, std::size_t most) {
  std::vector<const void*> frames;
  Walk walk{frames, most, 1};
  if (most == 0 || thread.switches == 0) return frames;
  if (&thread == current_control) {
    walk_from_here(&walk);
  } else if (thread.state == ThreadState::kWaiting || thread.state == ThreadState::kReady) {
    walk_thread(thread, walk);
  }
  return frames;
}

}  // namespace

std::vector<const void*> backtrace(const Runtime& runtime, std::uint64_t id, std::size_t most) {
  const Section section;
  const StoppedWorld stopped(runtime.scheduler());
  const ControlPool& controls = runtime.scheduler().controls();
  for (std::uint32_t slot = 0; slot < controls.size(); ++slot) {
    const Control& thread = controls.at(slot);
    if (is_live(thread) && thread.id == id) return frames_of(thread, most);
  }
  return {};
}

std::string describe_threads(const Runtime& runtime) {
  constexpr std::size_t kMostFrames = 64;
  const Section section;
  const StoppedWorld stopped(runtime.scheduler());
  const ControlPool& controls = runtime.scheduler().controls();
  std::unordered_map<std::uint64_t, const Control*> by_id;
  for (std::uint32_t slot = 0; slot < controls.size(); ++slot) {
    by_id.emplace(controls.at(slot).id, &controls.at(slot));
  }
  std::string text;
  for (const ThreadInfo& thread : list_threads(runtime)) {
    text += "thread " + std::to_string(thread.id) + " \"" + thread.name + "\" " +
            std::string(to_string(thread.state));
    if (thread.state == ThreadState::kWaiting) {
      text += " for " + std::string(to_string(thread.waits_for));
      if (!thread.object_name.empty()) text += " \"" + thread.object_name + '"';
      if (thread.held_by != 0) text += ", held by thread " + std::to_string(thread.held_by);
    }
    text += "\n  " + std::to_string(thread.switches) +
            (thread.switches == 1 ? " switch, " : " switches, ") +
            std::to_string(thread.stack_used) + " of " + std::to_string(thread.stack_size) +
            " bytes of stack used\n";
    for (const void* at : frames_of(*by_id[thread.id], kMostFrames)) {
      text += "    " + describe_code(at) + '\n';
    }
  }
  return text;
}

}  // namespace spindle::thread
