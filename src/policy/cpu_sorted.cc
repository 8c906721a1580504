// Priority, shortest and longest job, earliest deadline, least laxity: the ready task with the
// lowest key runs.
//
// Each policy is a key, whether a lower key that becomes ready takes the CPU, and whether equals
// take turns.

#include <limits>
#include <unordered_map>
#include <utility>

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

/// The laxity at time 0; at any later time all are less by the same. No deadline is too long ago.
std::int64_t by_laxity(const TaskInfo& info) {
  std::int64_t laxity = 0;
  const bool is_beyond = __builtin_sub_overflow(info.deadline.ns, info.expected_burst.ns, &laxity);
  return is_beyond ? std::numeric_limits<std::int64_t>::min() : laxity;
}

struct Rule {
  std::string_view name;
  Key key;
  bool preemptive = false;
  bool in_turns = false;       ///< equals take turns of a quantum
  bool keeps_cpu = false;      ///< the one whose quantum ended goes on before its equals
  bool is_negated = false;     ///< the key is the negative of what it is made of
  bool falls_in_time = false;  ///< as time goes by, and as fast; the key is what it is at time 0
  std::optional<VirtualTime> quantum = {};
};

class Sorted final : public CpuPolicy {
 public:
  Sorted(const Rule& rule, CpuConventions::Equals preempted)
      : rule_(rule),
        preempted_(rule.in_turns && preempted == CpuConventions::Equals::kArrival
                       ? CpuConventions::Equals::kFront
                       : preempted) {}
  [[nodiscard]] std::string_view name() const override { return rule_.name; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    const bool by_arrival = preempted_ == CpuConventions::Equals::kArrival;
    if (by_arrival && (why == Why::kCreated || why == Why::kWoken || why == Why::kYielded))
      arrivals_[task] = ++arrivals_so_far_;
    if (rule_.keeps_cpu && why == Why::kQuantumExpired) {
      give_up_kept();
      kept_ = {rule_.key(info), 0, task};
    } else {
      const bool stays = preempted_ == CpuConventions::Equals::kFront && why == Why::kPreempted;
      push(rule_.key(info), task, stays || why == Why::kPassedOver);
    }
  }

  std::optional<TaskId> next(VirtualTime) override {
    if (kept_ && (tasks_.empty() || kept_->key <= tasks_.top().key))
      return std::exchange(kept_, std::nullopt)->task;
    give_up_kept();
    return tasks_.empty() ? std::nullopt : std::optional(tasks_.pop().task);
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return rule_.quantum; }

  [[nodiscard]] bool preempts(TaskId, const TaskInfo& info) override {
    return rule_.preemptive && !tasks_.empty() && tasks_.top().key < rule_.key(info);
  }

  void removed(TaskId task) override {
    if (kept_ && kept_->task == task)
      kept_.reset();
    else
      tasks_.remove(task);
  }
  void finished(TaskId task) override { arrivals_.erase(task); }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime now) const override {
    const std::int64_t key = kept_ && kept_->task == task ? kept_->key : tasks_.key_of(task);
    const auto rank = static_cast<double>(key);
    if (rule_.falls_in_time) return rank - static_cast<double>(now.ns);
    return rule_.is_negated ? -rank : rank;
  }

 private:
  void push(std::int64_t key, TaskId task, bool front) {
    if (preempted_ == CpuConventions::Equals::kArrival)
      tasks_.push_at(key, arrivals_[task], task);
    else
      tasks_.push(key, task, front);
  }

  /// Another task runs: the kept one stands among its equals like the rest.
  void give_up_kept() {
    if (kept_) push(kept_->key, kept_->task, false);
    kept_.reset();
  }

  Rule rule_;
  CpuConventions::Equals preempted_;
  TaskHeap tasks_;
  std::unordered_map<TaskId, std::int64_t> arrivals_;  ///< only with Equals::kArrival
  std::int64_t arrivals_so_far_ = 0;
  std::optional<TaskHeap::Entry> kept_;  ///< its quantum ended, but among its equals it goes on
};

std::unique_ptr<CpuPolicy> make(const CpuConventions& conventions, const Rule& rule) {
  return std::make_unique<Sorted>(rule, conventions.preempted);
}

}  // namespace

std::unique_ptr<CpuPolicy> make_priority_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "priority", .key = by_priority, .is_negated = true});
}

std::unique_ptr<CpuPolicy> make_preemptive_priority_cpu(const CpuConventions& conventions) {
  return make(
      conventions,
      {.name = "priority-preemptive", .key = by_priority, .preemptive = true, .is_negated = true});
}

std::unique_ptr<CpuPolicy> make_priority_round_robin_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "priority-rr",
                            .key = by_priority,
                            .preemptive = true,
                            .in_turns = true,
                            .is_negated = true,
                            .quantum = conventions.quantum});
}

std::unique_ptr<CpuPolicy> make_shortest_job_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "sjf", .key = by_shortest});
}

std::unique_ptr<CpuPolicy> make_shortest_remaining_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "srtf", .key = by_shortest, .preemptive = true});
}

std::unique_ptr<CpuPolicy> make_longest_job_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "ljf", .key = by_longest, .is_negated = true});
}

/// How often those look again whose order changes as time goes by, as textbooks do it in units of
/// one. Under a longer quantum, which is another policy's, they would be other policies.
VirtualTime time_to_look_again(const CpuConventions& conventions) {
  constexpr VirtualTime kUnit{1'000'000};
  return std::min(conventions.quantum, kUnit);
}

/// The running task grows shorter than the others as it runs, so it must give way now and then.
std::unique_ptr<CpuPolicy> make_longest_remaining_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "lrtf",
                            .key = by_longest,
                            .preemptive = true,
                            .is_negated = true,
                            .quantum = time_to_look_again(conventions)});
}

std::unique_ptr<CpuPolicy> make_earliest_deadline_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "edf", .key = by_deadline, .preemptive = true});
}

/// Those that wait lose laxity while the running task keeps its own.
std::unique_ptr<CpuPolicy> make_least_laxity_cpu(const CpuConventions& conventions) {
  return make(conventions, {.name = "llf",
                            .key = by_laxity,
                            .preemptive = true,
                            .keeps_cpu = true,
                            .falls_in_time = true,
                            .quantum = time_to_look_again(conventions)});
}

}  // namespace spindle
