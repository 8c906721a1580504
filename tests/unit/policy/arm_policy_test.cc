// The arm policies: the textbook queue, the choices in which textbooks differ, and each policy
// against a second implementation that sorts instead of searching.

#include "spindle/policy/arm_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "policies_by_name.h"
#include "spindle/base/random.h"
#include "spindle/policy/arm_queue.h"

namespace spindle {
namespace {

using Cylinders = std::vector<std::uint64_t>;

struct Tour {
  Cylinders order;
  Cylinders path;  ///< the order of service, with the turning points
  std::uint64_t distance = 0;
  std::uint64_t return_distance = 0;
};

std::uint64_t between(std::uint64_t a, std::uint64_t b) {
  return a < b ? b - a : a - b;
}

Tour drive(ArmPolicy& policy, const Cylinders& cylinders, ArmState state) {
  std::vector<ArmRequest> queue;
  for (std::uint64_t c : cylinders) queue.push_back({queue.size(), Cylinder{c}, {}, false});
  Tour tour;
  const auto go = [&](Cylinder there) {
    tour.distance += between(state.at.value, there.value);
    tour.path.push_back(there.value);
    state.at = there;
  };
  while (!queue.empty()) {
    const ArmChoice choice = policy.pick(queue, state);
    for (Cylinder turn : choice.by_way_of) go(turn);
    go(queue[choice.index].cylinder);
    tour.order.push_back(state.at.value);
    tour.return_distance += choice.return_distance;
    state.moving_up = choice.moving_up;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(choice.index));
  }
  return tour;
}

const Cylinders kTextbookQueue = {98, 183, 37, 122, 14, 124, 65, 67};

Tour textbook(std::string_view name, bool up) {
  return drive(*arm_policy_named(name), kTextbookQueue,
               {.at = Cylinder{53}, .moving_up = up, .cylinders = 200, .now = {}});
}

TEST(ArmPolicy, TheTextbookQueueHasItsKnownTotals) {
  EXPECT_EQ(textbook("fcfs", true).distance, 640u);
  EXPECT_EQ(textbook("sstf", true).distance, 236u);
  EXPECT_EQ(textbook("sstf", true).order, (Cylinders{65, 67, 37, 14, 98, 122, 124, 183}));
  EXPECT_EQ(textbook("scan", false).distance, 236u);
  EXPECT_EQ(textbook("scan", false).path, (Cylinders{37, 14, 0, 65, 67, 98, 122, 124, 183}));
  EXPECT_EQ(textbook("scan", true).distance, 331u);
  EXPECT_EQ(textbook("look", false).distance, 208u);
  EXPECT_EQ(textbook("look", true).distance, 299u);
}

TEST(ArmPolicy, CircularTotalsWithTheReturnAndWithout) {
  const Tour scan = textbook("c-scan", true);
  EXPECT_EQ(scan.path, (Cylinders{65, 67, 98, 122, 124, 183, 199, 0, 14, 37}));
  EXPECT_EQ(scan.distance, 382u);
  EXPECT_EQ(scan.distance - scan.return_distance, 183u);
  const Tour look = textbook("c-look", true);
  EXPECT_EQ(look.order, (Cylinders{65, 67, 98, 122, 124, 183, 14, 37}));
  EXPECT_EQ(look.distance, 322u);
  EXPECT_EQ(look.distance - look.return_distance, 153u);
}

TEST(ArmPolicy, CircularPoliciesServeDownwardsToo) {
  EXPECT_EQ(textbook("c-look", false).order, (Cylinders{37, 14, 183, 124, 122, 98, 67, 65}));
  EXPECT_EQ(textbook("c-scan", false).path, (Cylinders{37, 14, 0, 199, 183, 124, 122, 98, 67, 65}));
}

TEST(ArmPolicy, AtTheEdgeItselfTheTurnCostsNothing) {
  const ArmState top{.at = Cylinder{199}, .moving_up = true, .cylinders = 200, .now = {}};
  EXPECT_EQ(drive(*arm_policy_named("scan"), {10}, top).distance, 189u);
  EXPECT_EQ(drive(*arm_policy_named("c-scan"), {10}, top).distance, 209u);
  EXPECT_EQ(drive(*arm_policy_named("c-scan"), {0}, top).distance, 199u);
}

TEST(ArmPolicy, ScanStaysWhereTheLastRequestWas) {
  EXPECT_EQ(drive(*arm_policy_named("scan"), {60, 90}, {Cylinder{53}, true, 200, {}}).distance,
            37u);
}

TEST(ArmPolicy, TiesOfSstfFollowTheConvention) {
  const auto first = [](ArmConventions::Tie tie, bool up) {
    return drive(*arm_policy_named("sstf", {.sstf_tie = tie}), {60, 40, 60},
                 {.at = Cylinder{50}, .moving_up = up, .cylinders = 100, .now = {}})
        .order[0];
  };
  using Tie = ArmConventions::Tie;
  EXPECT_EQ(first(Tie::kTravel, true), 60u);
  EXPECT_EQ(first(Tie::kTravel, false), 40u);
  EXPECT_EQ(first(Tie::kLower, true), 40u);
  EXPECT_EQ(first(Tie::kHigher, false), 60u);
  EXPECT_EQ(first(Tie::kArrival, false), 60u);
}

TEST(ArmPolicy, OfOneCylinderTheFirstToArriveIsServedFirst) {
  const std::vector<ArmRequest> queue = {{7, Cylinder{80}, {}, false},
                                         {8, Cylinder{80}, {}, false}};
  for (std::string_view name : arm_policy_names())
    for (std::uint64_t at : {50u, 80u, 90u})
      EXPECT_EQ(arm_policy_named(name)->pick(queue, {Cylinder{at}, true, 100, {}}).index, 0u)
          << name;
}

// The second implementation: the whole order of a closed queue, by sorting.

Cylinders naive_sweeps(Cylinders queue, std::uint64_t at, bool up, bool circular) {
  std::ranges::sort(queue);
  const auto split = up ? std::ranges::lower_bound(queue, at) : std::ranges::upper_bound(queue, at);
  Cylinders below(queue.begin(), split);
  Cylinders above(split, queue.end());
  Cylinders& ahead = up ? above : below;
  Cylinders& behind = up ? below : above;
  if (!up) std::ranges::reverse(ahead);
  if (circular != up) std::ranges::reverse(behind);
  ahead.insert(ahead.end(), behind.begin(), behind.end());
  return ahead;
}

Cylinders naive_sstf(Cylinders queue, std::uint64_t at, bool up) {
  Cylinders order;
  while (!queue.empty()) {
    const auto next = std::ranges::min_element(queue, {}, [at, up](std::uint64_t c) {
      const bool ahead = c == at || (at < c) == up;
      return std::pair(between(c, at), !ahead);
    });
    if (*next != at) up = at < *next;
    at = *next;
    order.push_back(at);
    queue.erase(next);
  }
  return order;
}

/// The batches of FSCAN and N-step SCAN: the oldest few, swept one after the other.
Cylinders naive_steps(Cylinders queue, std::uint64_t at, bool up, std::size_t steps) {
  Cylinders order;
  while (!queue.empty()) {
    const auto end = queue.begin() + static_cast<std::ptrdiff_t>(std::min(steps, queue.size()));
    Cylinders batch(queue.begin(), end);
    queue.erase(queue.begin(), end);
    const bool all_ahead =
        std::ranges::all_of(batch, [at, up](std::uint64_t c) { return c == at || (at < c) == up; });
    for (std::uint64_t c : naive_sweeps(batch, at, up, false)) order.push_back(at = c);
    if (!all_ahead) up = !up;
  }
  return order;
}

TEST(ArmPolicy, OrdersAsTheNaiveImplementationDoes) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::uint64_t cylinders = 1 + random.below(100);
    const ArmState state{Cylinder{random.below(cylinders)}, random.one_in(2), cylinders, {}};
    Cylinders queue(1 + random.below(20));
    for (std::uint64_t& c : queue) c = random.below(cylinders);
    const auto order = [&](std::string_view name) {
      return drive(*arm_policy_named(name, {.steps = 3}), queue, state).order;
    };
    const std::uint64_t at = state.at.value;
    ASSERT_EQ(order("fcfs"), queue);
    ASSERT_EQ(order("sstf"), naive_sstf(queue, at, state.moving_up));
    const Cylinders both_ways = naive_sweeps(queue, at, state.moving_up, false);
    ASSERT_EQ(order("scan"), both_ways);
    ASSERT_EQ(order("look"), both_ways);
    const Cylinders one_way = naive_sweeps(queue, at, state.moving_up, true);
    ASSERT_EQ(order("c-scan"), one_way);
    ASSERT_EQ(order("c-look"), one_way);
    ASSERT_EQ(order("fscan"), both_ways);
    ASSERT_EQ(order("n-step-scan"), naive_steps(queue, at, state.moving_up, 3));
  }
}

