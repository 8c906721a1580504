// CPU policies that remember a task from turn to turn, against lists that are searched from end to
// end: virtual round robin, feedback, stride and the fair scheduler; highest response ratio over
// long spans; and EEVDF, fair share and the lottery, whose lists say which tasks may be chosen.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {
namespace {

constexpr std::int64_t kQuantum = 8;

struct Task {
  std::uint64_t id = 0;
  std::uint32_t weight = 1;
  std::int64_t burst = 1;
  std::int64_t since = 0;
  std::int64_t key = 0;  ///< the lowest runs; among equals the one queued first
  std::int64_t order = 0;
  std::int64_t left = kQuantum;  ///< of virtual round robin's quantum
  int level = 0;
  bool enters = false;  ///< and begins with what the least served one has had
};

/// What each of the policies does when a task becomes ready: sets its key.
class Model {
 public:
  explicit Model(std::string_view policy) : policy_(policy) {}

  void ready(Task& task, std::int64_t now, std::int64_t ran, Why why) {
    task.since = now;
    if (policy_ == "vrr") {
      const std::int64_t left = task.left - ran;
      const bool first = why == Why::kWoken && left > 0;
      task.left = first ? left : kQuantum;
      task.key = first ? 0 : 1;
    } else if (policy_ == "feedback") {
      if (why == Why::kCreated) task.level = 0;
      if (why == Why::kQuantumExpired && !queue_.empty()) ++task.level;
      task.key = task.level;
    } else if (policy_ == "stride" || policy_ == "cfs") {
      const std::int64_t amount =
          policy_ == "cfs"
              ? ran * 1024 / task.weight
              : static_cast<std::int64_t>(static_cast<double>(1'000'000 / task.weight) *
                                          (static_cast<double>(ran) / kQuantum));
      task.key += amount;
      task.enters = why == Why::kCreated || why == Why::kWoken;
      if (why == Why::kCreated) task.key = std::numeric_limits<std::int64_t>::min();
      if (policy_ == "stride") admit(task);
    }
    task.order = ++queued_;
    queue_.push_back(&task);
  }

  Task* next(std::int64_t now) {
    if (policy_ == "cfs") admit_all();
    auto best = queue_.begin();
    for (auto at = queue_.begin(); at != queue_.end(); ++at)
      if (at != best && is_before(**at, **best, now)) best = at;
    if (best == queue_.end()) return nullptr;
    Task* task = *best;
    queue_.erase(best);
    floor_ = std::max(floor_, task->key);
    return task;
  }

  Task* removed(std::size_t place) {
    Task* task = queue_[place];
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(place));
    return task;
  }
  [[nodiscard]] std::size_t size() const { return queue_.size(); }

 private:
  [[nodiscard]] bool is_before(const Task& a, const Task& b, std::int64_t now) const {
    if (policy_ == "hrrn") {
      const std::int64_t mine = (now - a.since) * b.burst;
      const std::int64_t its = (now - b.since) * a.burst;
      return mine != its ? mine > its : a.order < b.order;
    }
    return a.key != b.key ? a.key < b.key : a.order < b.order;
  }

  void admit(Task& task) const {
    if (!task.enters) return;
    const bool is_new = task.key == std::numeric_limits<std::int64_t>::min();
    task.key = std::max(task.key, floor_ - (policy_ == "cfs" && !is_new ? 20 : 0));
    task.enters = false;
  }

  void admit_all() {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const Task* task : queue_)
      if (!task->enters) least = std::min(least, task->key);
    const bool is_anyone_there = least != std::numeric_limits<std::int64_t>::max();
    const bool does_anyone_enter = std::ranges::any_of(queue_, &Task::enters);
    if (is_anyone_there && does_anyone_enter) floor_ = std::max(floor_, least);
    for (Task* task : queue_) admit(*task);
  }

  std::string_view policy_;
  std::vector<Task*> queue_;
  std::int64_t floor_ = 0;
  std::int64_t queued_ = 0;
};

