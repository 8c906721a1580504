// An arm policy: the nearest request first, unless another has waited for too long.
#include <spindle/policy/plugin.h>

using namespace spindle;

class Impatient final : public ArmPolicy {
 public:
  std::string_view name() const override { return "impatient"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& arm) override {
    const std::size_t oldest = waiting.oldest();
    const bool is_late = kPatience < arm.now - waiting.arrival_of(oldest);
    const std::size_t next = is_late ? oldest : nearest(waiting, arm.at);
    return {.index = next, .by_way_of = {}, .moving_up = arm.at <= waiting.cylinder_of(next)};
  }

 private:
  static constexpr VirtualTime kPatience{100'000'000};  // 100 ms

  static std::size_t nearest(const WaitingRequests& waiting, Cylinder at) {
    const auto above = waiting.nearest(at, true, waiting.size());
    const auto below = waiting.nearest(at, false, waiting.size());
    if (!above || !below) return above ? *above : *below;
    return waiting.cylinder_of(*above) - at < at - waiting.cylinder_of(*below) ? *above : *below;
  }
};

SPINDLE_ARM_POLICY(Impatient)
