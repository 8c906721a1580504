// Calls about signals, priorities and limits.

#include <algorithm>

#include "calls.h"
#include "kernel.h"
#include "limits.h"

namespace spindle {
namespace {

bool can_be_changed(std::int64_t signal) {
  return signal > 0 && signal <= kMostSignal && signal != kSigKill && signal != kSigStop;
}

ProcessNumber own_for_0(const Thread& thread, std::int64_t number) {
  return number == 0 ? thread.id : static_cast<ProcessNumber>(number);
}

}  // namespace

/// numbers: process (-g: a group, 0: its own group), signal.
Outcome call_kill(Kernel& kernel, Thread& thread) {
  const std::int64_t target = thread.request.numbers[0];
  const std::int64_t signal = thread.request.numbers[1];
  if (target < -Kernel::kMostNumber || target > Kernel::kMostNumber)
    return Error{ESRCH, "there is no such process"};
  const auto number = target == 0 ? -thread.process->group : static_cast<ProcessNumber>(target);
  return Response::of(kernel.kill(number, static_cast<int>(signal), thread.process->uid));
}

/// numbers: signal, what becomes of it (0 default, 1 ignored, 2 a handler). function: the handler.
Outcome call_signal(Kernel&, Thread& thread) {
  const std::int64_t signal = thread.request.numbers[0];
  if (!can_be_changed(signal)) return Error{EINVAL, "this signal cannot be handled"};
  using Kind = SignalDisposition::Kind;
  Kernel::set_disposition(
      *thread.process, static_cast<int>(signal),
      {.kind = static_cast<Kind>(thread.request.numbers[1]), .function = thread.request.function});
  return Response::nothing();
}

/// numbers: how (0 block, 1 unblock, 2 set), the set. Answers the set before.
Outcome call_signal_mask(Kernel&, Thread& thread) {
  const auto set = static_cast<SignalSet>(thread.request.numbers[1]);
  const SignalSet before = thread.blocked;
  switch (thread.request.numbers[0]) {
    case 0:
      thread.blocked |= set;
      break;
    case 1:
      thread.blocked &= ~set;
      break;
    default:
      thread.blocked = set;
  }
  return Response::of(static_cast<std::int64_t>(before));
}

Outcome call_pause(Kernel& kernel, Thread& thread) {
  kernel.block(thread, nullptr, "pause", {}, Kernel::Awake::kAnswered);
  return Outcome::waits();
}

/// numbers: ns; 0: none any more.
Outcome call_alarm(Kernel& kernel, Thread& thread) {
  const std::int64_t span_ns = thread.request.numbers[0];
  if (span_ns < 0 || span_ns > std::int64_t{1} << 60)
    return Error{EINVAL, "it is not a valid time span"};
  Process& process = *thread.process;
  process.alarm = span_ns == 0 ? 0
                               : kernel.agenda.add(kernel.now() + VirtualTime{span_ns},
                                                   AgendaEntry::Kind::kAlarm, process.id);
  return Response::nothing();
}

/// numbers: by how much its nice value grows. Answers the new one.
Outcome call_nice(Kernel& kernel, Thread& thread) {
  const std::int64_t by = thread.request.numbers[0];
  const std::int64_t to =
      std::clamp<std::int64_t>(thread.nice + std::clamp<std::int64_t>(by, -40, 40), -20, 19);
  if (auto set = kernel.set_nice(thread.id, static_cast<int>(to), thread.process->uid); !set.ok())
    return set.error();
  return Response::of(thread.nice);
}

/// numbers: process (0: itself), class, real-time priority.
Outcome call_scheduler(Kernel& kernel, Thread& thread) {
  const auto& numbers = thread.request.numbers;
  return Response::of(kernel.set_scheduling(own_for_0(thread, numbers[0]),
                                            static_cast<SchedulingClass>(numbers[1]),
                                            static_cast<int>(numbers[2]), thread.process->uid));
}

/// numbers: process (0: itself), class, level.
Outcome call_io_priority(Kernel& kernel, Thread& thread) {
  const auto& numbers = thread.request.numbers;
  if (numbers[2] < 0 || numbers[2] > IoPriority::kMostLevel)
    return Error{EINVAL, "an I/O level is 0 to 7"};
  return Response::of(kernel.set_io_priority(
      own_for_0(thread, numbers[0]),
      {static_cast<IoPriority::Class>(numbers[1]), static_cast<unsigned>(numbers[2])},
      thread.process->uid));
}

/// numbers: process (0: itself), the set of CPUs.
Outcome call_affinity(Kernel& kernel, Thread& thread) {
  const auto& numbers = thread.request.numbers;
  return Response::of(kernel.set_cpus(own_for_0(thread, numbers[0]),
                                      static_cast<std::uint64_t>(numbers[1]), thread.process->uid));
}

/// text: the limit's name. numbers: whether to set it, the new value (-1: unlimited). Answers the
/// soft one.
Outcome call_limit(Kernel& kernel, Thread& thread) {
  const auto& numbers = thread.request.numbers;
  if (numbers[0] != 0) {
    const auto value = numbers[1] < 0 ? kUnlimited : static_cast<std::uint64_t>(numbers[1]);
    if (auto set =
            kernel.set_limit(thread.process->id, thread.request.text, value, thread.process->uid);
        !set.ok())
      return set.error();
  }
  const auto limit = limit_of(thread.request.text);
  if (!limit) return Error{EINVAL, "there is no such limit"};
  const std::uint64_t soft = thread.process->limits[*limit].soft;
  return Response::of(soft == kUnlimited ? -1 : static_cast<std::int64_t>(soft));
}

}  // namespace spindle
