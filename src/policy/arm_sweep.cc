// The elevators: SCAN and LOOK sweep both ways, C-SCAN and C-LOOK serve in one direction and
// return. The SCANs turn at the edge of the disk, the LOOKs at the last request.
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

  ArmChoice pick(std::span<const ArmRequest> queue, const ArmState& state) override {
    ArmChoice choice;
    choice.moving_up = state.moving_up;
    std::optional<std::size_t> next = nearest_ahead(queue, state.at, state.moving_up);
    if (!next) {
      const Cylinder edge = edge_of(state, state.moving_up);
      if (to_the_edge_ && edge != state.at) choice.by_way_of.push_back(edge);
      choice.moving_up = !state.moving_up;
      next = nearest_ahead(queue, state.at, choice.moving_up);
    }
    CHECK(next.has_value());
    choice.index = *next;
    return choice;
  }

 private:
  std::string_view name_;
  bool to_the_edge_;
};

class CircularElevator final : public ArmPolicy {
 public:
  CircularElevator(std::string_view name, bool to_the_edge)
      : name_(name), to_the_edge_(to_the_edge) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  ArmChoice pick(std::span<const ArmRequest> queue, const ArmState& state) override {
    ArmChoice choice;
    const bool up = state.moving_up;
    choice.moving_up = up;
    std::optional<std::size_t> next = nearest_ahead(queue, state.at, up);
    if (!next) {
      const Cylinder end = edge_of(state, up);
      const Cylinder start = edge_of(state, !up);
      next = nearest_ahead(queue, Cylinder{up ? 0 : ~std::uint64_t{0}}, up);
      CHECK(next.has_value());
      if (to_the_edge_) {
        if (end != state.at) choice.by_way_of.push_back(end);
        if (queue[*next].cylinder != start) choice.by_way_of.push_back(start);
        choice.return_distance = arm_distance(end, start);
      } else {
        choice.return_distance = arm_distance(state.at, queue[*next].cylinder);
      }
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

std::unique_ptr<ArmPolicy> make_c_scan_arm(const ArmConventions&) {
  return std::make_unique<CircularElevator>("c-scan", true);
}

std::unique_ptr<ArmPolicy> make_c_look_arm(const ArmConventions&) {
  return std::make_unique<CircularElevator>("c-look", false);
}

}  // namespace spindle
