// Fixed queues and growing priorities: the multi-level queue, where a task never leaves its queue,
// and priority with ageing, where a task that waits moves up.

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "phase_tree.h"
#include "task_fifo.h"

namespace spindle {
namespace {

/// A queue for each priority, the highest served first, each with a quantum of its own or none.
/// Priority 0 is the top queue, -1 the one below, and so on; the lowest queue takes all below it.
class MultiLevelQueue final : public CpuPolicy {
 public:
  explicit MultiLevelQueue(const CpuConventions& conventions) : quanta_(conventions.quanta) {
    // The textbook's: a foreground in turns, and a background in order of arrival.
    if (quanta_.empty()) quanta_ = {conventions.quantum, {}};
    queues_.resize(quanta_.size());
  }
  [[nodiscard]] std::string_view name() const override { return "mlq"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    const std::size_t level = level_of(info.priority);
    level_[task] = level;
    if (why == Why::kPreempted || why == Why::kPassedOver)
      queues_[level].push_front(task);
    else
      queues_[level].push_back(task);
  }

  std::optional<TaskId> next(VirtualTime) override {
    for (TaskFifo& queue : queues_)
      if (!queue.empty()) return queue.pop_front();
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    const auto found = level_.find(task);
    const VirtualTime quantum = quanta_[found == level_.end() ? 0 : found->second];
    return quantum.ns == 0 ? std::nullopt : std::optional(quantum);
  }

  [[nodiscard]] bool preempts(TaskId, const TaskInfo& info) override {
    const auto above = queues_.begin() + static_cast<std::ptrdiff_t>(level_of(info.priority));
    return std::any_of(queues_.begin(), above, [](const auto& queue) { return !queue.empty(); });
  }

  void removed(TaskId task) override { queues_[level_.at(task)].remove(task); }
  void finished(TaskId task) override { level_.erase(task); }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime) const override {
    return static_cast<double>(level_.at(task));
  }

 private:
  [[nodiscard]] std::size_t level_of(int priority) const {
    const auto level = static_cast<std::size_t>(-std::min<std::int64_t>(priority, 0));
    return std::min(level, queues_.size() - 1);
  }

  std::vector<VirtualTime> quanta_;
  std::vector<TaskFifo> queues_;
  std::unordered_map<TaskId, std::size_t> level_;
};

/// Preemptive priority; each span that a task waits raises it by one. The running task keeps what
/// it had when it was chosen, and begins at its own priority when it waits again.
///
/// Let a task begin to wait after q whole spans and a rest r, and let Q spans and a rest R have
/// passed now. Then it has been raised Q - q times, or once less if R is below r. So priority - q
/// ranks all tasks with r up to R for ever, and all with r above R, too; a decision compares the
/// best of the first with the best of the second.
class AgingPriority final : public CpuPolicy {
 public:
  explicit AgingPriority(VirtualTime interval) : interval_(interval) {}
  [[nodiscard]] std::string_view name() const override { return "priority-aging"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    PhaseTree::Item& place = place_[task];
    if (why != Why::kPassedOver)
      place = {info.now.ns % interval_.ns, ++arrivals_, info.priority - info.now.ns / interval_.ns,
               task};
    waiting_.insert(place);
    now_ = std::max(now_, info.now);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    now_ = std::max(now_, now);
    const auto best = highest();
    if (!best) return std::nullopt;
    running_[best->task] = best->rank;
    removed(best->task);
    return best->task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }

  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    now_ = std::max(now_, info.now);
    const auto best = highest();
    if (!best) return false;
    const auto found = running_.find(running);
    return (found == running_.end() ? info.priority : found->second) < best->rank;
  }

  void removed(TaskId task) override {
    const PhaseTree::Item& place = place_.at(task);
    waiting_.erase(place.phase, place.order);
  }

  void finished(TaskId task) override {
    running_.erase(task);
    place_.erase(task);
  }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime now) const override {
    const PhaseTree::Item& place = place_.at(task);
    return static_cast<double>(place.rank + raised_by(now, place.phase <= now.ns % interval_.ns));
  }

 private:
  /// How often a task has been raised by now, counted from time 0, if its phase is over or not.
  [[nodiscard]] std::int64_t raised_by(VirtualTime now, bool is_phase_over) const {
    return now.ns / interval_.ns - (is_phase_over ? 0 : 1);
  }

  /// The task of the highest priority now, which is its rank; of equals the one that waits longest.
  [[nodiscard]] std::optional<PhaseTree::Item> highest() const {
    const std::int64_t phase = now_.ns % interval_.ns;
    auto best = waiting_.best_up_to(phase);
    auto other = waiting_.best_above(phase);
    if (best) best->rank += raised_by(now_, true);
    if (other) other->rank += raised_by(now_, false);
    return !best || (other && PhaseTree::is_better(*other, *best)) ? other : best;
  }

  VirtualTime interval_;
  VirtualTime now_;
  std::uint64_t arrivals_ = 0;
  PhaseTree waiting_;
  std::unordered_map<TaskId, PhaseTree::Item> place_;  ///< where each task waits, or waited last
  std::unordered_map<TaskId, std::int64_t> running_;   ///< the rank with which each was chosen
};

}  // namespace

std::unique_ptr<CpuPolicy> make_multi_level_queue_cpu(const CpuConventions& conventions) {
  return std::make_unique<MultiLevelQueue>(conventions);
}

std::unique_ptr<CpuPolicy> make_aging_priority_cpu(const CpuConventions& conventions) {
  return std::make_unique<AgingPriority>(conventions.aging_interval);
}

}  // namespace spindle
