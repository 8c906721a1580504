// The multi-level feedback queue (Corbato 1962; the rules as in Arpaci-Dusseau, "Operating
// Systems: Three Easy Pieces", chapter 8).
//
// A new task starts at the top. The highest level that has a task runs; within a level, round
// robin. A task that has used up its level's allotment, one quantum or several, in one go or over
// several bursts, goes down one. Every `boost` all tasks go back to the top.
//
// "feedback" is the older form without boosts: one quantum for all levels, or one that doubles from
// each to the next; and a task that nobody waits for when its quantum ends is not punished for it.

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "spindle/base/check.h"
#include "task_fifo.h"

namespace spindle {
namespace {

VirtualTime doubled(VirtualTime quantum, std::size_t times) {
  const std::size_t doublings = std::min<std::size_t>(times, 20);
  return {std::min(quantum.ns, std::numeric_limits<std::int64_t>::max() >> doublings) << doublings};
}

class Mlfq final : public CpuPolicy {
 public:
  explicit Mlfq(const CpuConventions& conventions)
      : boost_(conventions.boost),
        renews_(conventions.waiting_renews_allotment),
        to_front_(conventions.woken_to_front) {
    const bool given = !conventions.quanta.empty();
    levels_.resize(given ? conventions.quanta.size() : conventions.levels);
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      Level& level = levels_[i];
      level.queue = {&level.queue, &level.queue};
      level.quantum = given ? conventions.quanta[i] : doubled(conventions.quantum, i);
      if (i < conventions.allotments.size()) level.allotment = conventions.allotments[i];
    }
  }
  [[nodiscard]] std::string_view name() const override { return "mlfq"; }

  void ready(TaskId id, const TaskInfo& info, Why why) override {
    // What happened on the CPU up to this instant counts before a boost that falls on it; whoever
    // comes from elsewhere comes after it.
    const bool from_cpu = why != Why::kCreated && why != Why::kWoken;
    if (!from_cpu) boost_if_due(info.now);
    Task& task = tasks_[id];
    CHECK(task.next == nullptr);
    if (why == Why::kPassedOver) return link(levels_[task.level].queue, task);
    task.id = id;
    bool in_turn = true;  // it had its turn, and stands at the back
    if (why == Why::kCreated || task.boosts != boosts_)
      put_on(task, 0);
    else
      in_turn = charge(task, info, why) || (why != Why::kPreempted && why != Why::kQuantumExpired);
    enqueue(task, why, in_turn);
    if (from_cpu) boost_if_due(info.now);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    boost_if_due(now);
    for (Level& level : levels_) {
      if (level.queue.next == &level.queue) continue;
      Task& task = static_cast<Task&>(*level.queue.next);
      unlink(task);
      if (task.boosts != boosts_) put_on(task, 0);
      task.chosen_at = comebacks_;
      return task.id;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId id) const override {
    const auto found = tasks_.find(id);
    if (found == tasks_.end() || found->second.boosts != boosts_) return levels_[0].quantum;
    return levels_[found->second.level].quantum - found->second.used;
  }

  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    boost_if_due(info.now);
    const auto found = tasks_.find(running);
    if (found == tasks_.end()) return false;
    const Task& task = found->second;
    const std::uint32_t level = task.boosts == boosts_ ? task.level : 0;
    for (std::uint32_t above = 0; above < level; ++above)
      if (levels_[above].queue.next != &levels_[above].queue) return true;
    const Links& queue = levels_[level].queue;
    return queue.next != &queue &&
           static_cast<const Task&>(*queue.next).came_back_at > task.chosen_at;
  }

