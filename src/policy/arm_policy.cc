#include "spindle/policy/arm_policy.h"

#include <algorithm>
#include <iterator>

#include "arm_policies.h"
#include "built_in.h"
#include "plugins.h"

namespace spindle {
namespace {

constexpr BuiltIn<ArmPolicy, const ArmConventions&> kBuiltInArms[] = {
    SPINDLE_ARM_POLICIES(SPINDLE_BUILT_IN)};
constexpr auto kArmNames = names_of(kBuiltInArms);

/// In the order of ArmGround.
constexpr std::string_view kArmGroundNames[] = {"unsaid",
                                                "oldest",
                                                "nearest",
                                                "nearest-with-turn",
                                                "soonest",
                                                "next-ahead",
                                                "first-after-turn",
                                                "first-after-return",
                                                "next-ahead-of-sweep",
                                                "first-after-turn-of-sweep",
                                                "deadline-over"};
static_assert(std::size(kArmGroundNames) == static_cast<std::size_t>(ArmGround::kDeadlineOver) + 1);

/// A queue that is searched from end to end.
class SpanQueue final : public WaitingRequests {
 public:
  SpanQueue(std::span<const ArmRequest> queue, const PositioningTimes* times)
      : queue_(queue), times_(times) {}
  [[nodiscard]] std::size_t size() const override { return queue_.size(); }
  [[nodiscard]] std::size_t oldest() const override { return 0; }
  [[nodiscard]] Cylinder cylinder_of(std::size_t request) const override {
    return queue_[request].cylinder;
  }

  [[nodiscard]] std::optional<std::size_t> nearest(Cylinder at, bool up,
                                                   std::size_t among) const override {
    std::optional<std::size_t> best;
    std::uint64_t best_distance = 0;
    for (std::size_t i = 0; i < std::min(among, queue_.size()); ++i) {
      const Cylinder there = queue_[i].cylinder;
      if (up ? there < at : at < there) continue;
      const std::uint64_t distance = arm_distance(there, at);
      if (best && best_distance <= distance) continue;
      best = i;
      best_distance = distance;
    }
    return best;
  }

  [[nodiscard]] std::size_t next_oldest(std::size_t request) const override { return request + 1; }
  [[nodiscard]] VirtualTime arrival_of(std::size_t request) const override {
    return queue_[request].arrival;
  }
  [[nodiscard]] bool is_write(std::size_t request) const override {
    return queue_[request].is_write;
  }
  [[nodiscard]] std::optional<VirtualTime> positioning_time(std::size_t request) const override {
    return times_ == nullptr ? std::nullopt : std::optional(times_->of(request));
  }

 private:
  std::span<const ArmRequest> queue_;
  const PositioningTimes* times_;
};

}  // namespace

ArmChoice ArmPolicy::pick(std::span<const ArmRequest> queue, const ArmState& state,
                          const PositioningTimes* times) {
  return choose(SpanQueue(queue, times), state);
}

Result<std::unique_ptr<ArmPolicy>> make_arm_policy(std::string_view name,
                                                   const ArmConventions& conventions) {
  if (const auto* built_in = find_built_in(kBuiltInArms, name)) return built_in->make(conventions);
  if (const Plugin* plugin = find_plugin(PolicyKind::kArm, name))
    return make_guarded_arm(*plugin, conventions);
  return Error{EINVAL, "no arm policy has this name"};
}

std::string_view arm_ground_name(ArmGround ground) {
  const auto number = static_cast<std::size_t>(ground);
  return number < std::size(kArmGroundNames) ? kArmGroundNames[number] : std::string_view();
}

std::span<const std::string_view> arm_policy_names() {
  return with_plugins(PolicyKind::kArm, kArmNames);
}

}  // namespace spindle
