// The multi-level queue and ageing priorities against a search of all waiting tasks; the shares
// that EEVDF and fair share must give; the lottery with given draws.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "policies_by_name.h"
#include "spindle/base/random.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {
namespace {

struct WaitingTask {
  TaskId task;
  int priority = 0;
  std::int64_t since = 0;
};

/// Tasks come and go at random; `choose` names the place of the one that should run.
template <class Choose>
void compare(CpuPolicy& policy, std::uint64_t seed, Choose&& choose) {
  Random random(seed);
  std::vector<WaitingTask> waiting;
  std::int64_t now = 0;
  for (std::uint64_t id = 0; id < 400; ++id) {
    now += static_cast<std::int64_t>(random.below(8));
    if (waiting.empty() || random.one_in(2)) {
      const int priority = -static_cast<int>(random.below(1 + seed % 30));
      policy.ready(TaskId{id}, {.now = {now}, .priority = priority}, Why::kCreated);
      waiting.push_back({TaskId{id}, priority, now});
      continue;
    }
    const std::size_t place = choose(waiting, now);
    ASSERT_EQ(policy.next({now}), waiting[place].task) << "step " << id;
    policy.finished(waiting[place].task);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

TEST(CpuLevels, TheMultiLevelQueueServesTheUpperQueuesFirst) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto policy = cpu_policy_named("mlq", {.quanta = {{4}, {8}, {0}}});
    ASSERT_NO_FATAL_FAILURE(compare(*policy, seed, [](const auto& waiting, std::int64_t) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < waiting.size(); ++i)
        if (std::max(waiting[i].priority, -2) > std::max(waiting[best].priority, -2)) best = i;
      return best;
    }));
  }
}

TEST(CpuLevels, TheMultiLevelQueueGivesEachQueueItsQuantum) {
  const auto policy = cpu_policy_named("mlq", {.quanta = {{4}, {8}, {0}}});
  for (std::uint64_t id = 0; id < 3; ++id)
    policy->ready(TaskId{id}, {.priority = -static_cast<int>(id)}, Why::kCreated);
  EXPECT_EQ(policy->quantum(TaskId{0}), VirtualTime{4});
  EXPECT_EQ(policy->quantum(TaskId{1}), VirtualTime{8});
  EXPECT_EQ(policy->quantum(TaskId{2}), std::nullopt);
  EXPECT_TRUE(policy->preempts(TaskId{9}, {.priority = -1}));
  EXPECT_FALSE(policy->preempts(TaskId{9}, {.priority = 0}));
}

TEST(CpuLevels, WaitingRaisesThePriority) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::int64_t interval = 1 + static_cast<std::int64_t>(seed % 40);
    const auto policy = cpu_policy_named("priority-aging", {.aging_interval = {interval}});
    ASSERT_NO_FATAL_FAILURE(
        compare(*policy, seed, [interval](const auto& waiting, std::int64_t now) {
          std::size_t best = 0;
          const auto aged = [&](std::size_t i) {
            return waiting[i].priority + (now - waiting[i].since) / interval;
          };
          for (std::size_t i = 1; i < waiting.size(); ++i)
            if (aged(i) > aged(best)) best = i;
          return best;
        }));
  }
}

/// No task starves: the lowest priority runs in the end although higher ones never stop coming.
TEST(CpuLevels, AgeingEndsStarvation) {
  const auto policy = cpu_policy_named("priority-aging", {.aging_interval = {10}});
  policy->ready(TaskId{0}, {.priority = 0}, Why::kCreated);
  std::int64_t now = 0;
  for (std::uint64_t id = 1;; ++id, now += 5) {
    ASSERT_LT(now, 2000);
    policy->ready(TaskId{id}, {.now = {now}, .priority = 100}, Why::kCreated);
    if (policy->next({now}) == TaskId{0}) break;
  }
  EXPECT_GE(now, 990);
}

/// What each task got of the CPU when all run on and on.
std::vector<double> shares(CpuPolicy& policy, const std::vector<TaskInfo>& tasks, int turns) {
  std::vector<double> ran(tasks.size());
  std::int64_t now = 0;
  double total = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t) policy.ready(TaskId{t}, tasks[t], Why::kCreated);
  for (int turn = 0; turn < turns; ++turn) {
    const TaskId task = *policy.next({now});
    const VirtualTime slice = *policy.quantum(task);
    now += slice.ns;
    total += static_cast<double>(slice.ns);
    ran[task.value] += static_cast<double>(slice.ns);
    TaskInfo info = tasks[task.value];
    info.now = {now};
    info.ran = slice;
    policy.ready(task, info, Why::kQuantumExpired);
  }
  for (double& share : ran) share /= total;
  return ran;
}

