// FCFS, SSTF and V(R): the arm goes where the queue, or its nearness, says; it has no sweep.

#include <algorithm>

#include "arm_policies.h"

namespace spindle {
namespace {

class Fcfs final : public ArmPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "fcfs"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    ArmChoice choice;
    choice.index = waiting.oldest();
    choice.ground = ArmGround::kOldest;
    choice.moving_up = direction_to(waiting.cylinder_of(choice.index), state);
    return choice;
  }
};

class Sstf final : public ArmPolicy {
 public:
  explicit Sstf(ArmConventions::Tie tie) : tie_(tie) {}
  [[nodiscard]] std::string_view name() const override { return "sstf"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    const std::optional<std::size_t> above = waiting.nearest(state.at, true, waiting.size());
    const std::optional<std::size_t> below = waiting.nearest(state.at, false, waiting.size());
    ArmChoice choice;
    choice.index = nearer(waiting, state, above, below);
    choice.ground = ArmGround::kNearest;
    choice.moving_up = direction_to(waiting.cylinder_of(choice.index), state);
    return choice;
  }

 private:
  [[nodiscard]] std::size_t nearer(const WaitingRequests& waiting, const ArmState& state,
                                   std::optional<std::size_t> above,
                                   std::optional<std::size_t> below) const {
    if (!above) return *below;
    if (!below) return *above;
    const std::uint64_t up = arm_distance(waiting.cylinder_of(*above), state.at);
    const std::uint64_t down = arm_distance(waiting.cylinder_of(*below), state.at);
    if (up != down) return up < down ? *above : *below;
    switch (tie_) {
      case ArmConventions::Tie::kLower:
        return *below;
      case ArmConventions::Tie::kHigher:
        return *above;
      case ArmConventions::Tie::kArrival:
        return std::min(*above, *below);
      case ArmConventions::Tie::kTravel:
      case ArmConventions::Tie::kRotation:
        break;
    }
    return state.moving_up ? *above : *below;
  }

  ArmConventions::Tie tie_;
};

/// SSTF that does not like to turn: what lies behind counts as farther away, by R of all cylinders.
class VR final : public ArmPolicy {
 public:
  explicit VR(double r) : r_(std::clamp(r, 0.0, 1.0)) {}
  [[nodiscard]] std::string_view name() const override { return "v-r"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    const std::optional<std::size_t> ahead =
        waiting.nearest(state.at, state.moving_up, waiting.size());
    const std::optional<std::size_t> behind =
        waiting.nearest(state.at, !state.moving_up, waiting.size());
    ArmChoice choice;
    choice.index =
        ahead && (!behind || cost(waiting, state, *ahead, 0) <= cost(waiting, state, *behind, r_))
            ? *ahead
            : *behind;
    choice.ground = ArmGround::kNearestWithTurn;
    choice.moving_up = direction_to(waiting.cylinder_of(choice.index), state);
    return choice;
  }

 private:
  static double cost(const WaitingRequests& waiting, const ArmState& state, std::size_t request,
                     double r) {
    return static_cast<double>(arm_distance(waiting.cylinder_of(request), state.at)) +
           r * static_cast<double>(state.cylinders);
  }

  double r_;
};

}  // namespace

std::unique_ptr<ArmPolicy> make_fcfs_arm(const ArmConventions&) {
  return std::make_unique<Fcfs>();
}

std::unique_ptr<ArmPolicy> make_v_r_arm(const ArmConventions& conventions) {
  return std::make_unique<VR>(conventions.r);
}

std::unique_ptr<ArmPolicy> make_sstf_arm(const ArmConventions& conventions) {
  if (conventions.sstf_tie == ArmConventions::Tie::kRotation)
    return make_nearest_by_rotation_arm(conventions);
  return std::make_unique<Sstf>(conventions.sstf_tie);
}

}  // namespace spindle
