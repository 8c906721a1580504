// Priority, shortest and longest job, earliest deadline: the ready task with the lowest key runs.
//
// Each policy is a key, whether a lower key that becomes ready takes the CPU, and whether equals
// take turns. A preempted task stands in front of its equals: it lost the CPU, not its turn.

#include "cpu_policies.h"
#include "task_heap.h"

namespace spindle {
namespace {

using Key = std::int64_t (*)(const TaskInfo&);

std::int64_t by_priority(const TaskInfo& info) {
  return -std::int64_t{info.priority};
}
std::int64_t by_shortest(const TaskInfo& info) {
  return info.expected_burst.ns;
}
std::int64_t by_longest(const TaskInfo& info) {
  return -info.expected_burst.ns;
}
std::int64_t by_deadline(const TaskInfo& info) {
  return info.deadline.ns;
}

class Sorted final : public CpuPolicy {
 public:
  struct Rule {
    std::string_view name;
    Key key;
    bool preemptive = false;
    std::optional<VirtualTime> quantum = {};
  };

  explicit Sorted(const Rule& rule) : rule_(rule) {}
  [[nodiscard]] std::string_view name() const override { return rule_.name; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    tasks_.push(rule_.key(info), task, why == Why::kPreempted);
  }

  std::optional<TaskId> next(VirtualTime) override {
    return tasks_.empty() ? std::nullopt : std::optional(tasks_.pop().task);
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return rule_.quantum; }

  [[nodiscard]] bool preempts(TaskId, const TaskInfo& info) override {
    return rule_.preemptive && !tasks_.empty() && tasks_.top().key < rule_.key(info);
  }

  void removed(TaskId task) override { tasks_.remove(task); }

 private:
  Rule rule_;
  TaskHeap tasks_;
};

std::unique_ptr<CpuPolicy> make(const Sorted::Rule& rule) {
  return std::make_unique<Sorted>(rule);
}

}  // namespace

std::unique_ptr<CpuPolicy> make_priority_cpu(const CpuConventions&) {
  return make({.name = "priority", .key = by_priority});
}

std::unique_ptr<CpuPolicy> make_preemptive_priority_cpu(const CpuConventions&) {
  return make({.name = "priority-preemptive", .key = by_priority, .preemptive = true});
}

std::unique_ptr<CpuPolicy> make_priority_round_robin_cpu(const CpuConventions& conventions) {
  return make({.name = "priority-rr",
               .key = by_priority,
               .preemptive = true,
               .quantum = conventions.quantum});
}

std::unique_ptr<CpuPolicy> make_shortest_job_cpu(const CpuConventions&) {
  return make({.name = "sjf", .key = by_shortest});
}

std::unique_ptr<CpuPolicy> make_shortest_remaining_cpu(const CpuConventions&) {
  return make({.name = "srtf", .key = by_shortest, .preemptive = true});
}

std::unique_ptr<CpuPolicy> make_longest_job_cpu(const CpuConventions&) {
  return make({.name = "ljf", .key = by_longest});
}

std::unique_ptr<CpuPolicy> make_longest_remaining_cpu(const CpuConventions&) {
  return make({.name = "lrtf", .key = by_longest, .preemptive = true});
}

std::unique_ptr<CpuPolicy> make_earliest_deadline_cpu(const CpuConventions&) {
  return make({.name = "edf", .key = by_deadline, .preemptive = true});
}

}  // namespace spindle
