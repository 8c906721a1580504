// What can be changed of a process from outside, and by itself.

#include <algorithm>

#include "kernel.h"
#include "limits.h"

namespace spindle {

Result<Thread*> Kernel::permitted(ProcessNumber target, std::uint32_t by) const {
  Thread* thread = find_thread(target);
  if (thread == nullptr) {
    const Process* process = find_process(target);
    if (process == nullptr || process->threads.empty())
      return Error{ESRCH, "there is no such process"};
    thread = process->threads.front();
  }
  if (by != 0 && thread->process->uid != by) return Error{EPERM, "the process is another user's"};
  return thread;
}

Result<> Kernel::set_nice(ProcessNumber process, int nice, std::uint32_t by) {
  if (nice < -20 || nice > 19) return Error{EINVAL, "nice is -20 to 19"};
  Thread* thread = TRY(permitted(process, by));
  if (by != 0 && nice < thread->nice) return Error{EACCES, "only root may make it less nice"};
  const std::vector<Thread*> all =
      thread->id == thread->process->id ? thread->process->threads : std::vector<Thread*>{thread};
  for (Thread* each : all) scheduler->change(*each, [&] { each->nice = nice; });
  return {};
}

Result<> Kernel::set_scheduling(ProcessNumber process, SchedulingClass scheduling, int priority,
                                std::uint32_t by) {
  const bool is_realtime =
      scheduling == SchedulingClass::kFifo || scheduling == SchedulingClass::kRoundRobin;
  const bool is_known = is_realtime || scheduling == SchedulingClass::kOther ||
                        scheduling == SchedulingClass::kBatch ||
                        scheduling == SchedulingClass::kIdle;
  if (!is_known) return Error{EINVAL, "there is no such scheduling class"};
  if (is_realtime ? priority < 1 || priority > RunQueue::kMostRealtime : priority != 0)
    return Error{EINVAL, "a real-time priority is 1 to 99, and 0 for the other classes"};
  Thread* thread = TRY(permitted(process, by));
  if (by != 0 && is_realtime) return Error{EPERM, "only root may make it a real-time process"};
  scheduler->change(*thread, [&] {
    thread->scheduling = scheduling;
    thread->realtime_priority = priority;
  });
  return {};
}

Result<> Kernel::set_io_priority(ProcessNumber process, IoPriority priority, std::uint32_t by) {
  if (priority.level > IoPriority::kMostLevel) return Error{EINVAL, "an I/O level is 0 to 7"};
  Thread* thread = TRY(permitted(process, by));
  if (by != 0 && priority.io_class == IoPriority::Class::kRealtime)
    return Error{EPERM, "only root may give real-time I/O"};
  thread->io_priority = priority;
  return {};
}

// A thread without an I/O class has the one that goes with its scheduling class, as in Linux.
unsigned Kernel::io_rank(const Thread& thread) {
  using Class = IoPriority::Class;
  if (thread.io_priority.io_class != Class::kNone)
    return static_cast<unsigned>(thread.io_priority.io_class);
  const bool is_realtime = thread.scheduling == SchedulingClass::kFifo ||
                           thread.scheduling == SchedulingClass::kRoundRobin;
  if (is_realtime) return static_cast<unsigned>(Class::kRealtime);
  const bool is_idle = thread.scheduling == SchedulingClass::kIdle;
  return static_cast<unsigned>(is_idle ? Class::kIdle : Class::kBestEffort);
}

Result<> Kernel::set_cpus(ProcessNumber process, std::uint64_t cpus, std::uint32_t by) {
  const std::uint64_t there =
      configuration.cpus == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << configuration.cpus) - 1;
  if ((cpus & there) == 0) return Error{EINVAL, "the machine has none of these CPUs"};
  Thread* thread = TRY(permitted(process, by));
  scheduler->change(*thread, [&] { thread->cpus_allowed = cpus; });
  return {};
}

Result<> Kernel::set_limit(ProcessNumber number, std::string_view name, std::uint64_t value,
                           std::uint32_t by) {
  const auto limit = limit_of(name);
  if (!limit) return Error{EINVAL, "there is no such limit"};
  Process& process = *TRY(permitted(number, by))->process;
  ProcessLimit& bound = process.limits[*limit];
  if (by == 0) {
    bound.hard = std::max(bound.hard, value);
  } else if (value > bound.hard) {
    return Error{EPERM, "only root may raise a hard limit"};
  }
  bound.soft = value;
  return {};
}

}  // namespace spindle
