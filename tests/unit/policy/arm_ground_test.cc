// What arm policies say of their choices, against the queue from which they chose.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/arm_policy.h"

namespace spindle {
namespace {

constexpr VirtualTime kReadDeadline{40};
constexpr VirtualTime kWriteDeadline{90};

struct QueuedChoice {
  const std::vector<ArmRequest>& queue;
  const ArmState& state;
  const ArmChoice& choice;

  [[nodiscard]] const ArmRequest& chosen() const { return queue[choice.index]; }
  [[nodiscard]] std::uint64_t way(const ArmRequest& request) const {
    return arm_distance(state.at, request.cylinder);
  }
  [[nodiscard]] bool is_ahead(const ArmRequest& request, bool up) const {
    return up ? state.at <= request.cylinder : request.cylinder <= state.at;
  }
  [[nodiscard]] bool is_none_ahead(bool up) const {
    return std::ranges::none_of(queue, [&](const auto& one) { return is_ahead(one, up); });
  }
  [[nodiscard]] bool is_nearest(const auto& among) const {
    return std::ranges::none_of(
        queue, [&](const auto& one) { return among(one) && way(one) < way(chosen()); });
  }
};

void check_ground(const QueuedChoice& made) {
  const bool up = made.choice.moving_up;
  const auto is_any = [](const ArmRequest&) { return true; };
  const auto is_ahead = [&](const ArmRequest& one) { return made.is_ahead(one, up); };
  switch (made.choice.ground) {
    case ArmGround::kUnsaid:
      ADD_FAILURE() << "no reason";
      break;
    case ArmGround::kOldest:
      EXPECT_EQ(made.choice.index, 0u);
      break;
    case ArmGround::kNearest:
    case ArmGround::kSoonest:  // where the disk is not known
      EXPECT_TRUE(made.is_nearest(is_any));
      break;
    case ArmGround::kNearestWithTurn:
      EXPECT_TRUE(made.is_nearest(is_ahead));
      break;
    case ArmGround::kNextAhead:
      EXPECT_TRUE(is_ahead(made.chosen()) && made.is_nearest(is_ahead));
      break;
    case ArmGround::kFirstAfterTurn:
      EXPECT_NE(up, made.state.moving_up);
      EXPECT_TRUE(made.is_none_ahead(!up) && made.is_nearest(is_any));
      break;
    case ArmGround::kFirstAfterReturn:
      EXPECT_TRUE(made.is_none_ahead(up));
      EXPECT_TRUE(std::ranges::none_of(made.queue, [&](const ArmRequest& one) {
        return made.way(made.chosen()) < made.way(one);
      }));
      break;
    case ArmGround::kNextAheadOfSweep:
      EXPECT_EQ(up, made.state.moving_up);
      EXPECT_TRUE(is_ahead(made.chosen()));
      break;
    case ArmGround::kFirstAfterTurnOfSweep:
      EXPECT_NE(up, made.state.moving_up);
      EXPECT_TRUE(is_ahead(made.chosen()));
      break;
    case ArmGround::kDeadlineOver:
      EXPECT_LE(made.chosen().arrival + (made.chosen().is_write ? kWriteDeadline : kReadDeadline),
                made.state.now);
      break;
  }
}

TEST(ArmGround, IsTrueOfEveryChoice) {
  std::set<ArmGround> grounds;
  for (const std::string_view name : arm_policy_names())
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const auto policy = make_arm_policy(name, {.steps = 3,
                                                 .read_deadline = kReadDeadline,
                                                 .write_deadline = kWriteDeadline,
                                                 .batch = 2})
                              .take();
      ArmState state{.at = Cylinder{50}, .moving_up = random.one_in(2), .cylinders = 100};
      std::vector<ArmRequest> queue;
      for (int step = 0; step < 200; ++step) {
        for (std::uint64_t more = random.below(3); queue.empty() || more > 0; --more) {
          queue.push_back({queue.size(), Cylinder{random.below(100)}, state.now, random.one_in(3)});
          if (more == 0) break;
        }
        const ArmChoice choice = policy->pick(queue, state);
        check_ground({queue, state, choice});
        ASSERT_FALSE(testing::Test::HasFailure()) << "step " << step;
        grounds.insert(choice.ground);
        state.at = queue[choice.index].cylinder;
        state.moving_up = choice.moving_up;
        state.now += VirtualTime{static_cast<std::int64_t>(random.below(9))};
        queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(choice.index));
      }
    }
  // Every ground there is was given.
  for (unsigned number = 0; !arm_ground_name(static_cast<ArmGround>(number)).empty(); ++number)
    EXPECT_EQ(grounds.contains(static_cast<ArmGround>(number)), number != 0)
        << arm_ground_name(static_cast<ArmGround>(number));
}

}  // namespace
}  // namespace spindle
