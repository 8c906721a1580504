// FCFS and round robin: one queue; round robin with a quantum. Virtual round robin (Halder and
// Subramanian 1991) has a second queue, served first, for tasks that come back from waiting with a
// part of their quantum unused.
//
// The queue is a ring of task numbers that only grows, so the runtime's usual policies cost a few
// instructions a decision.

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

class Queue final : public CpuPolicy {
 public:
  Queue(std::string_view name, std::optional<VirtualTime> quantum)
      : name_(name), quantum_(quantum), ring_(64) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  void ready(TaskId task, const TaskInfo&, Why) override {
    if (size_ == ring_.size()) grow();
    ring_[(head_ + size_++) & (ring_.size() - 1)] = task;
  }

  std::optional<TaskId> next(VirtualTime) override {
    if (size_ == 0) return std::nullopt;
    const TaskId task = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
    return task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }

  void removed(TaskId task) override {
    const std::size_t mask = ring_.size() - 1;
    std::size_t at = 0;
    while (at < size_ && ring_[(head_ + at) & mask] != task) ++at;
    CHECK(at < size_);
    for (; at + 1 < size_; ++at) ring_[(head_ + at) & mask] = ring_[(head_ + at + 1) & mask];
    --size_;
  }

 private:
  void grow() {
    std::vector<TaskId> larger(2 * ring_.size());
    for (std::size_t i = 0; i < size_; ++i) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_ = std::move(larger);
    head_ = 0;
  }

  std::string_view name_;
  std::optional<VirtualTime> quantum_;
  std::vector<TaskId> ring_;  ///< a power of two long
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

class VirtualRoundRobin final : public CpuPolicy {
 public:
  explicit VirtualRoundRobin(VirtualTime quantum) : quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return "vrr"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    const VirtualTime left = quantum(task).value() - info.ran;
    const bool first = why == Why::kWoken && left.ns > 0;
    left_[task] = first ? left : quantum_;
    (first ? woken_ : queue_).push_back(task);
  }

  std::optional<TaskId> next(VirtualTime) override {
    std::deque<TaskId>& from = woken_.empty() ? queue_ : woken_;
    if (from.empty()) return std::nullopt;
    const TaskId task = from.front();
    from.pop_front();
    return task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    const auto found = left_.find(task);
    return found == left_.end() ? quantum_ : found->second;
  }

  void removed(TaskId task) override { CHECK(std::erase(queue_, task) + std::erase(woken_, task)); }
  void finished(TaskId task) override { left_.erase(task); }

 private:
  VirtualTime quantum_;
  std::deque<TaskId> queue_;
  std::deque<TaskId> woken_;
  std::unordered_map<TaskId, VirtualTime> left_;  ///< what each may run when its turn comes
};

}  // namespace

std::unique_ptr<CpuPolicy> make_fcfs_cpu(const CpuConventions&) {
  return std::make_unique<Queue>("fcfs", std::nullopt);
}

std::unique_ptr<CpuPolicy> make_round_robin_cpu(const CpuConventions& conventions) {
  return std::make_unique<Queue>("rr", conventions.quantum);
}

std::unique_ptr<CpuPolicy> make_virtual_round_robin_cpu(const CpuConventions& conventions) {
  return std::make_unique<VirtualRoundRobin>(conventions.quantum);
}

}  // namespace spindle
