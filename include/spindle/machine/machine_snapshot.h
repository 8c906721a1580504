// Snapshots: the simulated machine at one instant, as plain data.
//
// All that procfs, sysfs and the machine's own files show is rendered from these. A snapshot is
// taken between two steps of the machine, so its parts agree: the columns of each CPU add up to
// `now`; the times of all tasks that ever were add up to user + nice + system of the CPUs; areas of
// memory add up to the totals of their process. Times are virtual; sizes are in bytes, whatever the
// simulated page.
//
//   SystemSnapshot system = machine.snapshot_system();
//   for (ProcessNumber pid : machine.processes()) ... machine.snapshot_process(pid) ...
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spindle/machine/machine_configuration.h"
#include "spindle/machine/machine_event.h"
#include "spindle/policy/arm_policy.h"

namespace spindle {

struct CpuTimes {
  VirtualTime user, nice, system, idle, iowait, irq;
  [[nodiscard]] VirtualTime total() const { return user + nice + system + idle + iowait + irq; }
};

struct CpuSnapshot {
  CpuTimes times;
  ProcessNumber running = 0;         ///< the thread that runs on it; 0: it is idle
  std::vector<ProcessNumber> ready;  ///< the threads in its run queue, by number
  std::uint64_t switches = 0;
  std::uint64_t migrations_in = 0;
  std::uint64_t preemptions = 0;  ///< how often a thread was cut off and did not go on at once
  std::array<std::uint64_t, 3> interrupts{};  ///< how many of each Interrupt
};

/// As in /proc/diskstats; sectors of 512 bytes.
struct DiskSnapshot {
  std::string name;
  std::uint64_t reads = 0, read_sectors = 0, writes = 0, written_sectors = 0;
  std::uint64_t in_flight = 0;
  VirtualTime read_time, write_time;  ///< from issue to completion, added up over all requests
  VirtualTime busy;                   ///< how long at least one request was under way
  VirtualTime weighted;               ///< the requests under way, added up over time
  std::uint64_t sectors = 0;          ///< how many it has
  std::uint64_t arm_distance = 0;     ///< cylinders that its arm moved
  std::string policy;
  std::string model;
};

/// What the disk's arm did for one request.
struct ArmMove {
  VirtualTime at;            ///< when it began
  VirtualTime took;          ///< seek, rotation and transfer
  ProcessNumber thread = 0;  ///< who asked for it; 0: memory, on its own
  Run run;
  bool is_write = false;
  Cylinder from, to;
  TurningPoints by_way_of;
  std::uint64_t distance = 0;  ///< cylinders
};

struct MemoryTotals {
  std::uint32_t page_size = 4096;
  std::uint64_t total = 0, free = 0, buffers = 0, cached = 0, slab = 0;
  std::uint64_t anonymous = 0, mapped = 0, shared = 0, dirty = 0, writeback = 0;
  std::uint64_t active = 0, inactive = 0, page_tables = 0, kernel_stacks = 0, committed = 0;
  std::uint64_t swap_total = 0, swap_free = 0, swap_cached = 0;
  /// Counted since the start: faults, bytes from and to disks, pages swapped, frames.
  std::uint64_t faults = 0, major_faults = 0, read_bytes = 0, written_bytes = 0;
  std::uint64_t swapped_in = 0, swapped_out = 0, allocated_frames = 0, freed_frames = 0;
};

/// A row of slabinfo: objects that the machine itself is made of.
struct SlabSnapshot {
  std::string name;
  std::uint64_t active = 0, total = 0, object_bytes = 0;
};

/// A semaphore, mutex, condition, queue, pipe or resource.
struct ObjectSnapshot {
  std::string kind;  ///< "semaphore", "mutex", "condition", "queue", "resource", "memory"
  std::string name;
  std::int64_t value = 0;  ///< count, messages, units available; of memory: mappings
  std::int64_t total = 0;  ///< capacity, instances or bytes
  std::vector<ProcessNumber> owners;
  std::vector<ProcessNumber> waiting;  ///< in the order in which they will be served
};

struct DeadlockSnapshot {
  VirtualTime found;
  std::vector<ProcessNumber> threads;  ///< those that wait for one another, by number
  ProcessNumber victim = 0;            ///< 0: none was taken
  std::string description;
};

/// For how long threads could not go on.
struct StallSnapshot {
  VirtualTime total;
  std::array<double, 3> average{};  ///< the share of the last 10, 60 and 300 s
};
struct PressureSnapshot {
  StallSnapshot some;  ///< at least one thread waited
  StallSnapshot full;  ///< at least one thread waited, and none worked
};

struct SystemSnapshot {
  VirtualTime now;
  MachineConfiguration configuration;  ///< as it stands now
  std::vector<CpuSnapshot> cpus;
  std::uint64_t switches = 0, forks = 0, interrupts = 0;
  std::uint64_t running = 0, blocked = 0, threads = 0, processes = 0;
  std::array<double, 3> load{};
  std::array<PressureSnapshot, 3> pressure{};  ///< on the CPUs, the disk and memory
  ProcessNumber last_process = 0;
  MemoryTotals memory;
  std::vector<DiskSnapshot> disks;
  std::vector<SlabSnapshot> slabs;
  std::vector<ObjectSnapshot> objects;
  std::vector<DeadlockSnapshot> deadlocks;
};

enum class SchedulingClass : std::uint8_t {
  kOther = 0,
  kFifo = 1,
  kRoundRobin = 2,
  kBatch = 3,
  kIdle = 5
};

/// As ioprio_set(2) has it: the disk serves real time before best effort, and the idle class last.
/// Within a class the arm's policy decides; the level is kept, and shown.
struct IoPriority {
  enum class Class : std::uint8_t { kNone, kRealtime, kBestEffort, kIdle };
  /// By the number of the class.
  static constexpr std::array<const char*, 4> kClassNames = {"none", "realtime", "best-effort",
                                                             "idle"};
  static constexpr unsigned kMostLevel = 7;
  Class io_class = Class::kNone;  ///< kNone: as the thread's scheduling class has it
  unsigned level = 0;
};

/// Signals 1 to 63; bit n stands for signal n.
using SignalSet = std::uint64_t;

struct ThreadSnapshot {
  ProcessNumber id = 0;
  std::string name;
  char state = 'R';  ///< R S D T Z I X, as in /proc/PID/stat
  bool on_cpu = false;
  std::uint32_t cpu = 0;  ///< where it runs or ran last
  VirtualTime started, user, system;
  VirtualTime ran, waited;  ///< time on CPUs, and time ready but not on one
  std::uint64_t slices = 0, voluntary_switches = 0, involuntary_switches = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  VirtualTime disk_delay;
  SchedulingClass scheduling = SchedulingClass::kOther;
  int nice = 0;
  int realtime_priority = 0;
  IoPriority io_priority;
  std::uint64_t cpus_allowed = ~std::uint64_t{0};
  SignalSet pending = 0, blocked = 0;
  std::string wait_channel;             ///< "sem_wait"; empty: it does not wait
  std::string waits_for;                ///< the object's name
  SystemCall call = SystemCall::kNone;  ///< the call that it is inside of
};

/// Whether the snapshot of a process has its memory areas, which cost a walk of the pages.
enum class WithAreas : bool { kNo, kYes };

struct MemoryAreaSnapshot {
  std::uint64_t start = 0, end = 0;
  AreaKind kind = AreaKind::kAnonymous;
  bool read = false, write = false, execute = false, shared = false;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;  ///< of the file; of kSegment the segment's number; otherwise 0
  std::string name;         ///< a path, "[heap]", "[stack]" or nothing
  std::uint64_t resident = 0, proportional = 0, shared_clean = 0, shared_dirty = 0;
  std::uint64_t private_clean = 0, private_dirty = 0, referenced = 0, anonymous = 0;
  std::uint64_t swapped = 0, swap_proportional = 0;
};

struct DescriptorSnapshot {
  int number = 0;
  std::string target;  ///< a real path, or "pipe:[7]"
  std::uint64_t position = 0, inode = 0;
  std::uint32_t flags = 0;  ///< as open(2) has them
};

/// To how much a stack grows.
inline constexpr std::uint64_t kStackBytes = 8u << 20;

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct LimitSnapshot {
  std::string name;  ///< "Max processes"
  std::uint64_t soft = kUnlimited, hard = kUnlimited;
};

struct ProcessSnapshot {
  ProcessNumber id = 0, parent = 0, group = 0, session = 0;
  SpaceId space{};  ///< 0: none
  std::string name;
  std::vector<std::string> arguments, environment;
  char state = 'R';
  bool is_kernel = false;  ///< a kernel thread: no memory, no program
  bool has_executed = false;
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t umask = 022;
  int terminal = -1;                    ///< k of pts/k; -1: none
  ProcessNumber foreground_group = -1;  ///< of its terminal
  int wait_status = 0;                  ///< of a zombie
  VirtualTime started;
  /// Of all its threads, those that ended too; and of its children that were waited for.
  VirtualTime user, system, children_user, children_system;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t children_minor_faults = 0, children_major_faults = 0;
  std::uint64_t read_characters = 0, written_characters = 0, read_calls = 0, write_calls = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;
  SignalSet pending = 0, ignored = 0, caught = 0;
  std::string executable, directory;    ///< real paths; empty for kernel threads
  std::vector<ThreadSnapshot> threads;  ///< the first is the process's own; none of a zombie's
  std::vector<MemoryAreaSnapshot> areas;
  std::uint64_t peak_size = 0, peak_resident = 0, heap_start = 0, page_table_bytes = 0;
  std::vector<DescriptorSnapshot> descriptors;
  std::vector<LimitSnapshot> limits;
  std::int64_t out_of_memory_score = 0;
  bool traced = false;
};

}  // namespace spindle
