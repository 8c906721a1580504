// The elevators: SCAN and LOOK sweep both ways, C-SCAN and C-LOOK serve in one direction and
// return. The SCANs turn at the edge of the disk, the LOOKs at the last request. FSCAN and N-step
// SCAN are LOOKs over a part of the queue.
//
// SCAN turns at the edge only if a request waits on the other side: with nothing left to serve, the
// arm stays where it is.

#include <algorithm>

#include "arm_policies.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

/// The last cylinder in direction `up`; no nearer than where the arm stands.
Cylinder edge_of(const ArmState& state, bool up) {
  if (!up) return Cylinder{0};
  return std::max(Cylinder{state.cylinders == 0 ? 0 : state.cylinders - 1}, state.at);
}

class Elevator final : public ArmPolicy {
 public:
  Elevator(std::string_view name, bool to_the_edge) : name_(name), to_the_edge_(to_the_edge) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    return sweep(waiting, state, waiting.size(), to_the_edge_);
  }

  /// Serves the `among` oldest in the direction of the sweep, or turns.
  static ArmChoice sweep(const WaitingRequests& waiting, const ArmState& state, std::size_t among,
                         bool to_the_edge) {
    ArmChoice choice;
    choice.moving_up = state.moving_up;
    choice.ground = ArmGround::kNextAhead;
    std::optional<std::size_t> next = waiting.nearest(state.at, state.moving_up, among);
    if (!next) {
      choice.ground = ArmGround::kFirstAfterTurn;
      if (to_the_edge) choice.by_way_of.push_back(edge_of(state, state.moving_up));
      choice.moving_up = !state.moving_up;
      next = waiting.nearest(state.at, choice.moving_up, among);
    }
    CHECK(next.has_value());
    choice.index = *next;
    return choice;
  }

 private:
  std::string_view name_;
  bool to_the_edge_;
};

/// FSCAN and N-step SCAN: a sweep serves the requests that were there when it began, all of them or
/// the oldest N; whoever comes meanwhile waits for the next sweep, so that none can hold the arm.
class SteppedElevator final : public ArmPolicy {
 public:
  SteppedElevator(std::string_view name, std::size_t steps) : name_(name), steps_(steps) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    if (left_ == 0 || left_ > waiting.size()) left_ = std::min(steps_, waiting.size());
    ArmChoice choice = Elevator::sweep(waiting, state, left_--, false);
    choice.ground = choice.ground == ArmGround::kNextAhead ? ArmGround::kNextAheadOfSweep
                                                           : ArmGround::kFirstAfterTurnOfSweep;
    return choice;
  }

 private:
  std::string_view name_;
  std::size_t steps_;
  std::size_t left_ = 0;  ///< how many requests of the sweep wait still; they are the oldest
};

class CircularElevator final : public ArmPolicy {
 public:
  CircularElevator(std::string_view name, bool to_the_edge)
      : name_(name), to_the_edge_(to_the_edge) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    ArmChoice choice;
    const bool up = state.moving_up;
    choice.moving_up = up;
    choice.ground = ArmGround::kNextAhead;
    std::optional<std::size_t> next = waiting.nearest(state.at, up, waiting.size());
    if (!next) {
      choice.ground = ArmGround::kFirstAfterReturn;
      const Cylinder end = edge_of(state, up);
      const Cylinder start = edge_of(state, !up);
      next = waiting.nearest(Cylinder{up ? 0 : ~std::uint64_t{0}}, up, waiting.size());
      CHECK(next.has_value());
      if (to_the_edge_) {
        choice.by_way_of.push_back(end);
        choice.by_way_of.push_back(start);
      }
      choice.return_distance = to_the_edge_ ? arm_distance(end, start)
                                            : arm_distance(state.at, waiting.cylinder_of(*next));
    }
    choice.index = *next;
    return choice;
  }

 private:
  std::string_view name_;
  bool to_the_edge_;
};

}  // namespace

std::unique_ptr<ArmPolicy> make_scan_arm(const ArmConventions&) {
  return std::make_unique<Elevator>("scan", true);
}

std::unique_ptr<ArmPolicy> make_look_arm(const ArmConventions&) {
  return std::make_unique<Elevator>("look", false);
}

std::unique_ptr<ArmPolicy> make_fscan_arm(const ArmConventions&) {
  return std::make_unique<SteppedElevator>("fscan", ~std::size_t{0});
}

std::unique_ptr<ArmPolicy> make_n_step_scan_arm(const ArmConventions& conventions) {
  return std::make_unique<SteppedElevator>("n-step-scan",
                                           std::max<std::size_t>(1, conventions.steps));
}

std::unique_ptr<ArmPolicy> make_c_scan_arm(const ArmConventions&) {
  return std::make_unique<CircularElevator>("c-scan", true);
}

std::unique_ptr<ArmPolicy> make_c_look_arm(const ArmConventions&) {
  return std::make_unique<CircularElevator>("c-look", false);
}

}  // namespace spindle