void compare_turns(std::string_view name, std::uint64_t seed) {
  Random random(seed);
  const auto policy = std::move(make_cpu_policy(name, {.quantum = {kQuantum},
                                                       .latency = {40},
                                                       .granularity = {5},
                                                       .stride_of_one = 1'000'000}))
                          .take();
  Model model(name);
  std::map<std::uint64_t, Task> tasks;
  std::vector<Task*> asleep;
  std::int64_t now = 0;
  const auto wake = [&](Task& task, std::int64_t ran, Why why) {
    policy->ready(
        TaskId{task.id},
        {.now = {now}, .ran = {ran}, .expected_burst = {task.burst}, .weight = task.weight}, why);
    model.ready(task, now, ran, why);
  };
  for (int step = 0; step < 1500; ++step) {
    now += static_cast<std::int64_t>(random.below(12));
    if (random.one_in(4)) {
      Task& task = tasks[tasks.size()];
      task.id = tasks.size() - 1;
      task.weight = 1 + static_cast<std::uint32_t>(random.below(4000));
      task.burst = 1 + static_cast<std::int64_t>(random.below(60));
      wake(task, 0, Why::kCreated);
    } else if (random.one_in(4) && !asleep.empty()) {
      Task* task = asleep.back();
      asleep.pop_back();
      wake(*task, static_cast<std::int64_t>(random.below(kQuantum)), Why::kWoken);
    } else if (random.one_in(8) && model.size() != 0) {
      Task* task = model.removed(random.below(model.size()));
      policy->removed(TaskId{task->id});
      policy->finished(TaskId{task->id});
    } else {
      Task* expected = model.next(now);
      const std::optional<TaskId> task = policy->next({now});
      ASSERT_EQ(task.has_value(), expected != nullptr) << "step " << step;
      if (!task) continue;
      ASSERT_EQ(task->value, expected->id) << "step " << step;
      if (name == "vrr") ASSERT_EQ(policy->quantum(*task)->ns, expected->left);
      if (random.one_in(3))
        asleep.push_back(expected);
      else if (random.one_in(3) || name == "hrrn")
        policy->finished(*task);
      else
        wake(*expected, kQuantum, Why::kQuantumExpired);
    }
  }
}

TEST(NaiveCpuPolicies, ChooseTheSame) {
  for (const char* name : {"vrr", "feedback", "stride", "cfs", "hrrn"})
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(compare_turns(name, seed));
    }
}

/// Says which tasks a policy may choose, from what it was told of all tasks.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual void ready(std::uint64_t task, const TaskInfo& info, Why why) = 0;
  /// Whether this task may run now; if so, it is no longer ready.
  virtual bool takes(std::uint64_t task, std::int64_t now) = 0;
  /// Whether no task was ready to be chosen.
  virtual void idles(std::int64_t now) { static_cast<void>(now); }
  virtual void waits(std::uint64_t task, const TaskInfo& info) {
    static_cast<void>(task), static_cast<void>(info);
  }
  virtual void removed(std::uint64_t task) = 0;
  virtual void finished(std::uint64_t task) = 0;
};

/// EEVDF: of the requests that virtual time has reached, one with the earliest deadline.
class EevdfJudge final : public Judge {
 public:
  void ready(std::uint64_t id, const TaskInfo& info, Why why) override {
    Request& task = tasks_[id];
    const bool anew = !task.counts || why == Why::kWoken;
    pass_to(info.now.ns);
    task.weight = info.weight;
    task.counts = task.is_ready = true;
    task.start += info.ran.ns * 1024 / task.weight;
    if (anew) task.start = std::max(task.start, reached());
    task.left -= info.ran.ns;
    if (!anew && task.left > 0) return;
    task.left = kQuantum;
    task.end = task.start + kQuantum * 1024 / task.weight;
  }
  bool takes(std::uint64_t id, std::int64_t now) override {
    pass_to(now);
    std::int64_t first_start = std::numeric_limits<std::int64_t>::max();
    for (const auto& [other, task] : tasks_)
      if (task.is_ready) first_start = std::min(first_start, task.start);
    if (reached() < first_start && first_start != std::numeric_limits<std::int64_t>::max())
      parts_ = static_cast<__int128>(first_start) << 32;
    Request& chosen = tasks_.at(id);
    bool good = chosen.is_ready && chosen.start <= reached();
    for (const auto& [other, task] : tasks_)
      if (task.is_ready && task.start <= reached() && task.end < chosen.end) good = false;
    chosen.is_ready = false;
    return good;
  }
  void idles(std::int64_t now) override { pass_to(now); }
  void waits(std::uint64_t id, const TaskInfo& info) override {
    pass_to(info.now.ns);
    tasks_.at(id).counts = false;
  }
  void removed(std::uint64_t id) override { tasks_.at(id).is_ready = tasks_.at(id).counts = false; }
  void finished(std::uint64_t id) override { tasks_.erase(id); }

