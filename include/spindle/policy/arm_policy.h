// ArmPolicy: which request does the disk's arm serve next?
//
// A policy is a pure object: no I/O, no lock, no clock of its own. The same object orders the queue
// of a mounted volume, its live what-if shadows, and an exercise typed at the command line. The
// caller keeps the queue in order of arrival, asks `pick` each time the arm is free, and removes
// the answer.
//
// Distances are in cylinders. Directions: the arm moves `up` towards higher cylinders.
//
//   auto policy = TRY(make_arm_policy("c-look"));
//   std::size_t next = policy->pick(queue, state);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

struct ArmRequest {
  std::uint64_t id = 0;  ///< the caller's own
  Cylinder cylinder;
  VirtualTime arrival;
  bool is_write = false;
};

struct ArmState {
  Cylinder at;                  ///< where the arm stands
  bool moving_up = true;        ///< the direction of its last move, or as it was set at the start
  std::uint64_t cylinders = 1;  ///< the disk has cylinders 0 .. cylinders-1
  VirtualTime now;
};

/// What a policy decided: which request, and over which turning point the arm goes on its way
/// there.
struct ArmChoice {
  std::size_t index = 0;  ///< into the queue
  std::vector<Cylinder>
      by_way_of;          ///< turning points before the request: SCAN's edge; mostly empty
  bool moving_up = true;  ///< the direction after the request is reached
};

class ArmPolicy {
 public:
  virtual ~ArmPolicy() = default;
  /// The name it is chosen by: "fcfs", "sstf", "scan", "c-scan", "look", "c-look".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Chooses among `queue`, which is not empty and stands in order of arrival.
  virtual ArmChoice pick(std::span<const ArmRequest> queue, const ArmState& state) = 0;
};

/// The policy of that name; EINVAL for a name that is none of `arm_policy_names`.
Result<std::unique_ptr<ArmPolicy>> make_arm_policy(std::string_view name);
std::span<const std::string_view> arm_policy_names();

}  // namespace spindle
