// The number by which a CPU policy says that it compares the ready tasks, against whom it chooses;
// and that asking changes nothing.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "spindle/base/random.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {
namespace {

enum class Best : std::uint8_t { kLowest, kHighest, kAny, kUnranked };

Best best_of(std::string_view name) {
  static const std::map<std::string_view, Best> kBest = {
      {"fcfs", Best::kUnranked},       {"rr", Best::kUnranked},
      {"vrr", Best::kUnranked},        {"lottery", Best::kAny},
      {"eevdf", Best::kAny},  // of those that may run yet
      {"priority", Best::kHighest},    {"priority-preemptive", Best::kHighest},
      {"priority-rr", Best::kHighest}, {"priority-aging", Best::kHighest},
      {"ljf", Best::kHighest},         {"lrtf", Best::kHighest},
      {"hrrn", Best::kHighest}};
  const auto found = kBest.find(name);
  return found == kBest.end() ? Best::kLowest : found->second;
}

/// What a task was ready with last.
using ReadyTasks = std::map<std::uint64_t, TaskInfo>;

void check_rank(const CpuPolicy& policy, const ReadyTasks& ready, TaskId chosen, VirtualTime now,
                const std::map<std::uint64_t, double>& ranks) {
  const Best best = best_of(policy.name());
  const double own = ranks.at(chosen.value);
  for (const auto& [task, rank] : ranks) {
    if (best == Best::kLowest) EXPECT_LE(own, rank) << task;
    if (best == Best::kHighest) EXPECT_GE(own, rank) << task;
  }
  const TaskInfo& info = ready.at(chosen.value);
  const std::string_view name = policy.name();
  if (name.starts_with("priority") && name != "priority-aging") EXPECT_EQ(own, info.priority);
  if (name == "sjf" || name == "srtf" || name == "ljf" || name == "lrtf")
    EXPECT_EQ(own, static_cast<double>(info.expected_burst.ns));
  if (name == "edf") EXPECT_EQ(own, static_cast<double>(info.deadline.ns));
  if (name == "llf")
    EXPECT_EQ(own, static_cast<double>((info.deadline - now - info.expected_burst).ns));
  if (name == "lottery") EXPECT_EQ(own, info.weight);
}

void run_ranked(std::string_view name, std::uint64_t seed) {
  const CpuConventions conventions{.quantum = {5}, .boost = {60}, .aging_interval = {7}};
  const auto policy = make_cpu_policy(name, conventions).take();
  const auto silent = make_cpu_policy(name, conventions).take();
  Random random(seed);
  ReadyTasks ready;
  std::uint64_t tasks = 0;
  VirtualTime now;
  const auto make_ready = [&](std::uint64_t task, VirtualTime ran, Why why) {
    const TaskInfo info{.now = now,
                        .priority = -static_cast<int>(random.below(4)),
                        .ran = ran,
                        .expected_burst = {static_cast<std::int64_t>(1 + random.below(20))},
                        .deadline = {now.ns + static_cast<std::int64_t>(random.below(50))},
                        .weight = static_cast<std::uint32_t>(1 + random.below(5)),
                        .group = static_cast<std::uint32_t>(random.below(3))};
    ready[task] = info;
    policy->ready(TaskId{task}, info, why);
    silent->ready(TaskId{task}, info, why);
  };
  for (int step = 0; step < 300; ++step) {
    if (ready.size() < 2 || random.one_in(4)) make_ready(tasks++, {}, Why::kCreated);
    std::map<std::uint64_t, double> ranks;
    for (const auto& [task, info] : ready) {
      const auto rank = policy->rank(TaskId{task}, now);
      ASSERT_EQ(rank.has_value(), best_of(name) != Best::kUnranked);
      ranks[task] = rank.value_or(0);
    }
    const auto chosen = policy->next(now);
    ASSERT_EQ(silent->next(now), chosen);
    check_rank(*policy, ready, *chosen, now, ranks);
    ASSERT_FALSE(testing::Test::HasFailure()) << "step " << step;
    ready.erase(chosen->value);
    const VirtualTime ran{static_cast<std::int64_t>(1 + random.below(5))};
    now += ran;
    if (random.one_in(5)) {
      policy->finished(*chosen);
      silent->finished(*chosen);
    } else {
      make_ready(chosen->value, ran, ran.ns == 5 ? Why::kQuantumExpired : Why::kYielded);
    }
  }
}

TEST(CpuRank, IsTheBestOfTheTaskThatIsChosen) {
  for (const std::string_view name : cpu_policy_names())
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(run_ranked(name, seed));
    }
}

}  // namespace
}  // namespace spindle
