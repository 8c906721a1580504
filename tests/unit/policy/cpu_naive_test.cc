// CPU policies that remember a task from turn to turn, against lists that are searched from end to
// end: virtual round robin, feedback, stride and the fair scheduler; and highest response ratio
// over long spans.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
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
  std::int64_t key = 0;  ///< the lowest runs; of equals the one queued first
  std::int64_t order = 0;
  std::int64_t left = kQuantum;  ///< of virtual round robin's quantum
  int level = 0;
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
      if (why == Why::kCreated) task.key = floor_;
      if (why == Why::kWoken) task.key = std::max(task.key, floor_ - (policy_ == "cfs" ? 20 : 0));
    }
    task.order = ++queued_;
    queue_.push_back(&task);
  }

  Task* next(std::int64_t now) {
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

  std::string_view policy_;
  std::vector<Task*> queue_;
  std::int64_t floor_ = 0;
  std::int64_t queued_ = 0;
};

void compare(std::string_view name, std::uint64_t seed) {
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
      ASSERT_NO_FATAL_FAILURE(compare(name, seed));
    }
}

}  // namespace
}  // namespace spindle
