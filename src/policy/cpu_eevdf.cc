// Earliest eligible virtual deadline first (Stoica and Abdel-Wahab 1995; Linux's since 6.6), and a
// fair share for each user's tasks together (after Kay and Lauder 1988), as two levels of stride.
//
// Virtual time runs slower the more weight is ready, and never back; a task asks for a quantum at a
// time, may run once virtual time has reached the start of its request, and the one whose request
// ends first runs. So the tasks that may not run yet stand in one heap, by the start, and those
// that may in another, by the end.

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "cpu_policies.h"
#include "spindle/base/check.h"
#include "task_heap.h"

namespace spindle {
namespace {

constexpr std::int64_t kNormalWeight = 1024;
constexpr __int128 kPartsOfVirtual = __int128{1} << 32;

class Eevdf final : public CpuPolicy {
 public:
  explicit Eevdf(VirtualTime quantum) : quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return "eevdf"; }

  void ready(TaskId id, const TaskInfo& info, Why why) override {
    if (kFarthestKey < now_virtual_) count_anew();
    Task& task = tasks_[id];
    const bool comes_anew = !task.active || why == Why::kWoken;
    advance(info.now);
    deactivate(task);
    task.weight = std::max(info.weight, 1u);
    task.active = true;
    active_weight_ += task.weight;
    task.start += share_of(info.ran, task);
    if (comes_anew) task.start = std::max(task.start, now_virtual_);
    task.left = task.left - info.ran;
    if (comes_anew || task.left.ns <= 0) {
      task.left = quantum_;
      task.end = task.start + share_of(quantum_, task);
    }
    push(id, task, why == Why::kPassedOver);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    advance(now);
    settle();
    if (eligible_.empty() && !future_.empty()) {
      now_virtual_ = future_.top().key;
      virtual_rest_ = 0;
      settle();
    }
    if (eligible_.empty()) return std::nullopt;
    return eligible_.pop().task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId id) const override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return quantum_;
    const Task& task = found->second;
    return std::clamp(task.left, VirtualTime{1}, quantum_);
  }

  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    advance(info.now);
    settle();
    const auto found = tasks_.find(running);
    return found != tasks_.end() && !eligible_.empty() && eligible_.top().key < found->second.end;
  }

  void waits(TaskId id, const TaskInfo& info) override {
    advance(info.now);
    if (const auto found = tasks_.find(id); found != tasks_.end()) deactivate(found->second);
  }

  void removed(TaskId id) override {
    Task& task = tasks_.at(id);
    (task.in_future ? future_ : eligible_).remove(id);
    deactivate(task);
  }

  void finished(TaskId id) override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;
    deactivate(found->second);
    tasks_.erase(found);
  }

  [[nodiscard]] std::optional<double> rank(TaskId id, VirtualTime) const override {
    return static_cast<double>(tasks_.at(id).end);
  }

 private:
  struct Task {
    std::int64_t start = 0;  ///< when its request began, in virtual time
    std::int64_t end = 0;
    VirtualTime left;  ///< what is left of its request, in time on the CPU
    std::uint32_t weight = 0;
    bool active = false;  ///< its weight counts: it is ready or runs
    bool in_future = false;
  };

  static std::int64_t share_of(VirtualTime time, const Task& task) {
    return time.ns * kNormalWeight / task.weight;
  }

  void advance(VirtualTime now) {
    if (now_ < now && active_weight_ != 0) {
      virtual_rest_ += static_cast<__int128>((now - now_).ns) * kNormalWeight * kPartsOfVirtual /
                       static_cast<__int128>(active_weight_);
      const __int128 whole = (virtual_rest_ + kPartsOfVirtual / 2) / kPartsOfVirtual;
      now_virtual_ += static_cast<std::int64_t>(whole);
      virtual_rest_ -= whole * kPartsOfVirtual;
    }
    now_ = std::max(now_, now);
  }

  void count_anew() {
    for (auto& [id, task] : tasks_) {
      task.start = counted_from(now_virtual_, task.start);
      task.end = counted_from(now_virtual_, task.end);
    }
    eligible_.lower_all(now_virtual_);
    future_.lower_all(now_virtual_);
    now_virtual_ = 0;
  }

  void deactivate(Task& task) {
    if (task.active) active_weight_ -= task.weight;
    task.active = false;
  }

  void push(TaskId id, Task& task, bool in_front) {
    const std::int64_t place = queued_.next(in_front);
    task.in_future = now_virtual_ < task.start;
    if (task.in_future)
      future_.push_at(task.start, place, id);
    else
      eligible_.push_at(task.end, place, id);
  }

  void settle() {
    while (!future_.empty() && future_.top().key <= now_virtual_) {
      const TaskHeap::Entry first = future_.pop();
      Task& task = tasks_.at(first.task);
      task.in_future = false;
      eligible_.push_at(task.end, first.place, first.task);
    }
  }

  VirtualTime quantum_;
  VirtualTime now_;
  std::int64_t now_virtual_ = 0;  ///< rounded, so that it reaches a start when it should
  __int128 virtual_rest_ = 0;     ///< what is missing from it, in parts
  std::uint64_t active_weight_ = 0;
  PlaceCounter queued_;
  TaskHeap eligible_;
  TaskHeap future_;
  std::unordered_map<TaskId, Task> tasks_;
};