 private:
  struct Request {
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::int64_t left = 0;
    std::int64_t weight = 1;
    bool counts = false;
    bool is_ready = false;
  };
  void pass_to(std::int64_t now) {
    std::int64_t weights = 0;
    for (const auto& [id, task] : tasks_)
      if (task.counts) weights += task.weight;
    if (weights != 0 && now_ < now)
      parts_ += (static_cast<__int128>(now - now_) * 1024 << 32) / weights;
    now_ = std::max(now_, now);
  }
  [[nodiscard]] std::int64_t reached() const {
    return static_cast<std::int64_t>((parts_ + (std::int64_t{1} << 31)) >> 32);
  }

  std::map<std::uint64_t, Request> tasks_;
  std::int64_t now_ = 0;
  __int128 parts_ = 0;  ///< virtual time, in parts of 2^-32
};

/// Fair share: of the groups with a ready task, one that was served least; in it, a task that was
/// served least.
class FairShareJudge final : public Judge {
 public:
  void ready(std::uint64_t id, const TaskInfo& info, Why why) override {
    Member& task = tasks_[id];
    if (why == Why::kCreated) task.group = info.group;
    Group& group = groups_[task.group];
    if (!task.is_charged) charge(task, info);
    task.is_charged = false;
    if (why == Why::kCreated || why == Why::kWoken) {
      task.served = std::max(task.served, group.floor);
      if (!has_ready(task.group)) group.served = std::max(group.served, floor_);
    }
    task.is_ready = true;
  }
  bool takes(std::uint64_t id, std::int64_t) override {
    Member& chosen = tasks_.at(id);
    Group& group = groups_.at(chosen.group);
    bool good = chosen.is_ready;
    for (const auto& [number, other] : groups_)
      if (has_ready(number) && other.served < group.served) good = false;
    for (const auto& [number, other] : tasks_)
      if (other.is_ready && other.group == chosen.group && other.served < chosen.served)
        good = false;
    floor_ = std::max(floor_, group.served);
    group.floor = std::max(group.floor, chosen.served);
    chosen.is_ready = false;
    return good;
  }
  void waits(std::uint64_t id, const TaskInfo& info) override {
    charge(tasks_.at(id), info);
    tasks_.at(id).is_charged = true;
  }
  void removed(std::uint64_t id) override { tasks_.at(id).is_ready = false; }
  void finished(std::uint64_t id) override { tasks_.erase(id); }

 private:
  struct Member {
    std::uint32_t group = 0;
    std::int64_t served = 0;
    bool is_ready = false;
    bool is_charged = false;
  };
  struct Group {
    std::int64_t served = 0;
    std::int64_t floor = 0;
  };
  void charge(Member& task, const TaskInfo& info) {
    task.served += info.ran.ns * 1024 / info.weight;
    groups_[task.group].served += info.ran.ns;
  }
  [[nodiscard]] bool has_ready(std::uint32_t group) const {
    return std::ranges::any_of(tasks_, [group](const auto& entry) {
      return entry.second.is_ready && entry.second.group == group;
    });
  }

  std::map<std::uint64_t, Member> tasks_;
  std::map<std::uint32_t, Group> groups_;
  std::int64_t floor_ = 0;
};

