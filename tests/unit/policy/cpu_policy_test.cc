// The CPU policies: textbook schedules through a small simulated CPU, each sorted policy against a
// search of all ready tasks, and the shares that the proportional ones must give.

#include "spindle/policy/cpu_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "policies_by_name.h"
#include "spindle/base/random.h"

namespace spindle {
namespace {

struct Job {
  std::int64_t arrival = 0;
  std::int64_t burst = 0;
  int priority = 0;
  std::int64_t deadline = 0;
};

/// One CPU that runs the jobs to their ends, in steps of one time unit; returns which job ran when.
class Machine {
 public:
  Machine(CpuPolicy& policy, const std::vector<Job>& jobs) : policy_(policy), jobs_(jobs) {
    for (const Job& job : jobs) left_.push_back(job.burst);
    completion_.resize(jobs.size());
  }

  std::vector<std::size_t> run() {
    std::size_t finished = 0;
    for (now_ = 0; finished < jobs_.size(); ++now_) {
      for (std::size_t i = 0; i < jobs_.size(); ++i)
        if (jobs_[i].arrival == now_) policy_.ready(TaskId{i}, info(i), Why::kCreated);
      switch_tasks();
      if (!running_) continue;
      const std::size_t task = *running_;
      who_.push_back(task);
      ++ran_;
      if (--left_[task] != 0) continue;
      ++finished;
      completion_[task] = now_ + 1;
      policy_.finished(TaskId{task});
      running_.reset();
    }
    return who_;
  }

  [[nodiscard]] double mean_waiting() const {
    double sum = 0;
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      sum += static_cast<double>(completion_[i] - jobs_[i].arrival - jobs_[i].burst);
    return sum / static_cast<double>(jobs_.size());
  }

 private:
  [[nodiscard]] TaskInfo info(std::size_t task) const {
    return {.now = {now_},
            .priority = jobs_[task].priority,
            .ran = {running_ == task ? ran_ : 0},
            .expected_burst = {left_[task]},
            .deadline = {jobs_[task].deadline}};
  }

  void switch_tasks() {
    if (running_) {
      const TaskId task{*running_};
      const auto quantum = policy_.quantum(task);
      const bool expired = quantum && quantum_ && ran_ >= quantum_->ns;
      if (!expired && !policy_.preempts(task, info(*running_))) return;
      const TaskInfo state = info(*running_);
      policy_.ready(task, state, expired ? Why::kQuantumExpired : Why::kPreempted);
      running_.reset();
    }
    const std::optional<TaskId> next = policy_.next({now_});
    if (!next) return;
    running_ = next->value;
    quantum_ = policy_.quantum(*next);
    ran_ = 0;
  }

