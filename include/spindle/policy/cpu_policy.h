// CpuPolicy: which task runs next, and for how long?
//
// A task is a user-space thread of the runtime or a process of the simulated machine: the policy
// cannot tell. It holds the ready tasks; the running one is not among them. A pure object: no lock,
// no clock; the caller passes the time in. `ready`, `next` and `removed` are O(log n) at worst, or
// amortised ("hrrn"); for "fcfs" and "rr" they are a few instructions on a ring of numbers, and
// allocate nothing in the steady state.
//
//   policy->ready(task, info, Why::kCreated);
//   while (auto task = policy->next(now)) {      // it runs, at most quantum(*task)
//     ... policy->ready(*task, info, Why::kQuantumExpired);
//     ... policy->waits(*task, info);                         // or blocks: kWoken later
//     ... policy->finished(*task);                            // or ends, after `waits`
//   }
//
// A policy that remembers a task while it is not ready (its level, its share) does so until
// `finished`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// Why a task becomes ready.
enum class Why : std::uint8_t {
  kCreated,
  kWoken,
  kYielded,
  kPreempted,
  kQuantumExpired,
  /// `next` returned it at this very instant, but it may not run on the CPU that is free: it goes
  /// back to its place. Of several, the one that was returned last is handed back first.
  kPassedOver
};

/// What policies may want to know of a task.
struct TaskInfo {
  VirtualTime now = {};             ///< when it becomes ready
  int priority = 0;                 ///< a higher number runs first
  VirtualTime ran = {};             ///< how long it ran since it was last chosen
  VirtualTime expected_burst = {};  ///< what is left of its burst, known or estimated
  VirtualTime deadline = {};        ///< absolute
  std::uint32_t weight = 1024;      ///< its share: tickets, or the weight of a nice value; not 0
  std::uint32_t group = 0;          ///< of "fair-share": the user whose task it is
};

class CpuPolicy {
 public:
  virtual ~CpuPolicy() = default;
  /// The name it is chosen by: one of `cpu_policy_names`.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The task may run. It must not be among the ready ones already.
  virtual void ready(TaskId task, const TaskInfo& info, Why why) = 0;
  /// Takes out the task to run now; nothing if none is ready.
  virtual std::optional<TaskId> next(VirtualTime now) = 0;
  /// How long the task that `next` gave may run before it must give way; nothing: as long as it
  /// wants.
  [[nodiscard]] virtual std::optional<VirtualTime> quantum(TaskId task) const = 0;
  /// Whether a ready task should take the CPU from the running one at once. To be asked after
  /// `ready`; if so, the caller makes `running` ready with kPreempted and asks `next`. `info` is
  /// the running task's, with what it `ran` so far and what is left of its burst.
  [[nodiscard]] virtual bool preempts(TaskId running, const TaskInfo& info) {
    return static_cast<void>(running), static_cast<void>(info), false;
  }
  /// The next instant at which the running task must be made ready with kPreempted whatever it
  /// does, because the policy moves all tasks then (MLFQ's boost); nothing: there is none.
  [[nodiscard]] virtual std::optional<VirtualTime> alarm() const { return std::nullopt; }
  /// The running task gives the CPU up until it is woken, or for ever: then `finished` follows.
  /// `info` is as for `preempts`; what it `ran` is told once more when it is woken.
  virtual void waits(TaskId task, const TaskInfo& info) {
    static_cast<void>(task), static_cast<void>(info);
  }
  /// Takes out a ready task: it was cancelled, or moves to another CPU, or is made ready again at
  /// once with another priority, having `ran` for no time. The first time it may be linear in the
  /// number of ready tasks.
  virtual void removed(TaskId task) = 0;
  /// The task, which is not ready, will never be again: forget it.
  virtual void finished(TaskId task) { static_cast<void>(task); }
  /// For explanations: the number by which it compares the task, which is ready, with the others at
  /// `now`: what is left of its burst, its pass or its virtual time, in nanoseconds; its priority,
  /// its ratio, its tickets; the queue in which it stands, 0 the highest. Nothing where it goes by
  /// no number. Linear at worst, and only the first time.
  [[nodiscard]] virtual std::optional<double> rank(TaskId task, VirtualTime now) const {
    return static_cast<void>(task), static_cast<void>(now), std::nullopt;
  }
};

/// The parameters of the policies; each uses those that it has.
struct CpuConventions {
  /// Of those that have one: rr, vrr, priority-rr, feedback, lottery, stride, fair-share, eevdf
  /// (its request), MLFQ's top level; lrtf and llf look again after it, after 1 ms at the latest.
  VirtualTime quantum{10'000'000};
  std::uint64_t seed = 1;  ///< of the lottery's draws
  /// Where a preempted task stands among those of its own key (priority, remaining time): in front
  /// of them, by the time it first became ready, or behind them.
  enum class Equals : std::uint8_t { kFront, kArrival, kBack };
  Equals preempted = Equals::kFront;
  /// MLFQ: levels, each with twice the quantum of the one above; a task that used its quantum up
  /// goes down one; every `boost` all go to the top (0: never).
  std::uint32_t levels = 4;
  VirtualTime boost{1'000'000'000};
  /// CFS: the span in which each ready task runs once, and the shortest slice.
  VirtualTime latency{6'000'000};
  VirtualTime granularity{750'000};
  /// If there are too many tasks for their shortest slices to fit into the span: true, the span
  /// grows, as in Linux; false, only the slices do.
  bool stretch_latency = true;
  /// The quantum of each level from the top; empty: as above. For MLFQ they also set the number of
  /// levels; for feedback the last one counts for all levels below; for MLQ 0 means a queue without
  /// a quantum.
  std::vector<VirtualTime> quanta = {};
  /// MLFQ: how many quanta of each level a task may use before it goes down; empty: one.
  std::vector<std::uint32_t> allotments = {};
  /// MLFQ: a task that comes back from waiting has its whole allotment again. So one that always
  /// waits just before its quantum ends stays on the top level for ever.
  bool waiting_renews_allotment = false;
  /// MLFQ: a task that comes back from waiting goes to the front of its level, before the running
  /// one.
  bool woken_to_front = false;
  /// Feedback: each level's quantum is twice that of the one above.
  bool doubles_quantum = false;
  /// Lottery: the first draws, each taken modulo the tickets there are; the seed's follow.
  std::vector<std::uint64_t> draws = {};
  /// Stride: what a task of weight 1 pays for a quantum; the others pay it divided by their weight.
  /// All numbers up to 25 divide this one, so that tasks of such weights pay exactly.
  std::int64_t stride_of_one = 133'855'722'000;
  /// Stride and CFS, of tasks that were served equally: the lowest number runs, or the one that
  /// was queued first.
  bool lowest_number_first = false;
  /// priority-aging: a waiting task's priority grows by one each time this span has passed.
  VirtualTime aging_interval{100'000'000};
};

/// EINVAL for a name that is none of `cpu_policy_names`, a quantum or a span that is not above 0,
/// or a number of levels that is not 1 to 32.
Result<std::unique_ptr<CpuPolicy>> make_cpu_policy(std::string_view name,
                                                   const CpuConventions& conventions);
inline Result<std::unique_ptr<CpuPolicy>> make_cpu_policy(std::string_view name,
                                                          VirtualTime quantum, std::uint64_t seed) {
  return make_cpu_policy(name, CpuConventions{.quantum = quantum, .seed = seed});
}
std::span<const std::string_view> cpu_policy_names();

}  // namespace spindle