/// The holder of the ticket drawn, counted along the places; a task takes the place that was left
/// last, or a new one.
class LotteryJudge final : public Judge {
 public:
  explicit LotteryJudge(std::uint64_t seed) : random_(seed) {}
  void ready(std::uint64_t id, const TaskInfo& info, Why) override {
    if (left_.empty()) {
      left_.push_back(places_.size());
      places_.emplace_back();
    }
    places_[left_.back()] = {id, info.weight};
    left_.pop_back();
  }
  bool takes(std::uint64_t id, std::int64_t) override {
    std::uint64_t tickets = 0;
    for (const auto& place : places_) tickets += place ? place->second : 0;
    std::uint64_t ticket = random_.below(tickets);
    std::size_t winner = 0;
    for (;; ++winner) {
      const std::uint64_t held = places_[winner] ? places_[winner]->second : 0;
      if (ticket < held) break;
      ticket -= held;
    }
    const bool good = places_[winner]->first == id;
    leave(winner);
    return good;
  }
  void removed(std::uint64_t id) override {
    for (std::size_t place = 0; place < places_.size(); ++place)
      if (places_[place] && places_[place]->first == id) leave(place);
  }
  void finished(std::uint64_t) override {}

 private:
  void leave(std::size_t place) {
    places_[place].reset();
    left_.push_back(place);
  }

  Random random_;
  std::vector<std::optional<std::pair<std::uint64_t, std::uint64_t>>> places_;
  std::vector<std::size_t> left_;
};

void judge(std::string_view name, Judge& judge, std::uint64_t seed) {
  Random random(seed);
  const auto policy =
      std::move(make_cpu_policy(name, {.quantum = {kQuantum}, .seed = seed})).take();
  enum class State : std::uint8_t { kReady, kAsleep };
  std::map<std::uint64_t, State> tasks;
  std::int64_t now = 0;
  const auto info_of = [&](std::uint64_t id, std::int64_t ran) {
    return TaskInfo{.now = {now},
                    .ran = {ran},
                    .weight = 1 + static_cast<std::uint32_t>(id * 7919 % 4000),
                    .group = static_cast<std::uint32_t>(id % 4)};
  };
  const auto wake = [&](std::uint64_t id, std::int64_t ran, Why why) {
    const TaskInfo info = info_of(id, ran);
    policy->ready(TaskId{id}, info, why);
    judge.ready(id, info, why);
    tasks[id] = State::kReady;
  };
  for (std::uint64_t step = 0; step < 800; ++step) {
    now += static_cast<std::int64_t>(random.below(12));
    if (random.one_in(5)) {
      wake(step, 0, Why::kCreated);
    } else if (random.one_in(6) && !tasks.empty()) {
      const auto found = std::next(tasks.begin(), static_cast<int>(random.below(tasks.size())));
      const std::uint64_t id = found->first;
      if (found->second == State::kAsleep) {
        wake(id, static_cast<std::int64_t>(random.below(kQuantum)), Why::kWoken);
        continue;
      }
      policy->removed(TaskId{id});
      judge.removed(id);
      policy->finished(TaskId{id});
      judge.finished(id);
      tasks.erase(id);
    } else if (const auto task = policy->next({now})) {
      ASSERT_TRUE(judge.takes(task->value, now)) << "task " << task->value << ", step " << step;
      tasks[task->value] = State::kAsleep;
      if (!random.one_in(3)) {
        wake(task->value, kQuantum, Why::kQuantumExpired);
      } else if (!random.one_in(4)) {
        const TaskInfo info = info_of(task->value, 3);
        policy->waits(*task, info);
        judge.waits(task->value, info);
      }
    } else {
      judge.idles(now);
    }
  }
}

TEST(NaiveCpuPolicies, ChooseOneOfThoseWhoMayBeChosen) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    EevdfJudge eevdf;
    ASSERT_NO_FATAL_FAILURE(judge("eevdf", eevdf, seed));
    FairShareJudge fair_share;
    ASSERT_NO_FATAL_FAILURE(judge("fair-share", fair_share, seed));
    LotteryJudge lottery(seed);
    ASSERT_NO_FATAL_FAILURE(judge("lottery", lottery, seed));
  }
}

}  // namespace
}  // namespace spindle
