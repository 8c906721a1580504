// MachineConfiguration: what a simulated machine is made of, and how it behaves.
//
//   MachineConfiguration configuration{.cpus = 4, .cpu_policy = "cfs"};
//   configuration.costs = MachineCosts::none();     // as in a textbook
//   auto machine = TRY(Machine::create(configuration, host));
//
// Plain data. Together with the programs and the calls made it determines each event of a run;
// `seed` is the only source of chance. `Machine::create` refuses what it cannot build. What may
// change while the machine runs has a verb of Machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/machine/memory_types.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {

/// How the CPU and a device work together.
enum class DeviceMode : std::uint8_t {
  kProgrammed,  ///< the CPU waits for the device and moves each word: it is busy all the time
  kInterrupt,   ///< the device interrupts for each block, and the CPU moves its words
  kDma,         ///< the device moves the words, and interrupts once a request
};

/// What is done about deadlocks of mutexes and of resources.
enum class DeadlockStrategy : std::uint8_t {
  kNone,
  kOrdering,   ///< prevention: what is asked for must come after what is held
  kBanker,     ///< avoidance: what is granted leaves a safe state, by the claims
  kDetection,  ///< found and reported when somebody begins to wait
  kRecovery,   ///< found, and a victim is killed
};

std::span<const std::string_view> device_mode_names();
std::span<const std::string_view> deadlock_strategy_names();
std::string_view name_of(DeviceMode mode);
std::string_view name_of(DeadlockStrategy strategy);
std::optional<DeviceMode> device_mode_of(std::string_view name);
std::optional<DeadlockStrategy> deadlock_strategy_of(std::string_view name);

/// The unit of the machine's disk.
inline constexpr std::uint32_t kMachineBlockSize = 4096;

/// Virtual time that the machine itself takes.
struct MachineCosts {
  std::int64_t context_switch_ns = 2'000;  ///< to another thread; system time of the new one
  std::int64_t system_call_ns = 500;       ///< system time of the caller
  std::int64_t fork_ns = 50'000;  ///< beside the system call itself, as all costs that follow
  std::int64_t exec_ns = 200'000;
  std::int64_t interrupt_ns = 1'500;  ///< taken from whoever runs, and counted in no process's time
  std::int64_t migration_ns = 5'000;  ///< to fill the caches of another CPU
  std::int64_t copy_ns_per_kib = 100;  ///< bytes of files and pipes between user and kernel
  std::int64_t word_io_ns_per_kib =
      5'000;                          ///< programmed and interrupt-driven: words moved by hand
  std::int64_t memory_access_ns = 0;  ///< a touch, load or store, beside its fault

  /// To copy so many bytes between user and kernel.
  [[nodiscard]] constexpr std::int64_t copy_ns(std::size_t bytes) const {
    return static_cast<std::int64_t>((bytes + 1023) / 1024) * copy_ns_per_kib;
  }
  /// For a CPU to move so many blocks of the disk word by word between the device and memory.
  [[nodiscard]] constexpr std::int64_t word_io_ns(std::uint64_t blocks) const {
    return static_cast<std::int64_t>(blocks * kMachineBlockSize / 1024) * word_io_ns_per_kib;
  }

  /// Nothing costs anything: only what programs compute takes time.
  static constexpr MachineCosts none() { return {0, 0, 0, 0, 0, 0, 0, 0, 0}; }
};

/// Of what happens at one instant, what makes threads ready.
enum class InstantEvent : std::uint8_t {
  kArrival,
  kDevice,     ///< a device is done, or a timer fires
  kPreempted,  ///< a thread whose quantum is over goes behind the others
};

/// A guess of each burst by those before, for the policies that would have to know it.
struct BurstEstimate {
  double alpha = 0.5;  ///< how much the last burst counts; the guess before it counts the rest
  VirtualTime first;
};

struct MachineConfiguration {
  std::uint64_t seed = 1;
  std::uint32_t cpus = 1;  ///< 1 to 64
  std::string cpu_policy = "cfs";
  CpuConventions cpu_conventions = {};
  std::optional<BurstEstimate> estimate = {};
  /// Which of these comes before which; each stands there once.
  std::array<InstantEvent, 3> same_instant = {InstantEvent::kArrival, InstantEvent::kDevice,
                                              InstantEvent::kPreempted};
  std::int64_t balance_interval_ns = 50'000'000;  ///< of the run queues; 0: never balanced
  MachineCosts costs = {};

  std::string disk = "7200rpm";         ///< a name that make_disk_model knows
  std::string arm_policy = "look";      ///< a name that make_arm_policy knows
  std::uint64_t disk_blocks = 262'144;  ///< how many blocks of 4096 bytes it has
  DeviceMode device_mode = DeviceMode::kDma;

  /// Of a machine whose calls cost nothing, memory costs nothing either. `cpus` and the seed are
  /// the machine's.
  MemoryConfiguration memory = {};
  std::string swap_file = "/swapfile";       ///< if the volume has it, it is the swap, all of it
  std::uint64_t partition_bytes = 1u << 20;  ///< what a process gets where memory is in partitions
  bool load_control = true;                  ///< processes are stopped while memory thrashes

  DeadlockStrategy deadlock = DeadlockStrategy::kDetection;

  std::uint32_t most_processes = 4096;          ///< threads together, in the whole machine
  std::uint32_t most_processes_of_user = 1024;  ///< the default of `ulimit -u`
  std::size_t program_bytes = 8u << 20;         ///< memory of the interpreter, for one process
  std::size_t all_program_bytes = 512u << 20;   ///< the same for all processes together
  std::size_t event_capacity = 65'536;          ///< events that the ring keeps; 0: none
  std::string crontab = "/etc/crontab";         ///< looked at each minute, if it is there
  std::int64_t start_wall_seconds = 0;          ///< what the calendar says at virtual time 0
  std::string hostname = "spindle";
};

inline constexpr std::uint32_t kMostCpus = 64;

}  // namespace spindle
