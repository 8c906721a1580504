// Process and Thread: the kernel's control blocks.
//
// A Process has what its threads share; a Thread is what the scheduler knows. Both are the
// Kernel's, which keeps them in order; pointers between them are valid as long as both live.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "request.h"
#include "spindle/machine/machine.h"
#include "spindle/machine/machine_signal.h"
#include "spindle/machine/machine_snapshot.h"
#include "spindle/machine/memory_types.h"

namespace spindle {

struct Process;
struct Thread;
struct OpenFile;
class WaitQueue;

enum class ThreadState : std::uint8_t {
  kNew,      ///< not yet in a run queue since it arrived, or not yet arrived
  kReady,    ///< in a run queue
  kRunning,  ///< has a CPU
  kBlocked,  ///< waits; a signal may end the wait
  kDisk,     ///< waits for a device; nothing but the device ends it
  kStopped,  ///< until SIGCONT
  kDead,
};

/// What a thread does when it has the CPU: it runs for `left_ns` in this mode, and then its request
/// is served.
struct Activity {
  std::int64_t left_ns = 0;
  bool is_user = false;
  /// The kernel's handler is at work (it was entered), and goes on when `left_ns` is over.
  bool entered = false;
};
/// The kernel's handler goes on at once.
inline constexpr Activity kInKernel{.entered = true};

/// What a signal's handler interrupted.
struct InterruptedWork {
  Request request;
  Response response;
  Activity activity;
  bool has_request = false;
  SignalSet blocked = 0;
};

/// The wait channel of a thread that waits for a page.
inline constexpr std::string_view kPageFault = "page_fault";

/// Where a blocked thread waits.
struct Wait {
  WaitQueue* queue = nullptr;
  const char* channel = "";  ///< "sem_wait"
  std::string object;        ///< "empty"
  std::uint64_t timer = 0;   ///< the number of its timer: one of an earlier wait may fire, too
  bool is_retried = false;   ///< awake, it serves its request again; otherwise it has been answered
  bool is_reported = false;  ///< it is part of a deadlock that has been found
};

struct Thread {
  ProcessNumber id = 0;
  Process* process = nullptr;
  std::string name;
  std::uint32_t interned_name = 0;
  ThreadState state = ThreadState::kNew;
  std::unique_ptr<Program> program;

  // What it is doing.
  Request request;
  bool has_request = false;  ///< otherwise the program is asked for one, with `response`
  Response response;
  Activity activity;
  std::vector<InterruptedWork> interrupted;
  Wait wait;
  std::int64_t debt_ns = 0;  ///< CPU time for real work that its calls did, not yet taken
  std::array<std::int64_t, 4> progress{};  ///< how far a call is that is served in several steps
  std::string collected;                   ///< what such a call has read so far

  // Scheduling.
  std::uint32_t cpu = 0;
  std::uint64_t cpus_allowed = ~std::uint64_t{0};
  SchedulingClass scheduling = SchedulingClass::kOther;
  int nice = 0;
  int realtime_priority = 0;
  IoPriority io_priority;
  std::optional<int> priority;
  std::optional<std::uint32_t> weight;
  std::uint32_t group = 0;
  VirtualTime deadline;
  VirtualTime ran_in_slice;
  VirtualTime burst;     ///< how long it has run in the present burst
  VirtualTime estimate;  ///< how long the present burst will be, by estimate
  VirtualTime ready_since;
  VirtualTime blocked_since;
  VirtualTime first_run;
  std::uint64_t arrival = 0;  ///< the number of its entry in the agenda until it arrives
  bool in_queue = false;
  bool was_unfinished = false;
  Thread* queue_before = nullptr;
  Thread* queue_after = nullptr;

  // Signals.
  SignalSet pending = 0;
  SignalSet blocked = 0;
  bool is_killed = false;
  bool stop_wanted = false;  ///< its process is held

  // Accounts.
  VirtualTime started, user, system, ran, waited, slept, disk_delay;
  VirtualTime switching;  ///< the part of `system` that switches to it took
  std::uint64_t slices = 0, voluntary = 0, involuntary = 0, minor_faults = 0, major_faults = 0;
  SystemCall call = SystemCall::kNone;
};

struct SignalDisposition {
  enum class Kind : std::uint8_t { kDefault, kIgnore, kHandler } kind = Kind::kDefault;
  int function = 0;
};

enum Limit : std::uint8_t {
  kLimitCpu,
  kLimitFileSize,
  kLimitData,
  kLimitProcesses,
  kLimitFiles,
  kLimitMemory,
  kLimits
};

struct ProcessLimit {
  std::uint64_t soft = kUnlimited;
  std::uint64_t hard = kUnlimited;
};

/// Who can keep a process from CPUs: a signal, or load control.
enum class Holder : std::uint8_t { kSignal = 1, kLoadControl = 2 };

struct Process {
  ProcessNumber id = 0, group = 0, session = 0;
  Process* parent = nullptr;
  std::vector<Process*> children;
  std::string name;
  std::string path, directory;
  std::vector<std::string> arguments, environment;
  bool is_kernel = false, has_executed = false, is_zombie = false, is_exiting = false;
  bool is_traced = false;
  std::uint8_t holders = 0;   ///< a bit for each Holder that keeps it from CPUs now
  bool stop_to_tell = false;  ///< a signal stopped it, and nobody has waited for that yet
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t umask = 022;
  int terminal = -1;
  int wait_status = 0;
  std::vector<Thread*> threads;
  std::unique_ptr<WaitQueue> child_events;
  std::map<ProcessNumber, std::unique_ptr<WaitQueue>> joiners;
  std::map<int, std::shared_ptr<OpenFile>> descriptors;
  std::array<ProcessLimit, kLimits> limits{};

  std::uint8_t wakers = 0;  ///< the calls of its program that can wake others: see wait_graph.h

  SignalSet pending = 0;
  std::array<SignalDisposition, kMostSignal + 1> dispositions{};
  std::uint64_t alarm = 0;  ///< the number of its timer; 0: none is set

  SpaceId space{};  ///< 0: none
  VirtualAddress heap{}, heap_end{};

  // Of threads that ended; of children that were waited for.
  VirtualTime started, dead_user, dead_system, children_user, children_system;
  std::uint64_t dead_minor_faults = 0, dead_major_faults = 0;
  std::uint64_t children_minor_faults = 0, children_major_faults = 0;
  std::uint64_t read_characters = 0, written_characters = 0, read_calls = 0, write_calls = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;
  std::optional<std::uint64_t> record;  ///< number in the kernel's records
};

/// Whether the parent's `wait` for `which` (-1 any, 0 of its own group, -g of group g) is for it.
inline bool is_wanted(const Process& child, const Process& parent, std::int64_t which) {
  if (which == 0) return child.group == parent.group;
  if (which < -1) return child.group == -which;
  return which == -1 || child.id == which;
}

}  // namespace spindle
