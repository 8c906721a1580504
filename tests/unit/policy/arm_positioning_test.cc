// V(R), shortest positioning time and deadline: each against a search of the whole queue, and with
// extreme parameters against the policies that they then equal.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "policies_by_name.h"
#include "spindle/base/random.h"
#include "spindle/policy/arm_policy.h"
#include "spindle/policy/arm_queue.h"

namespace spindle {
namespace {

/// Times without any order: what a request costs depends on itself and on where the arm stands.
class Times final : public PositioningTimes {
 public:
  Times(const std::vector<ArmRequest>& queue, const ArmState& state)
      : queue_(queue), state_(state) {}
  [[nodiscard]] VirtualTime of(std::size_t request) const override {
    return cost(queue_[request], state_);
  }
  static VirtualTime cost(const ArmRequest& request, const ArmState& state) {
    const std::uint64_t mixed = (request.id * 7919 + state.at.value * 104729) % 1009;
    return {static_cast<std::int64_t>(mixed)};
  }

 private:
  const std::vector<ArmRequest>& queue_;
  const ArmState& state_;
};

/// A random queue that never runs dry; `choose` is asked beside the policy at each step.
template <class Choose>
void compare(std::uint64_t seed, ArmPolicy& policy, Choose&& choose) {
  Random random(seed);
  ArmState state{Cylinder{random.below(60)}, random.one_in(2), 60, {}};
  std::vector<ArmRequest> queue;
  std::uint64_t id = 0;
  for (int step = 0; step < 200; ++step) {
    for (std::uint64_t n = random.below(3) + queue.empty(); n-- > 0;)
      queue.push_back({id++, Cylinder{random.below(60)}, state.now, random.one_in(3)});
    const Times times(queue, state);
    const ArmChoice choice = policy.pick(queue, state, &times);
    ASSERT_EQ(choice.index, choose(queue, state)) << "step " << step;
    const Cylinder to = queue[choice.index].cylinder;
    ASSERT_TRUE(choice.by_way_of.empty());
    state.at = to;
    state.moving_up = choice.moving_up;
    state.now += VirtualTime{static_cast<std::int64_t>(random.below(40))};
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(choice.index));
  }
}

double distance(const ArmRequest& request, const ArmState& state) {
  const auto there = static_cast<double>(request.cylinder.value);
  const auto here = static_cast<double>(state.at.value);
  return there < here ? here - there : there - here;
}

TEST(ArmPositioning, VRWeighsTheTurn) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (const double r : {0.0, 0.1, 0.2, 1.0}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", r " + std::to_string(r));
      const auto policy = arm_policy_named("v-r", {.r = r});
      ASSERT_NO_FATAL_FAILURE(compare(seed, *policy, [r](const auto& queue, const ArmState& state) {
        const auto is_behind = [&](const ArmRequest& q) {
          return state.moving_up ? q.cylinder < state.at : state.at < q.cylinder;
        };
        std::size_t best = 0;
        const auto cost = [&](std::size_t i) {
          return std::pair(distance(queue[i], state) + (is_behind(queue[i]) ? r * 60 : 0),
                           is_behind(queue[i]));
        };
        for (std::size_t i = 1; i < queue.size(); ++i)
          if (cost(i) < cost(best)) best = i;
        return best;
      }));
    }
}

/// If turning costs nothing it is SSTF; if turning costs the whole disk it is LOOK.
TEST(ArmPositioning, VRLiesBetweenSstfAndLook) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto sstf = arm_policy_named("sstf");
    const auto look = arm_policy_named("look");
    const auto asked = [](ArmPolicy& policy) {
      return [&policy](const std::vector<ArmRequest>& queue, const ArmState& state) {
        return policy.pick(queue, state).index;
      };
    };
    ASSERT_NO_FATAL_FAILURE(compare(seed, *arm_policy_named("v-r", {.r = 0}), asked(*sstf)));
    ASSERT_NO_FATAL_FAILURE(compare(seed, *arm_policy_named("v-r", {.r = 1}), asked(*look)));
  }
}