  CpuPolicy& policy_;
  const std::vector<Job>& jobs_;
  std::vector<std::int64_t> left_;
  std::vector<std::int64_t> completion_;
  std::vector<std::size_t> who_;
  std::optional<std::size_t> running_;
  std::optional<VirtualTime> quantum_;
  std::int64_t ran_ = 0;
  std::int64_t now_ = 0;
};

double mean_waiting(std::string_view name, const std::vector<Job>& jobs, std::int64_t quantum = 1) {
  const auto policy = cpu_policy_named(name, {.quantum = {quantum}});
  Machine machine(*policy, jobs);
  machine.run();
  return machine.mean_waiting();
}

TEST(CpuPolicy, TheTextbookExamplesHaveTheirKnownWaitingTimes) {
  const std::vector<Job> convoy = {{0, 24}, {0, 3}, {0, 3}};
  EXPECT_DOUBLE_EQ(mean_waiting("fcfs", convoy), 17.0);
  EXPECT_DOUBLE_EQ(mean_waiting("rr", convoy, 4), 17.0 / 3);
  const std::vector<Job> short_jobs = {{0, 6}, {0, 8}, {0, 7}, {0, 3}};
  EXPECT_DOUBLE_EQ(mean_waiting("sjf", short_jobs), 7.0);
  const std::vector<Job> arriving = {{0, 8}, {1, 4}, {2, 9}, {3, 5}};
  EXPECT_DOUBLE_EQ(mean_waiting("srtf", arriving), 6.5);
  EXPECT_DOUBLE_EQ(mean_waiting("sjf", arriving), 7.75);
  const std::vector<Job> ranked = {{0, 10, -3}, {0, 1, -1}, {0, 2, -4}, {0, 1, -5}, {0, 5, -2}};
  EXPECT_DOUBLE_EQ(mean_waiting("priority", ranked), 8.2);
  const std::vector<Job> equals = {{0, 4, -3}, {0, 5, -2}, {0, 8, -2}, {0, 7, -1}, {0, 3, -3}};
  // P4 0-7, P2 and P3 in turns of 2 to 20, P1 and P5 in turns of 2 to 27.
  EXPECT_DOUBLE_EQ(mean_waiting("priority-rr", equals, 2), (22 + 11 + 12 + 0 + 24) / 5.0);
}

TEST(CpuPolicy, PreemptionFollowsTheKey) {
  const auto policy = cpu_policy_named("priority-preemptive");
  const std::vector<Job> jobs = {{0, 4, 1}, {1, 2, 5}, {2, 1, 1}};
  EXPECT_EQ(Machine(*policy, jobs).run(), (std::vector<std::size_t>{0, 1, 1, 0, 0, 0, 2}));
  const auto edf = cpu_policy_named("edf");
  const std::vector<Job> deadlines = {{0, 3, 0, 20}, {1, 2, 0, 5}, {2, 1, 0, 30}};
  EXPECT_EQ(Machine(*edf, deadlines).run(), (std::vector<std::size_t>{0, 1, 1, 0, 0, 2}));
}

TEST(CpuPolicy, TheProcessesOfTheFeedbackExampleFinishAsTheBookSays) {
  const std::vector<Job> jobs = {{0, 3}, {2, 6}, {4, 4}, {6, 5}, {8, 2}};
  const auto mean_turnaround = [&](std::string_view name) {
    return mean_waiting(name, jobs, 1) + 20 / 5.0;
  };
  EXPECT_DOUBLE_EQ(mean_turnaround("fcfs"), 8.6);
  EXPECT_DOUBLE_EQ(mean_turnaround("rr"), 10.8);
  EXPECT_DOUBLE_EQ(mean_turnaround("sjf"), 7.6);
  EXPECT_DOUBLE_EQ(mean_turnaround("srtf"), 7.2);
  EXPECT_DOUBLE_EQ(mean_turnaround("hrrn"), 8.0);
  EXPECT_DOUBLE_EQ(mean_turnaround("feedback"), 10.0);
}

TEST(CpuPolicy, APreemptedTaskStandsWhereTheConventionPutsIt) {
  using Equals = CpuConventions::Equals;
  const auto order = [](Equals equals) {
    const auto policy = cpu_policy_named("priority-preemptive", {.preempted = equals});
    policy->ready(TaskId{1}, {}, Why::kCreated);
    policy->ready(TaskId{2}, {}, Why::kCreated);
    EXPECT_EQ(policy->next({}), TaskId{1});
    EXPECT_EQ(policy->next({}), TaskId{2});
    policy->ready(TaskId{1}, {}, Why::kPreempted);
    policy->ready(TaskId{3}, {}, Why::kCreated);
    policy->ready(TaskId{2}, {}, Why::kPreempted);
    std::vector<std::uint64_t> ids;
    while (const auto next = policy->next({})) ids.push_back(next->value);
    return ids;
  };
  EXPECT_EQ(order(Equals::kFront), (std::vector<std::uint64_t>{2, 1, 3}));
  EXPECT_EQ(order(Equals::kArrival), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(order(Equals::kBack), (std::vector<std::uint64_t>{1, 3, 2}));
}

TEST(CpuPolicy, VirtualRoundRobinGivesTheRestOfTheQuantumFirst) {
  const auto policy = cpu_policy_named("vrr", {.quantum = {10}});
  policy->ready(TaskId{1}, {}, Why::kCreated);
  policy->ready(TaskId{2}, {}, Why::kCreated);
  ASSERT_EQ(policy->next({}), TaskId{1});
  policy->ready(TaskId{3}, {}, Why::kCreated);
  policy->ready(TaskId{1}, {.ran = {7}}, Why::kWoken);
  ASSERT_EQ(policy->next({}), TaskId{1});
  EXPECT_EQ(policy->quantum(TaskId{1}), VirtualTime{3});
  policy->ready(TaskId{1}, {.ran = {3}}, Why::kQuantumExpired);
  EXPECT_EQ(policy->quantum(TaskId{1}), VirtualTime{10});
  EXPECT_EQ(policy->next({}), TaskId{2});
}

/// Under the quantum of another policy the one that runs would no longer be the longest.
TEST(CpuPolicy, WhoseOrderChangesWithTimeLooksAgainEachMillisecond) {
  for (const char* name : {"lrtf", "llf"}) {
    const auto quantum_of = [name](std::int64_t quantum_ns) {
      return cpu_policy_named(name, {.quantum = {quantum_ns}})->quantum(TaskId{1});
    };
    EXPECT_EQ(quantum_of(4'000'000), VirtualTime{1'000'000}) << name;
    EXPECT_EQ(quantum_of(500'000), VirtualTime{500'000}) << name;
  }
}

/// The second implementation: all ready tasks in the order in which they came, searched whole.
struct KeyedTask {
  TaskId task;
  std::int64_t key = 0;
};

std::int64_t key_for(std::string_view name, const TaskInfo& info) {
  if (name == "sjf" || name == "srtf") return info.expected_burst.ns;
  if (name == "ljf" || name == "lrtf") return -info.expected_burst.ns;
  if (name == "edf") return info.deadline.ns;
  if (name == "llf") return info.deadline.ns - info.expected_burst.ns;
  return name.starts_with("priority") ? -info.priority : 0;
}

TEST(CpuPolicy, ChoosesAsASearchOfAllReadyTasksDoes) {
  for (std::string_view name : {"fcfs", "rr", "priority", "priority-preemptive", "priority-rr",
                                "sjf", "srtf", "ljf", "lrtf", "edf", "llf"})
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const auto policy = cpu_policy_named(name);
      const bool has_front = name != "fcfs" && name != "rr";
      std::vector<KeyedTask> queue;
      std::uint64_t tasks = 0;
      for (int step = 0; step < 400; ++step) {
        if (random.one_in(2)) {
          TaskInfo info;
          info.priority = static_cast<int>(random.below(4));
          info.expected_burst.ns = static_cast<std::int64_t>(random.below(5));
          info.deadline.ns = static_cast<std::int64_t>(random.below(6));
          const KeyedTask waiting{TaskId{tasks++}, key_for(name, info)};
          const bool front = random.one_in(4);
          policy->ready(waiting.task, info, front ? Why::kPreempted : Why::kWoken);
          queue.insert(front && has_front ? queue.begin() : queue.end(), waiting);
        } else if (random.one_in(5) && !queue.empty()) {
          const auto removed =
              queue.begin() + static_cast<std::ptrdiff_t>(random.below(queue.size()));
          policy->removed(removed->task);
          queue.erase(removed);
        } else {
          const auto best = std::ranges::min_element(queue, {}, &KeyedTask::key);
          const std::optional<TaskId> next = policy->next({});
          ASSERT_EQ(next, best == queue.end() ? std::nullopt : std::optional(best->task));
          if (next) queue.erase(best);
        }
      }
    }
}

TEST(CpuPolicy, MlfqSinksTheLongJobAndKeepsTheInteractiveOneUp) {
  const auto policy = cpu_policy_named("mlfq", {.quantum = {2}, .levels = 3, .boost = {0}});
  const std::vector<Job> jobs = {{0, 20}, {9, 2}};
  const std::vector<std::size_t> who = Machine(*policy, jobs).run();
  EXPECT_EQ(who[9], 1u);
  EXPECT_EQ(who[10], 1u);
  const auto fresh = cpu_policy_named("mlfq", {.quantum = {2}, .levels = 3, .boost = {0}});
  const TaskId task{7};
  fresh->ready(task, {}, Why::kCreated);
  for (const std::int64_t expected : {2, 4, 8, 8}) {
    ASSERT_EQ(fresh->next({}), task);
    ASSERT_EQ(fresh->quantum(task), VirtualTime{expected});
    fresh->ready(task, {.ran = {expected}}, Why::kQuantumExpired);
  }
}

/// Giving the CPU up just before the quantum ends does not keep a task at the top.
TEST(CpuPolicy, MlfqCountsTheQuantumOverSeveralBursts) {
  const auto policy = cpu_policy_named("mlfq", {.quantum = {10}, .levels = 2, .boost = {0}});
  const TaskId cheat{1};
  policy->ready(cheat, {}, Why::kCreated);
  ASSERT_EQ(policy->next({}), cheat);
  policy->ready(cheat, {.ran = {9}}, Why::kWoken);
  ASSERT_EQ(policy->next({}), cheat);
  EXPECT_EQ(policy->quantum(cheat), VirtualTime{1});
  policy->ready(cheat, {.ran = {1}}, Why::kWoken);
  policy->ready(TaskId{2}, {}, Why::kCreated);
  EXPECT_EQ(policy->next({}), TaskId{2});
}

TEST(CpuPolicy, MlfqBoostLiftsEveryone) {
  const auto policy = cpu_policy_named("mlfq", {.quantum = {2}, .levels = 3, .boost = {100}});
  for (std::uint64_t id = 0; id < 3; ++id) {
    policy->ready(TaskId{id}, {}, Why::kCreated);
    ASSERT_EQ(policy->next({}), TaskId{id});
    policy->ready(TaskId{id}, {.ran = {2}}, Why::kQuantumExpired);
    if (id == 2) policy->removed(TaskId{id});
  }
  ASSERT_EQ(policy->next({99}), TaskId{0});
  EXPECT_EQ(policy->quantum(TaskId{0}), VirtualTime{4});
  EXPECT_EQ(policy->next({100}), TaskId{1});
  EXPECT_EQ(policy->quantum(TaskId{1}), VirtualTime{2});
  policy->ready(TaskId{2}, {.now = {101}}, Why::kWoken);
  EXPECT_EQ(policy->next({101}), TaskId{2});
  EXPECT_EQ(policy->quantum(TaskId{2}), VirtualTime{2});
  EXPECT_EQ(policy->next({101}), std::nullopt);
}

/// How often each of three tasks ran a full quantum, by weight.
std::map<std::uint64_t, double> shares(std::string_view name, int quanta) {
  const auto policy = cpu_policy_named(name, {.quantum = {1000}, .seed = 5, .granularity = {1000}});
  const std::map<std::uint64_t, std::uint32_t> weights = {{0, 100}, {1, 50}, {2, 250}};
  for (const auto& [id, weight] : weights)
    policy->ready(TaskId{id}, {.weight = weight}, Why::kCreated);
  std::map<std::uint64_t, double> ran;
  double total = 0;
  for (int i = 0; i < quanta; ++i) {
    const TaskId task = *policy->next({});
    const VirtualTime slice = *policy->quantum(task);
    ran[task.value] += static_cast<double>(slice.ns);
    total += static_cast<double>(slice.ns);
    policy->ready(task, {.ran = slice, .weight = weights.at(task.value)}, Why::kQuantumExpired);
  }
  for (auto& [id, share] : ran) share /= total;
  return ran;
}

TEST(CpuPolicy, SharesFollowTheWeights) {
  for (std::string_view name : {"lottery", "stride", "cfs"}) {
    const auto share = shares(name, 40'000);
    EXPECT_NEAR(share.at(0), 0.25, 0.01) << name;
    EXPECT_NEAR(share.at(1), 0.125, 0.01) << name;
    EXPECT_NEAR(share.at(2), 0.625, 0.01) << name;
  }
}

/// Weighted time does not overflow: 100 turns of eleven days each, of tasks of weight 1.
TEST(CpuPolicy, SharesHaveNoEnd) {
  for (std::string_view name : {"cfs", "eevdf", "fair-share", "stride"}) {
    SCOPED_TRACE(name);
    constexpr VirtualTime kTurn{1'000'000'000'000'000};
    const auto policy =
        cpu_policy_named(name, {.quantum = kTurn, .latency = kTurn, .granularity = kTurn});
    VirtualTime now;
    const auto tell = [&](std::uint64_t id, VirtualTime ran, Why why) {
      policy->ready(TaskId{id}, {.now = now, .ran = ran, .weight = 1}, why);
    };
    for (const std::uint64_t id : {0, 1}) tell(id, {}, Why::kCreated);
    std::array<int, 2> turns{};
    for (int turn = 0; turn < 100; ++turn) {
      const auto task = policy->next(now);
      ASSERT_TRUE(task);
      ++turns.at(task->value);
      ASSERT_LE(std::abs(turns[0] - turns[1]), 1) << "turn " << turn;
      now += kTurn;
      tell(task->value, kTurn, Why::kQuantumExpired);
    }
  }
}

/// A task that slept does not come back with all the time it missed.
TEST(CpuPolicy, SleepIsNotSavedUp) {
  for (std::string_view name : {"stride", "cfs"}) {
    const auto policy = cpu_policy_named(name, {.quantum = {1'000'000}});
    policy->ready(TaskId{1}, {}, Why::kCreated);
    policy->ready(TaskId{2}, {}, Why::kCreated);
    ASSERT_EQ(policy->next({}), TaskId{1});  // and sleeps
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(policy->next({}), TaskId{2});
      policy->ready(TaskId{2}, {.ran = {1'000'000}}, Why::kQuantumExpired);
    }
    policy->ready(TaskId{1}, {.ran = {0}}, Why::kWoken);
    int in_a_row = 0;
    for (; *policy->next({}) == TaskId{1}; ++in_a_row)
      policy->ready(TaskId{1}, {.ran = {1'000'000}}, Why::kQuantumExpired);
    EXPECT_LE(in_a_row, 5) << name;
  }
}

TEST(CpuPolicy, LotteryIsAFunctionOfItsSeed) {
  const auto winners = [](std::uint64_t seed) {
    const auto policy = cpu_policy_named("lottery", {.seed = seed});
    std::vector<std::uint64_t> won;
    for (std::uint64_t id = 0; id < 40; ++id) policy->ready(TaskId{id}, {}, Why::kCreated);
    for (int i = 0; i < 40; ++i) won.push_back(policy->next({})->value);
    EXPECT_EQ(policy->next({}), std::nullopt);
    return won;
  };
  EXPECT_EQ(winners(3), winners(3));
  EXPECT_NE(winners(3), winners(4));
  std::vector<std::uint64_t> all = winners(3);
  std::ranges::sort(all);
  for (std::uint64_t id = 0; id < 40; ++id) EXPECT_EQ(all[id], id);
}

/// Under every policy each ready task comes out once, and a removed one does not.
TEST(CpuPolicy, LosesAndInventsNoTask) {
  for (std::string_view name : cpu_policy_names())
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const auto policy = cpu_policy_named(name, {.quantum = {10}, .boost = {50}});
      std::map<std::uint64_t, bool> is_ready;
      std::int64_t now = 0;
      for (int step = 0; step < 1000; ++step) {
        now += static_cast<std::int64_t>(random.below(10));
        const std::uint64_t id = random.below(50);
        const bool known = is_ready.contains(id);
        if (known && is_ready[id] && random.one_in(4)) {
          policy->removed(TaskId{id});
          is_ready[id] = false;
        } else if (known && !is_ready[id] && random.one_in(8)) {
          policy->finished(TaskId{id});
          is_ready.erase(id);
        } else if (!known || !is_ready[id]) {
          const Why why = !known ? Why::kCreated : random.one_in(2) ? Why::kWoken : Why::kPreempted;
          policy->ready(TaskId{id}, {.now = {now}, .ran = {known ? 5 : 0}}, why);
          is_ready[id] = true;
        } else if (const auto next = policy->next({now})) {
          ASSERT_TRUE(is_ready.contains(next->value) && is_ready[next->value]);
          is_ready[next->value] = false;
        }
      }
      auto left = std::ranges::count_if(is_ready, [](const auto& task) { return task.second; });
      for (; policy->next({now}); --left) ASSERT_GT(left, 0);
      ASSERT_EQ(left, 0);
    }
}

/// Tasks of a few priorities, bursts and deadlines, each of a user of its own.
TaskInfo info_of(TaskId task, std::int64_t now, std::int64_t ran = 0) {
  const auto id = static_cast<std::int64_t>(task.value);
  return {.now = {now},
          .priority = static_cast<int>(id % 3),
          .ran = {ran},
          .expected_burst = {id % 5},
          .deadline = {id % 4},
          .group = static_cast<std::uint32_t>(id)};
}

/// Takes out that many tasks, or all, and hands them back.
void pass_over(CpuPolicy& policy, std::int64_t now, std::uint64_t count) {
  std::vector<TaskId> given;
  while (given.size() < count) {
    const auto task = policy.next({now});
    if (!task) break;
    given.push_back(*task);
  }
  for (; !given.empty(); given.pop_back())
    policy.ready(given.back(), info_of(given.back(), now), Why::kPassedOver);
}

/// Of two equal policies, one that is asked in vain again and again chooses as the other does.
void expect_passing_over_changes_nothing(std::string_view name, const CpuConventions& conventions,
                                         std::uint64_t seed) {
  // Virtual time advances to the first of the tasks that are asked for before they are eligible.
  const std::uint64_t most_passed_over = name == "eevdf" ? 1 : 4;
  // A task that comes back starts no lower than the least served of those that were looked at.
  const bool has_floor = name == "stride" || name == "cfs" || name == "fair-share";
  Random random(seed);
  const auto policy = cpu_policy_named(name, conventions);
  const auto twin = cpu_policy_named(name, conventions);
  std::int64_t now = 0;
  const auto tell = [&](TaskId task, std::int64_t ran, Why why) {
    policy->ready(task, info_of(task, now, ran), why);
    twin->ready(task, info_of(task, now, ran), why);
  };
  for (std::uint64_t id = 0; id < 12; ++id) tell(TaskId{id}, 0, Why::kCreated);
  for (int step = 0; step < 200; ++step) {
    now += static_cast<std::int64_t>(random.below(10));
    pass_over(*twin, now, random.below(most_passed_over + 1));
    const auto task = policy->next({now});
    ASSERT_EQ(task, twin->next({now}));
    ASSERT_EQ(policy->quantum(*task), twin->quantum(*task));
    now += static_cast<std::int64_t>(1 + random.below(9));
    const Why why = !has_floor && random.one_in(3) ? Why::kWoken
                    : random.one_in(2)             ? Why::kPreempted
                                                   : Why::kQuantumExpired;
    tell(*task, 1 + static_cast<std::int64_t>(task->value), why);
  }
}

TEST(CpuPolicy, WhoIsPassedOverStandsWhereItStood) {
  using Equals = CpuConventions::Equals;
  for (std::string_view name : cpu_policy_names())
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
      for (Equals equals : {Equals::kFront, Equals::kArrival, Equals::kBack}) {
        if (name == "lottery") continue;  // each question is a draw
        SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
        const CpuConventions conventions = {
            .quantum = {10}, .preempted = equals, .boost = {50}, .woken_to_front = seed % 2 == 0};
        ASSERT_NO_FATAL_FAILURE(expect_passing_over_changes_nothing(name, conventions, seed));
      }
}

TEST(CpuPolicy, IsMadeByItsNameOrNotAtAll) {
  for (std::string_view name : cpu_policy_names()) EXPECT_EQ(cpu_policy_named(name)->name(), name);
  EXPECT_EQ(make_cpu_policy("random", CpuConventions{}).code(), EINVAL);
  EXPECT_EQ(make_cpu_policy("rr", CpuConventions{.quantum = {0}}).code(), EINVAL);
  EXPECT_EQ(make_cpu_policy("mlfq", CpuConventions{.levels = 0}).code(), EINVAL);
}

}  // namespace
}  // namespace spindle
