// CpuPolicy: which task runs next, and for how long?
//
// A task is a user-space thread of the runtime or a process of the simulated machine: the policy
// cannot tell. It holds the ready tasks; the running one is not among them. A pure object: no lock,
// no clock; the caller passes the time in. `ready` and `next` are O(log n) at worst.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// Why a task becomes ready.
enum class Why : std::uint8_t { kCreated, kWoken, kYielded, kPreempted, kQuantumExpired };

/// What policies may want to know of a task.
struct TaskInfo {
  VirtualTime now;              ///< when it becomes ready
  int priority = 0;             ///< a higher number runs first
  VirtualTime ran;              ///< how long it ran since it was last chosen
  VirtualTime expected_burst;   ///< the known or estimated length of its next burst
  VirtualTime deadline;         ///< absolute
  std::uint32_t weight = 1024;  ///< its share: tickets, or the weight of a nice value
};

class CpuPolicy {
 public:
  virtual ~CpuPolicy() = default;
  /// The name it is chosen by: "fcfs", "rr", ...
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The task may run. It must not be among the ready ones already.
  virtual void ready(TaskId task, const TaskInfo& info, Why why) = 0;
  /// Takes out the task to run now; nothing if none is ready.
  virtual std::optional<TaskId> next(VirtualTime now) = 0;
  /// How long the task may run before it must give way; nothing: as long as it wants.
  [[nodiscard]] virtual std::optional<VirtualTime> quantum(TaskId task) const = 0;
  /// Takes out a ready task that will not run (it was cancelled, or moves to another CPU).
  virtual void removed(TaskId task) = 0;
};

/// EINVAL for a name that is none of `cpu_policy_names`. `quantum` is for those that have one.
Result<std::unique_ptr<CpuPolicy>> make_cpu_policy(std::string_view name, VirtualTime quantum,
                                                   std::uint64_t seed);
std::span<const std::string_view> cpu_policy_names();

}  // namespace spindle