/// A sweep does not serve requests that come while it is under way.
TEST(ArmPolicy, FscanFreezesItsQueue) {
  const auto fscan = arm_policy_named("fscan");
  std::vector<ArmRequest> queue = {{0, Cylinder{10}, {}, false}, {1, Cylinder{50}, {}, false}};
  ArmState state{Cylinder{0}, true, 100, {}};
  EXPECT_EQ(fscan->pick(queue, state).index, 0u);
  state.at = Cylinder{10};
  queue.erase(queue.begin());
  queue.push_back({2, Cylinder{20}, {}, false});
  EXPECT_EQ(queue[fscan->pick(queue, state).index].id, 1u);
}

/// A long queue gives the same answers as a short one.
TEST(ArmPolicy, TheLongQueueGivesTheSameOrder) {
  for (std::string_view name : arm_policy_names())
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const auto tie = static_cast<ArmConventions::Tie>(random.below(4));
      const auto policy = arm_policy_named(name, {.sstf_tie = tie, .steps = 4});
      ArmState state{Cylinder{random.below(50)}, random.one_in(2), 50, {}};
      Cylinders cylinders(1 + random.below(30));
      for (std::uint64_t& c : cylinders) c = random.below(50);
      const Tour tour =
          drive(*arm_policy_named(name, {.sstf_tie = tie, .steps = 4}), cylinders, state);
      ArmQueue queue;
      for (std::uint64_t c : cylinders) queue.add(Cylinder{c});
      Cylinders order;
      while (!queue.empty()) {
        const ArmChoice choice = policy->choose(queue, state);
        state.at = queue.cylinder_of(choice.index);
        state.moving_up = choice.moving_up;
        order.push_back(state.at.value);
        queue.remove(choice.index);
      }
      ASSERT_EQ(order, tour.order);
    }
}

