// Machine: a simulated computer: CPUs, memory, a disk, a kernel, and the programs that run on it.
//
//   auto machine = TRY(Machine::create(configuration, host));
//   ProcessNumber pid = TRY(machine->start({.path = "/bin/hog.lua"}));
//   machine->run_until({10'000'000'000});
//   SystemSnapshot system = machine->snapshot_system();
//
// A deterministic discrete-event simulation: it knows no wall clock, and the same configuration,
// files and calls at the same virtual times give the same events. Virtual time moves in `run_until`
// and `step` only. Programs are Lua scripts (spindle-machine(7)); a script can reach nothing but
// the machine, and cannot use more memory or time than the machine gives it.
//
// pid 1 is init, which adopts orphans; pid 2 is kthreadd, the parent of kernel threads. Verbs
// answer with an errno and a clause: ESRCH no such process, EINVAL, EPERM not the owner's, EACCES
// more than the owner may have, ERANGE. A verb is as if done by the user `by`; uid 0 may do
// anything. What is started, and what a verb does, is seen at once; nothing runs before time moves.
//
// Not locked: one kernel thread at a time (LiveMachine does that in a mount).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/machine/machine_configuration.h"
#include "spindle/machine/machine_event.h"
#include "spindle/machine/machine_host.h"
#include "spindle/machine/machine_snapshot.h"

namespace spindle {

class Kernel;
class MemoryManager;

/// What to start, and how it shall stand to the scheduler.
struct StartRequest {
  std::string path = {};                    ///< of the program
  std::vector<std::string> arguments = {};  ///< after the name; argv[0] is the path
  std::optional<std::string> source = {};   ///< the program itself, instead of the file's content
  std::vector<std::string> environment = {};
  std::string directory = "/";
  std::string name = {};  ///< as `ps` shows it; empty: the last part of the path
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t umask = 022;           ///< permissions that files it makes do not have
  std::optional<VirtualTime> at = {};  ///< when it arrives, and not before; none: now
  int nice = 0;
  std::optional<int> priority = {};  ///< for CPU policies, higher first; none: that of `nice`
  std::optional<std::uint32_t> weight = {};  ///< none: the weight of `nice`
  std::uint32_t group = 0;                   ///< the user by whom fair share counts it; 0: the uid
  VirtualTime deadline = {};                 ///< absolute, for policies that know one
  ProcessNumber parent = 1;
  int terminal = -1;
  /// Started with these, in the order of descriptors 0, 1, 2: a path, ">>PATH", "pipe:NAME",
  /// "tty:NUMBER"; empty: the terminal, or the console. 2 is the same as 1 if both say the same.
  std::vector<std::string> descriptors = {};
};

/// How a process of `start` fared; also when it is gone.
struct ProcessRecord {
  ProcessNumber id = 0;
  std::string name;
  VirtualTime arrival, first_run, end;
  VirtualTime cpu;        ///< user and system
  VirtualTime switching;  ///< the part of `cpu` that switches to it took
  VirtualTime ready;      ///< how long it stood in run queues
  VirtualTime blocked;    ///< how long it waited for anything else
  bool has_run = false;
  bool has_ended = false;
  int wait_status = 0;
};

class Machine {
 public:
  /// EINVAL, with the reason, for a configuration that cannot be built.
  static Result<std::unique_ptr<Machine>> create(const MachineConfiguration& configuration,
                                                 MachineHost& host);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Programs.

  /// ENOENT, EISDIR and the like of the path; EAGAIN if there are as many processes as may be;
  /// EINVAL, with `last_message`, if the script has an error of syntax.
  Result<ProcessNumber> start(const StartRequest& request);
  /// The text of the last error that a static clause cannot tell: a script's, with its line.
  [[nodiscard]] const std::string& last_message() const;
  /// What programs write to the console, piece by piece, instead of nowhere.
  void on_console(std::function<void(std::string_view text)> write);
  /// Text from the person at terminal `terminal`; `at_end`: nothing more will come. Answers how
  /// much of it there is room for; the rest was not typed.
  std::size_t type(int terminal, std::string_view text, bool at_end = false);
  /// Nothing is left to be read there, by either side.
  void clear_terminal(int terminal);
  /// What was written to the terminal since this was last called.
  [[nodiscard]] std::string take_output(int terminal);
  /// Of all processes that `start` or a program's fork made, in order of arrival; at least the last
  /// 100,000.
  [[nodiscard]] const std::vector<ProcessRecord>& records() const;