TEST(CpuLevels, EevdfSharesByWeight) {
  const auto policy = cpu_policy_named("eevdf", {.quantum = {1000}});
  const auto share =
      shares(*policy, {{.weight = 1024}, {.weight = 2048}, {.weight = 5120}}, 20'000);
  EXPECT_NEAR(share[0], 0.125, 0.01);
  EXPECT_NEAR(share[1], 0.25, 0.01);
  EXPECT_NEAR(share[2], 0.625, 0.01);
}

TEST(CpuLevels, EevdfGivesWholeQuanta) {
  const auto policy = cpu_policy_named("eevdf", {.quantum = {2'000'000}});
  for (const std::uint32_t weight : {1u, 3u, 7u, 1024u, 88'761u}) {
    policy->ready(TaskId{weight}, {.weight = weight}, Why::kCreated);
    EXPECT_EQ(policy->quantum(TaskId{weight}), VirtualTime{2'000'000}) << weight;
  }
}

/// No task is ever more than about a quantum away from its share.
TEST(CpuLevels, EevdfKeepsEveryLagSmall) {
  const auto policy = cpu_policy_named("eevdf", {.quantum = {1000}});
  std::map<std::uint64_t, double> ran;
  std::int64_t now = 0;
  for (std::uint64_t t = 0; t < 5; ++t) policy->ready(TaskId{t}, {}, Why::kCreated);
  for (int turn = 0; turn < 500; ++turn) {
    const TaskId task = *policy->next({now});
    const VirtualTime slice = *policy->quantum(task);
    now += slice.ns;
    ran[task.value] += static_cast<double>(slice.ns);
    policy->ready(task, {.now = {now}, .ran = slice}, Why::kQuantumExpired);
    for (std::uint64_t t = 0; t < 5; ++t)
      ASSERT_NEAR(ran[t], static_cast<double>(now) / 5, 1100) << "turn " << turn;
  }
}

TEST(CpuLevels, FairShareDividesByUsersFirst) {
  const auto policy = cpu_policy_named("fair-share", {.quantum = {1000}});
  const auto share =
      shares(*policy, {{.group = 1}, {.group = 2}, {.group = 2}, {.group = 2}}, 12'000);
  EXPECT_NEAR(share[0], 0.5, 0.01);
  for (std::size_t t = 1; t < 4; ++t) EXPECT_NEAR(share[t], 1.0 / 6, 0.01);
}

TEST(CpuLevels, LotteryTakesTheDrawsItIsGiven) {
  const auto policy = cpu_policy_named("lottery", {.draws = {0, 74, 75, 199}});
  std::vector<std::uint64_t> won;
  policy->ready(TaskId{0}, {.weight = 75}, Why::kCreated);
  policy->ready(TaskId{1}, {.weight = 25}, Why::kCreated);
  for (int i = 0; i < 4; ++i) {
    won.push_back(policy->next({})->value);
    policy->ready(TaskId{won.back()}, {.weight = won.back() == 0 ? 75u : 25u}, Why::kYielded);
  }
  EXPECT_EQ(won, (std::vector<std::uint64_t>{0, 0, 1, 1}));
}

TEST(CpuLevels, RefusesWhatMakesNoSense) {
  EXPECT_EQ(make_cpu_policy("mlfq", CpuConventions{.quanta = {{5}, {0}}}).code(), EINVAL);
  EXPECT_TRUE(make_cpu_policy("mlq", CpuConventions{.quanta = {{5}, {0}}}).ok());
  EXPECT_EQ(make_cpu_policy("mlq", CpuConventions{.quanta = {{-1}}}).code(), EINVAL);
  EXPECT_EQ(make_cpu_policy("stride", CpuConventions{.stride_of_one = 0}).code(), EINVAL);
  EXPECT_EQ(make_cpu_policy("rr", CpuConventions{.aging_interval = {0}}).code(), EINVAL);
}

}  // namespace
}  // namespace spindle
