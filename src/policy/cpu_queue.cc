// FCFS and round robin: one queue; round robin with a quantum. Virtual round robin (Halder and
// Subramanian 1991) has a second queue, served first, for tasks that come back from waiting with a
// part of their quantum unused.

#include <unordered_map>

#include "cpu_policies.h"
#include "task_fifo.h"

namespace spindle {
namespace {

class ReadyQueue final : public CpuPolicy {
 public:
  ReadyQueue(std::string_view name, std::optional<VirtualTime> quantum)
      : name_(name), quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  void ready(TaskId task, const TaskInfo&, Why why) override {
    if (why == Why::kPassedOver)
      queue_.push_front(task);
    else
      queue_.push_back(task);
  }
  std::optional<TaskId> next(VirtualTime) override { return queue_.pop_front(); }
  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }
  void removed(TaskId task) override { queue_.remove(task); }

 private:
  std::string_view name_;
  std::optional<VirtualTime> quantum_;
  TaskFifo queue_;
};

class VirtualRoundRobin final : public CpuPolicy {
 public:
  explicit VirtualRoundRobin(VirtualTime quantum) : quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return "vrr"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    if (why == Why::kPassedOver)
      return (turns_.at(task).is_woken ? woken_ : queue_).push_front(task);
    const VirtualTime left = quantum(task).value() - info.ran;
    const bool first = why == Why::kWoken && left.ns > 0;
    turns_[task] = {first ? left : quantum_, first};
    (first ? woken_ : queue_).push_back(task);
  }

  std::optional<TaskId> next(VirtualTime) override {
    return (woken_.empty() ? queue_ : woken_).pop_front();
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    const auto found = turns_.find(task);
    return found == turns_.end() ? quantum_ : found->second.left;
  }

  void removed(TaskId task) override { (turns_.at(task).is_woken ? woken_ : queue_).remove(task); }
  void finished(TaskId task) override { turns_.erase(task); }

 private:
  struct Turn {
    VirtualTime left;  ///< how long it may run when its turn comes
    bool is_woken = false;
  };

  VirtualTime quantum_;
  TaskFifo queue_;
  TaskFifo woken_;
  std::unordered_map<TaskId, Turn> turns_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_fcfs_cpu(const CpuConventions&) {
  return std::make_unique<ReadyQueue>("fcfs", std::nullopt);
}

std::unique_ptr<CpuPolicy> make_round_robin_cpu(const CpuConventions& conventions) {
  return std::make_unique<ReadyQueue>("rr", conventions.quantum);
}

std::unique_ptr<CpuPolicy> make_virtual_round_robin_cpu(const CpuConventions& conventions) {
  return std::make_unique<VirtualRoundRobin>(conventions.quantum);
}

}  // namespace spindle
