// MachineEvent and EventRing: what happened in the simulated machine, in order.
//
// One ring keeps the last events; ftrace text, Chrome's JSON, strace and Gantt charts are
// renderings of it. Events are numbered from 0 on; the ring forgets the oldest. Names (of threads,
// paths) are interned: an event has their numbers, and keeps them when the process is gone.
//
//   for (std::uint64_t n = ring.first(); n < ring.end(); ++n) {
//     const MachineEvent& event = ring.at(n);  ... ring.text(event.name) ...
//   }
//
// Not locked: it is the machine's, and read between its steps (or in a copy).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spindle/base/clock.h"

namespace spindle {

/// A process or a thread of the simulated machine, as Linux numbers them. 0 is the idle thread.
using ProcessNumber = std::int32_t;

/// `thread` is the one that had the CPU, or that the event is about; the comments name the other
/// members that are set.
enum class MachineEventKind : std::uint8_t {
  kSwitch,         ///< from `thread` in `state` to `other`
  kWakeup,         ///< `other` was woken by `thread` (0: by an interrupt); `cpu` is its target
  kMigrate,        ///< `thread` from CPU `number` to `cpu`
  kSyscallEnter,   ///< `number`: the SystemCall; `arguments`, `text`
  kSyscallExit,    ///< `number`: the SystemCall; `value`: the result, or -errno
  kFault,          ///< `arguments[0]`: address; `value`: 0 minor, 1 major, 2 a violation
  kSignalSent,     ///< `number`: the signal, to `other`
  kSignalHandled,  ///< `number`: the signal; `value`: 0 default action, 1 a handler, 2 ignored
  kFork,           ///< `other`: the child; `value`: 1 for a thread of the same process
  kExec,           ///< `text`: the path
  kExit,           ///< `value`: the wait status
  kBlockIssue,     ///< `arguments`: first block, count, 1 for a write
  kBlockComplete,  ///< as kBlockIssue; `value`: how long the request took, in ns
  kInterrupt,      ///< `number`: the line (see Interrupt)
  kDeadlock,       ///< `thread`: one of those that wait for one another; `value`: how many they are
  kMessage,        ///< `text`: what a program printed, or the machine has to say
};

enum class Interrupt : std::uint8_t { kTimer, kDisk, kReschedule };

/// Whatever a program asks of the kernel; the numbers are Spindle's own.
enum class SystemCall : std::uint16_t {
  kNone,
  kCompute,
  kExit,
  kExitThread,
  kFork,
  kThread,
  kExec,
  kWait,
  kKill,
  kSignal,
  kSignalMask,
  kPause,
  kAlarm,
  kGetProcess,
  kSetGroup,
  kSetSession,
  kNice,
  kSetScheduler,
  kSetAffinity,
  kLimit,
  kSleep,
  kYield,
  kTime,
  kOpen,
  kClose,
  kRead,
  kWrite,
  kSeek,
  kStatus,
  kTruncate,
  kRemove,
  kRename,
  kMakeDirectory,
  kList,
  kChangeDirectory,
  kPipe,
  kDuplicate,
  kMap,
  kUnmap,
  kProtect,
  kBreak,
  kTouch,
  kLoad,
  kStore,
  kSharedMemory,
  kSharedMemoryRemove,
  kSemaphoreOpen,
  kSemaphoreWait,
  kSemaphoreTryWait,
  kSemaphorePost,
  kMutexLock,
  kMutexTryLock,
  kMutexUnlock,
  kConditionWait,
  kConditionSignal,
  kConditionBroadcast,
  kMonitorOpen,
  kMonitorEnter,
  kMonitorLeave,
  kQueueOpen,
  kQueueSend,
  kQueueReceive,
  kResourceOpen,
  kResourceClaim,
  kResourceRequest,
  kResourceRelease,
  kPrint,
  kJoin,
  kStop,
  kProcesses,
  kDoFile,
  kLink,
  kChangeMode,
  kSetTimes,
  kUmask,
  kSetIoPriority,
  kLinkStatus,
  kMakeLink,
  kReadLink,
};

/// "read", "fork", "mutex_lock": as programs write it.
std::string_view name_of(SystemCall call);

struct MachineEvent {
  VirtualTime at;
  MachineEventKind kind = MachineEventKind::kMessage;
  char state = 'R';  ///< the state of the thread that leaves the CPU, as in /proc/PID/stat
  std::uint16_t cpu = 0;
  std::int16_t number = 0;
  std::int8_t nice = 0;
  std::int8_t other_nice = 0;
  ProcessNumber thread = 0;
  ProcessNumber process = 0;
  ProcessNumber other = 0;
  std::uint32_t name = 0;        ///< the thread's name, interned
  std::uint32_t other_name = 0;  ///< interned
  std::uint32_t text = 0;        ///< interned; 0: none
  std::int64_t value = 0;
  std::array<std::int64_t, 3> arguments{};
};

class EventRing {
 public:
  /// No more than so many texts are kept; those after them read "...".
  static constexpr std::size_t kMostTexts = 65'536;

  explicit EventRing(std::size_t capacity);

  void record(const MachineEvent& event);
  [[nodiscard]] bool enabled() const { return capacity_ != 0; }

  /// The oldest event that is still there; `end` is one beyond the newest.
  [[nodiscard]] std::uint64_t first() const { return end_ - events_.size(); }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  /// `number` must be in [first, end).
  [[nodiscard]] const MachineEvent& at(std::uint64_t number) const {
    return events_[number % capacity_];
  }

  std::uint32_t intern(std::string_view text);
  [[nodiscard]] std::string_view text(std::uint32_t number) const { return texts_[number]; }

 private:
  std::size_t capacity_;
  std::vector<MachineEvent> events_;
  std::uint64_t end_ = 0;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace spindle
