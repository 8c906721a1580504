#include "spindle/procfs/event_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace spindle::procfs {
namespace {

/// Blanks separate ftrace's fields, so a name must have none.
std::string name_of(const EventRing& ring, std::uint32_t number, ProcessNumber thread,
                    unsigned cpu) {
  if (thread == 0) return fmt::format("swapper/{}", cpu);
  std::string name(ring.text(number).substr(0, 15));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' '; }, '_');
  return name.empty() ? "?" : name;
}

constexpr int kNormalPriority = 120;

std::string switch_arguments(const EventRing& ring, const MachineEvent& event) {
  return fmt::format(
      "prev_comm={} prev_pid={} prev_prio={} prev_state={} ==> next_comm={} next_pid={} "
      "next_prio={}",
      name_of(ring, event.name, event.thread, event.cpu), event.thread,
      kNormalPriority + event.nice, event.state,
      name_of(ring, event.other_name, event.other, event.cpu), event.other,
      kNormalPriority + event.other_nice);
}

std::string other_arguments(const EventRing& ring, const MachineEvent& event) {
  return fmt::format("comm={} pid={} prio={} target_cpu={:03}",
                     name_of(ring, event.other_name, event.other, event.cpu), event.other,
                     kNormalPriority + event.other_nice, event.cpu);
}

std::string block_arguments(const MachineEvent& event) {
  constexpr std::int64_t kSectorsPerBlock = 8;
  return fmt::format("8,0 {} {} () {} + {}", event.arguments[2] != 0 ? "W" : "R",
                     event.arguments[1] * kSectorsPerBlock * 512,
                     event.arguments[0] * kSectorsPerBlock, event.arguments[1] * kSectorsPerBlock);
}

/// The event's name in ftrace with its arguments.
std::string arguments_of(const EventRing& ring, const MachineEvent& event) {
  const auto call = static_cast<SystemCall>(event.number);
  switch (event.kind) {
    case MachineEventKind::kSwitch:
      return "sched_switch: " + switch_arguments(ring, event);
    case MachineEventKind::kWakeup:
      return "sched_waking: " + other_arguments(ring, event);
    case MachineEventKind::kMigrate:
      return fmt::format("sched_migrate_task: comm={} pid={} prio={} orig_cpu={} dest_cpu={}",
                         name_of(ring, event.name, event.thread, event.cpu), event.thread,
                         kNormalPriority + event.nice, event.number, event.cpu);
    case MachineEventKind::kSyscallEnter:
      return fmt::format("print: B|{}|{}", event.process, spindle::name_of(call));
    case MachineEventKind::kSyscallExit:
      return fmt::format("print: E|{}", event.process);
    case MachineEventKind::kFault:
      return fmt::format("page_fault_user: address={:#x} ip=0x0 error_code={:#x}",
                         event.arguments[0], event.value);
    case MachineEventKind::kSignalSent:
      return fmt::format("signal_generate: sig={} errno=0 code=0 comm={} pid={} grp=1 res=0",
                         event.number, name_of(ring, event.other_name, event.other, event.cpu),
                         event.other);
    case MachineEventKind::kSignalHandled:
      return fmt::format("signal_deliver: sig={} errno=0 code=0 sa_handler={} sa_flags=0",
                         event.number, event.value);
    case MachineEventKind::kFork:
      return fmt::format("sched_process_fork: comm={} pid={} child_comm={} child_pid={}",
                         name_of(ring, event.name, event.thread, event.cpu), event.thread,
                         name_of(ring, event.other_name, event.other, event.cpu), event.other);
    case MachineEventKind::kExec:
      return fmt::format("sched_process_exec: filename={} pid={} old_pid={}", ring.text(event.text),
                         event.process, event.process);
    case MachineEventKind::kExit:
      return fmt::format("sched_process_exit: comm={} pid={} prio={}",
                         name_of(ring, event.name, event.thread, event.cpu), event.thread,
                         kNormalPriority + event.nice);
    case MachineEventKind::kBlockIssue:
      return "block_rq_issue: " + block_arguments(event);
    case MachineEventKind::kBlockComplete:
      return "block_rq_complete: " + block_arguments(event) + " [0]";
    case MachineEventKind::kInterrupt:
      return fmt::format("irq_handler_entry: irq={} name={}", event.number,
                         event.number == 0   ? "timer"
                         : event.number == 1 ? "disk"
                                             : "reschedule");
    case MachineEventKind::kDeadlock:
      return fmt::format("print: I|{}|deadlock of {} threads", event.process, event.value);
    case MachineEventKind::kMessage: {
      std::string said(ring.text(event.text));
      std::replace(said.begin(), said.end(), '\n', ' ');
      return fmt::format("print: I|{}|{}", event.process, said);
    }
  }
  return {};
}

}  // namespace

std::string ftrace_header(std::uint64_t kept, std::uint64_t written, std::uint32_t cpus) {
  return fmt::format(
      "# tracer: nop\n#\n# entries-in-buffer/entries-written: {}/{}   #P:{}\n#\n"
      "#           TASK-PID     TGID    CPU#  |||||  TIMESTAMP  FUNCTION\n"
      "#              | |         |       |   |||||     |         |\n",
      kept, written, cpus);
}

void ftrace_line(const EventRing& ring, const MachineEvent& event, std::string& text) {
  const std::string group = event.process != 0 ? fmt::format("{:5}", event.process) : "-----";
  fmt::format_to(std::back_inserter(text), "{:>16}-{:<7} ({}) [{:03}] d..2 {:5}.{:06}: {}\n",
                 name_of(ring, event.name, event.thread, event.cpu), event.thread, group, event.cpu,
                 event.at.ns / 1'000'000'000, event.at.ns / 1000 % 1'000'000,
                 arguments_of(ring, event));
}

std::string ftrace_text(const EventRing& ring, std::uint32_t cpus) {
  std::string text = ftrace_header(ring.end() - ring.first(), ring.end(), cpus);
  for (std::uint64_t n = ring.first(); n < ring.end(); ++n) ftrace_line(ring, ring.at(n), text);
  return text;
}

}  // namespace spindle::procfs