/// The user whose tasks have had the least together is next, of equal ones the one whose turn was
/// longest ago; among those the task that has had the least for its weight.
class FairShare final : public CpuPolicy {
 public:
  explicit FairShare(VirtualTime quantum) : quantum_(quantum) {}
  [[nodiscard]] std::string_view name() const override { return "fair-share"; }

  void ready(TaskId id, const TaskInfo& info, Why why) override {
    Task& task = tasks_[id];
    if (why == Why::kCreated) task.group = info.group;
    Group& group = groups_[task.group];
    if (kFarthestKey < group.floor) count_anew(task.group, group);
    if (group.turn == 0) group.turn = turns_.next();
    if (!std::exchange(task.is_charged, false)) charge(task, group, info);
    // Time in which it had nothing to run is not saved up.
    if (why == Why::kCreated || why == Why::kWoken) {
      task.served = std::max(task.served, group.floor);
      if (group.members.empty()) group.served = std::max(group.served, floor_);
    }
    const bool in_front = why == Why::kPassedOver;
    group.members.push(task.served, id, in_front);
    if (in_front && !group.in_order) group.turn = turns_.next(in_front);
    if (!group.in_order) order_.push_at(group.served, group.turn, TaskId{task.group});
    group.in_order = true;
  }

  std::optional<TaskId> next(VirtualTime) override {
    // What a group has been served only grows, so an entry that is out of date is too far in front.
    while (!order_.empty()) {
      const TaskHeap::Entry first = order_.pop();
      Group& group = groups_.at(first.task.value);
      group.in_order = first.key < group.served && !group.members.empty();
      if (group.in_order) order_.push_at(group.served, group.turn, first.task);
      if (group.in_order || group.members.empty()) continue;
      floor_ = std::max(floor_, first.key);
      const TaskHeap::Entry member = group.members.pop();
      group.floor = std::max(group.floor, member.key);
      group.turn = turns_.next();
      group.in_order = !group.members.empty();
      if (group.in_order) order_.push_at(group.served, group.turn, first.task);
      return member.task;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }

  void waits(TaskId id, const TaskInfo& info) override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;
    charge(found->second, groups_.at(found->second.group), info);
    found->second.is_charged = true;
  }

  void removed(TaskId id) override { groups_.at(tasks_.at(id).group).members.remove(id); }
  void finished(TaskId id) override { tasks_.erase(id); }

  [[nodiscard]] std::optional<double> rank(TaskId id, VirtualTime) const override {
    return static_cast<double>(groups_.at(tasks_.at(id).group).served);
  }

 private:
  struct Task {
    std::int64_t served = 0;
    std::uint64_t group = 0;
    bool is_charged = false;  ///< with its last turn, before it is ready again
  };
  struct Group {
    std::int64_t served = 0;
    std::int64_t floor = 0;  ///< the least served of its tasks so far
    TaskHeap members;        ///< those that are ready
    bool in_order = false;
    std::int64_t turn = 0;  ///< when it was chosen last; 0: it is new
  };

  static void charge(Task& task, Group& group, const TaskInfo& info) {
    task.served += info.ran.ns * kNormalWeight / std::max(info.weight, 1u);
    group.served += info.ran.ns;
  }

  void count_anew(std::uint64_t number, Group& group) {
    for (auto& [id, task] : tasks_)
      if (task.group == number) task.served = counted_from(group.floor, task.served);
    group.members.lower_all(group.floor);
    group.floor = 0;
  }

  VirtualTime quantum_;
  std::int64_t floor_ = 0;
  PlaceCounter turns_;
  TaskHeap order_;  ///< the groups that have, or had, a ready task
  std::unordered_map<std::uint64_t, Group> groups_;
  std::unordered_map<TaskId, Task> tasks_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_eevdf_cpu(const CpuConventions& conventions) {
  return std::make_unique<Eevdf>(conventions.quantum);
}

std::unique_ptr<CpuPolicy> make_fair_share_cpu(const CpuConventions& conventions) {
  return std::make_unique<FairShare>(conventions.quantum);
}

}  // namespace spindle
