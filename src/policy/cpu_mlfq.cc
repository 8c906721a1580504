// The multi-level feedback queue (Corbato 1962; the rules as in Arpaci-Dusseau, "Operating
// Systems: Three Easy Pieces", chapter 8).
//
// A new task starts at the top. The highest level that has a task runs; within a level, round
// robin. A task that has used up its level's quantum, in one go or over several bursts, goes down
// one. Every `boost` all tasks go back to the top.
//
// "feedback" is the older form without boosts: one quantum for all levels, and a task that nobody
// waits for when its quantum ends is not punished for it.

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

class Mlfq final : public CpuPolicy {
 public:
  Mlfq(VirtualTime quantum, std::uint32_t levels, VirtualTime boost)
      : quantum_(quantum), boost_(boost), queues_(levels) {
    for (Links& queue : queues_) queue = {&queue, &queue};
  }
  [[nodiscard]] std::string_view name() const override { return "mlfq"; }

  void ready(TaskId id, const TaskInfo& info, Why why) override {
    boost_if_due(info.now);
    Task& task = tasks_[id];
    CHECK(task.next == nullptr);
    task.id = id;
    if (why == Why::kCreated) task.boosts = boosts_;
    const std::uint32_t level = level_of(task);
    if (task.boosts != boosts_) task = {{}, id, 0, {}, boosts_};
    task.used += info.ran;
    if (why == Why::kQuantumExpired || quantum_of(level) <= task.used) {
      task.level = std::min<std::uint32_t>(level + 1, levels() - 1);
      task.used = {};
    }
    // A preempted task has not had its turn: it stays in front.
    const bool in_front = why == Why::kPreempted && task.used.ns != 0;
    Links& queue = queues_[task.level];
    link(in_front ? queue : *queue.previous, task);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    boost_if_due(now);
    for (Links& queue : queues_) {
      if (queue.next == &queue) continue;
      Task& task = static_cast<Task&>(*queue.next);
      unlink(task);
      return task.id;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId id) const override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return quantum_;
    const Task& task = found->second;
    if (task.boosts != boosts_) return quantum_;
    return quantum_of(task.level) - task.used;
  }

  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    boost_if_due(info.now);
    const auto found = tasks_.find(running);
    const std::uint32_t level = found == tasks_.end() ? 0 : level_of(found->second);
    for (std::uint32_t above = 0; above < level; ++above)
      if (queues_[above].next != &queues_[above]) return true;
    return false;
  }

  void removed(TaskId id) override {
    const auto found = tasks_.find(id);
    CHECK(found != tasks_.end() && found->second.next != nullptr);
    unlink(found->second);
  }

  void finished(TaskId id) override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;
    CHECK(found->second.next == nullptr);
    tasks_.erase(found);
  }

 private:
  struct Links {
    Links* previous = nullptr;
    Links* next = nullptr;  ///< null: the task is not ready
  };
  struct Task : Links {
    TaskId id;
    std::uint32_t level = 0;
    VirtualTime used;          ///< of the level's quantum
    std::uint64_t boosts = 0;  ///< how many there had been when level and used were set
  };

  [[nodiscard]] std::uint32_t levels() const { return static_cast<std::uint32_t>(queues_.size()); }
  [[nodiscard]] VirtualTime quantum_of(std::uint32_t level) const {
    const std::uint32_t doublings = std::min(level, 20u);
    return {std::min(quantum_.ns, std::numeric_limits<std::int64_t>::max() >> doublings)
            << doublings};
  }
  [[nodiscard]] std::uint32_t level_of(const Task& task) const {
    return task.boosts == boosts_ ? task.level : 0;
  }

  static void link(Links& after, Task& task) {
    task.previous = &after;
    task.next = after.next;
    after.next->previous = &task;
    after.next = &task;
  }
  static void unlink(Task& task) {
    task.previous->next = task.next;
    task.next->previous = task.previous;
    task.previous = task.next = nullptr;
  }

  /// All ready tasks go to the end of the top queue, whole queues at a time; each task finds out
  /// by its count of boosts.
  void boost_if_due(VirtualTime now) {
    if (boost_.ns <= 0 || now < last_boost_ + boost_) return;
    last_boost_ = now;
    ++boosts_;
    Links& top = queues_[0];
    for (std::size_t level = 1; level < queues_.size(); ++level) {
      Links& queue = queues_[level];
      if (queue.next == &queue) continue;
      top.previous->next = queue.next;
      queue.next->previous = top.previous;
      queue.previous->next = &top;
      top.previous = queue.previous;
      queue = {&queue, &queue};
    }
  }

  VirtualTime quantum_;
  VirtualTime boost_;
  VirtualTime last_boost_;
  std::uint64_t boosts_ = 0;
  std::vector<Links> queues_;
  std::unordered_map<TaskId, Task> tasks_;
};

class Feedback final : public CpuPolicy {
 public:
  explicit Feedback(VirtualTime quantum) : quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return "feedback"; }

  void ready(TaskId task, const TaskInfo&, Why why) override {
    std::size_t& level = levels_[task];
    if (why == Why::kCreated) level = 0;
    if (why == Why::kQuantumExpired && ready_ != 0) level = std::min(level + 1, kLevels - 1);
    queues_[level].push_back(task);
    ++ready_;
  }

  std::optional<TaskId> next(VirtualTime) override {
    for (std::deque<TaskId>& queue : queues_) {
      if (queue.empty()) continue;
      const TaskId task = queue.front();
      queue.pop_front();
      --ready_;
      return task;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }

  void removed(TaskId task) override {
    CHECK(std::erase(queues_[levels_.at(task)], task) == 1);
    --ready_;
  }
  void finished(TaskId task) override { levels_.erase(task); }

 private:
  static constexpr std::size_t kLevels = 64;

  VirtualTime quantum_;
  std::size_t ready_ = 0;
  std::array<std::deque<TaskId>, kLevels> queues_;
  std::unordered_map<TaskId, std::size_t> levels_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_mlfq_cpu(const CpuConventions& conventions) {
  return std::make_unique<Mlfq>(conventions.quantum, conventions.levels, conventions.boost);
}

std::unique_ptr<CpuPolicy> make_feedback_cpu(const CpuConventions& conventions) {
  return std::make_unique<Feedback>(conventions.quantum);
}

}  // namespace spindle