/// Requests keep arriving: nobody waits for more than two sweeps' worth of others under SCAN.
TEST(ArmPolicy, SweepsDoNotStarveAnyone) {
  for (std::string_view name : {"scan", "look", "c-scan", "c-look", "fscan", "n-step-scan"}) {
    Random random(42);
    auto policy = arm_policy_named(name);
    ArmState state{Cylinder{0}, true, 1000, {}};
    std::vector<ArmRequest> queue;
    std::uint64_t id = 0;
    for (; id < 8; ++id) queue.push_back({id, Cylinder{random.below(1000)}, {}, false});
    for (int step = 0; step < 20000; ++step) {
      const ArmChoice choice = policy->pick(queue, state);
      const ArmRequest served = queue[choice.index];
      ASSERT_LT(id - served.id, 200u) << name << ", step " << step;
      state.at = served.cylinder;
      state.moving_up = choice.moving_up;
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(choice.index));
      queue.push_back({id++, Cylinder{random.below(1000)}, {}, false});
    }
  }
}

TEST(ArmPolicy, IsMadeByItsNameOrNotAtAll) {
  for (std::string_view name : arm_policy_names()) EXPECT_EQ(arm_policy_named(name)->name(), name);
  EXPECT_EQ(make_arm_policy("elevator").code(), EINVAL);
}

}  // namespace
}  // namespace spindle