TEST(ArmPositioning, SptfTakesTheSoonestOfItsWindow) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (const std::size_t window : {0u, 1u, 3u}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", window " + std::to_string(window));
      const double aging = seed % 3 == 0 ? 2.5 : 0;
      const auto policy = arm_policy_named("sptf", {.window = window, .aging = aging});
      const auto naive = [window, aging](const auto& queue, const ArmState& state) {
        std::size_t best = 0;
        const auto cost = [&](std::size_t i) {
          return static_cast<double>(Times::cost(queue[i], state).ns) -
                 aging * static_cast<double>((state.now - queue[i].arrival).ns);
        };
        const std::size_t end = window == 0 ? queue.size() : std::min(window, queue.size());
        for (std::size_t i = 1; i < end; ++i)
          if (cost(i) < cost(best)) best = i;
        return best;
      };
      ASSERT_NO_FATAL_FAILURE(compare(seed, *policy, naive));
    }
}

/// In whole windows, no request is served before all requests of the previous window.
TEST(ArmPositioning, WholeWindowsAreServedToTheLastRequest) {
  std::vector<ArmRequest> queue;
  for (std::uint64_t id = 0; id < 20; ++id)
    queue.push_back({id, Cylinder{id * 31 % 50}, {}, false});
  const auto policy = arm_policy_named("sptf", {.window = 4, .whole_windows = true});
  ArmState state{Cylinder{25}, true, 50, {}};
  for (std::uint64_t served = 0; !queue.empty(); ++served) {
    const Times times(queue, state);
    const ArmChoice choice = policy->pick(queue, state, &times);
    EXPECT_EQ(queue[choice.index].id / 4, served / 4);
    state.at = queue[choice.index].cylinder;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(choice.index));
  }
}

/// A caller that does not know its disk is served by distance.
TEST(ArmPositioning, SptfWithoutTimesIsSstf) {
  ArmQueue queue;
  for (const std::uint64_t c : {10u, 48u, 60u}) queue.add(Cylinder{c});
  const ArmState state{Cylinder{50}, true, 100, {}};
  EXPECT_EQ(arm_policy_named("sptf")->choose(queue, state).index, 1u);
}

TEST(ArmPositioning, ThePlatterDecidesTiesOfSstf) {
  const std::vector<ArmRequest> queue = {{1, Cylinder{40}, {}, false},
                                         {2, Cylinder{60}, {}, false},
                                         {3, Cylinder{60}, {}, false},
                                         {4, Cylinder{51}, {}, false}};
  std::vector<ArmRequest> tied(queue.begin(), queue.end() - 1);
  const ArmState state{Cylinder{50}, true, 100, {}};
  const auto policy = arm_policy_named("sstf", {.sstf_tie = ArmConventions::Tie::kRotation});
  const Times all(queue, state);
  EXPECT_EQ(policy->pick(queue, state, &all).index, 3u);
  const Times times(tied, state);
  const auto soonest = std::ranges::min_element(
      tied, {}, [&](const ArmRequest& request) { return Times::cost(request, state); });
  EXPECT_EQ(policy->pick(tied, state, &times).index,
            static_cast<std::size_t>(soonest - tied.begin()));
}

/// A one-way sweep; every few requests the oldest late read, or else the oldest late write.
TEST(ArmPositioning, DeadlineServesTheLateFirst) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::size_t batch = 1 + seed % 5;
    const auto policy = arm_policy_named(
        "deadline", {.read_deadline = {50}, .write_deadline = {120}, .batch = batch});
    std::size_t served = 0;
    const auto naive = [&](const std::vector<ArmRequest>& queue, const ArmState& state) {
      if (served++ % batch == 0)
        for (const bool write : {false, true})
          for (std::size_t i = 0; i < queue.size(); ++i)
            if (queue[i].is_write == write &&
                (state.now - queue[i].arrival).ns >= (write ? 120 : 50))
              return i;
      std::size_t best = 0;
      const auto key = [&](std::size_t i) {
        return std::pair(queue[i].cylinder < state.at, queue[i].cylinder);
      };
      for (std::size_t i = 1; i < queue.size(); ++i)
        if (key(i) < key(best)) best = i;
      return best;
    };
    ASSERT_NO_FATAL_FAILURE(compare(seed, *policy, naive));
  }
}

}  // namespace
}  // namespace spindle