  [[nodiscard]] std::optional<VirtualTime> alarm() const override {
    return boost_.ns > 0 ? std::optional(last_boost_ + boost_) : std::nullopt;
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

  [[nodiscard]] std::optional<double> rank(TaskId id, VirtualTime now) const override {
    const Task& task = tasks_.at(id);
    return boost_is_due(now) || task.boosts != boosts_ ? 0 : task.level;
  }

 private:
  struct Links {
    Links* previous = nullptr;
    Links* next = nullptr;  ///< null: the task is not ready
  };
  struct Task : Links {
    TaskId id;
    std::uint32_t level = 0;
    VirtualTime used;                ///< what it has used of the level's quantum
    std::uint32_t quanta_left = 1;   ///< of the level's allotment, with the one in use
    std::uint64_t boosts = 0;        ///< how many there had been when these were set
    std::uint64_t came_back_at = 0;  ///< which comeback put it to the front; 0: none
    std::uint64_t chosen_at = 0;     ///< how many comebacks there had been when it was chosen
  };
  struct Level {
    Links queue;
    VirtualTime quantum;
    std::uint32_t allotment = 1;
  };

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

  void put_on(Task& task, std::uint32_t level) {
    task.level = level;
    task.used = {};
    task.quanta_left = levels_[level].allotment;
    task.boosts = boosts_;
  }

  /// Books what it ran; answers whether its quantum is used up.
  bool charge(Task& task, const TaskInfo& info, Why why) {
    const Level& level = levels_[task.level];
    const bool renews = why == Why::kWoken && renews_;
    task.used += info.ran;
    // A caller's timer may end a quantum a little early; but a boost ends a turn, not a quantum.
    const bool used_up =
        level.quantum <= task.used || (why == Why::kQuantumExpired && !boost_is_due(info.now));
    if (renews) task.quanta_left = level.allotment;
    if (used_up && task.quanta_left <= 1)
      put_on(task, std::min(task.level + 1, static_cast<std::uint32_t>(levels_.size()) - 1));
    else if (used_up)
      --task.quanta_left;
    if (used_up || renews) task.used = {};
    return used_up;
  }

  void enqueue(Task& task, Why why, bool in_turn) {
    Links& queue = levels_[task.level].queue;
    Links* after = in_turn ? queue.previous : &queue;
    if (why == Why::kWoken && to_front_) {
      task.came_back_at = ++comebacks_;
      after = &queue;
    } else if (!in_turn && to_front_) {
      // A preempted task has not had its turn: it stays in front, but for those who came back to
      // the front while it ran.
      while (after->next != &queue &&
             static_cast<const Task&>(*after->next).came_back_at > task.chosen_at)
        after = after->next;
    }
    if (why != Why::kWoken) task.came_back_at = 0;
    link(*after, task);
  }

  [[nodiscard]] bool boost_is_due(VirtualTime now) const {
    return boost_.ns > 0 && last_boost_ + boost_ <= now;
  }

  /// All ready tasks go to the end of the top queue, those of the lowest level first, whole queues
  /// at a time; each task finds out by its count of boosts.
  void boost_if_due(VirtualTime now) {
    if (!boost_is_due(now)) return;
    last_boost_.ns = now.ns - now.ns % boost_.ns;
    ++boosts_;
    Links& top = levels_[0].queue;
    for (std::size_t level = levels_.size(); level-- > 1;) {
      Links& queue = levels_[level].queue;
      if (queue.next == &queue) continue;
      top.previous->next = queue.next;
      queue.next->previous = top.previous;
      queue.previous->next = &top;
      top.previous = queue.previous;
      queue = {&queue, &queue};
    }
  }

  VirtualTime boost_;
  bool renews_;
  bool to_front_;
  VirtualTime last_boost_;
  std::uint64_t boosts_ = 0;
  std::uint64_t comebacks_ = 0;
  std::vector<Level> levels_;
  std::unordered_map<TaskId, Task> tasks_;
};

class Feedback final : public CpuPolicy {
 public:
  explicit Feedback(const CpuConventions& conventions)
      : quantum_(conventions.quantum),
        quanta_(conventions.quanta),
        doubles_(conventions.doubles_quantum) {}
  [[nodiscard]] std::string_view name() const override { return "feedback"; }

  void ready(TaskId task, const TaskInfo&, Why why) override {
    std::size_t& level = levels_[task];
    if (why == Why::kCreated) level = 0;
    if (why == Why::kQuantumExpired && ready_ != 0) level = std::min(level + 1, kLevels - 1);
    if (why == Why::kPassedOver)
      queues_[level].push_front(task);
    else
      queues_[level].push_back(task);
    ++ready_;
  }

  std::optional<TaskId> next(VirtualTime) override {
    for (TaskFifo& queue : queues_) {
      if (queue.empty()) continue;
      --ready_;
      return queue.pop_front();
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    const auto found = levels_.find(task);
    const std::size_t level = found == levels_.end() ? 0 : found->second;
    if (!quanta_.empty()) return quanta_[std::min(level, quanta_.size() - 1)];
    return doubled(quantum_, doubles_ ? level : 0);
  }

  void removed(TaskId task) override {
    queues_[levels_.at(task)].remove(task);
    --ready_;
  }
  void finished(TaskId task) override { levels_.erase(task); }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime) const override {
    return static_cast<double>(levels_.at(task));
  }

 private:
  static constexpr std::size_t kLevels = 64;

  VirtualTime quantum_;
  std::vector<VirtualTime> quanta_;
  bool doubles_;
  std::size_t ready_ = 0;
  std::array<TaskFifo, kLevels> queues_;
  std::unordered_map<TaskId, std::size_t> levels_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_mlfq_cpu(const CpuConventions& conventions) {
  return std::make_unique<Mlfq>(conventions);
}

std::unique_ptr<CpuPolicy> make_feedback_cpu(const CpuConventions& conventions) {
  return std::make_unique<Feedback>(conventions);
}

}  // namespace spindle