  // Time.

  [[nodiscard]] VirtualTime now() const;
  /// Everything up to and at `time` happens; then it is `time`.
  void run_until(VirtualTime time);
  /// Goes on to the next instant at which something happens. False if nothing ever will.
  bool step();
  /// The next instant at which something happens.
  [[nodiscard]] std::optional<VirtualTime> next_event() const;
  /// No process but init and the kernel's own is left, and none will come.
  [[nodiscard]] bool finished() const;
  /// Nobody but timers of the machine itself can ever make a process go on: they all wait for one
  /// another or for signals.
  [[nodiscard]] bool stuck() const;

  // What is there. Each is one consistent view; nothing may be kept of it but the copy.

  [[nodiscard]] std::vector<ProcessNumber> processes() const;  ///< ascending
  /// Whose thread it is; 0: nobody's.
  [[nodiscard]] ProcessNumber process_of(ProcessNumber thread) const;
  [[nodiscard]] SystemSnapshot snapshot_system() const;
  /// ESRCH if there is no such process.
  [[nodiscard]] Result<ProcessSnapshot> snapshot_process(ProcessNumber process,
                                                         WithAreas areas = WithAreas::kYes) const;
  [[nodiscard]] const EventRing& events() const;
  /// What the arm of the disk did last, in order; at least the last 4096 requests.
  [[nodiscard]] const std::vector<ArmMove>& arm_moves() const;
  /// To be looked at: frames, page tables, TLBs.
  [[nodiscard]] const MemoryManager& memory() const;
  [[nodiscard]] const MachineConfiguration& configuration() const;

  // Verbs upon a process. `process` may be a thread's number, and, for `kill`, 0 - a group's.

  Result<> kill(ProcessNumber process, int signal, std::uint32_t by = 0);
  Result<> set_nice(ProcessNumber process, int nice, std::uint32_t by = 0);
  Result<> set_scheduling(ProcessNumber process, SchedulingClass scheduling, int realtime_priority,
                          std::uint32_t by = 0);
  /// EPERM if somebody else than root wants real time.
  Result<> set_io_priority(ProcessNumber process, IoPriority priority, std::uint32_t by = 0);
  /// EINVAL for a set without any of the machine's CPUs.
  Result<> set_cpus(ProcessNumber process, std::uint64_t cpus, std::uint32_t by = 0);
  Result<> set_traced(ProcessNumber process, bool traced, std::uint32_t by = 0);
  /// By the names of LimitSnapshot, or of `ulimit`: "u", "n".
  Result<> set_limit(ProcessNumber process, std::string_view limit, std::uint64_t value,
                     std::uint32_t by = 0);

  // Verbs upon the machine.

  Result<> set_cpu_policy(std::string_view name);
  Result<> set_quantum(VirtualTime quantum);
  /// Of what is drawn from now on, also by the CPU policy.
  Result<> set_seed(std::uint64_t seed);
  Result<> set_deadlock_strategy(DeadlockStrategy strategy);
  Result<> set_device_mode(DeviceMode mode);
  Result<> set_arm_policy(std::string_view name);
  /// As MemoryManager's.
  Result<> set_replacement(std::string_view name);
  Result<> set_allotment(std::string_view name);
  Result<> set_tlb(const MemoryConfiguration::Tlb& tlb);
  /// 0 switches swap off. EBUSY while what would go is in use.
  Result<> set_swap_bytes(std::uint64_t bytes);
  Result<> set_disk(std::string_view preset);

 private:
  explicit Machine(std::unique_ptr<Kernel> kernel);
  std::unique_ptr<Kernel> kernel_;
};

}  // namespace spindle
