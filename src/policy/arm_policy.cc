#include "spindle/policy/arm_policy.h"

#include "arm_policies.h"

namespace spindle {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<ArmPolicy> (*make)(const ArmConventions&);
};

#define SPINDLE_ENTRY(NAME, FACTORY) Entry{NAME, FACTORY},
#define SPINDLE_NAME(NAME, FACTORY) NAME,
constexpr Entry kPolicies[] = {SPINDLE_ARM_POLICIES(SPINDLE_ENTRY)};
constexpr std::string_view kNames[] = {SPINDLE_ARM_POLICIES(SPINDLE_NAME)};
#undef SPINDLE_ENTRY
#undef SPINDLE_NAME

}  // namespace

std::optional<std::size_t> nearest_ahead(std::span<const ArmRequest> queue, Cylinder at, bool up) {
  std::optional<std::size_t> best;
  std::uint64_t best_distance = 0;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const Cylinder there = queue[i].cylinder;
    if (up ? there < at : at < there) continue;
    const std::uint64_t distance = arm_distance(there, at);
    if (!best || distance < best_distance) {
      best = i;
      best_distance = distance;
    }
  }
  return best;
}

Result<std::unique_ptr<ArmPolicy>> make_arm_policy(std::string_view name,
                                                   const ArmConventions& conventions) {
  for (const Entry& entry : kPolicies)
    if (entry.name == name) return entry.make(conventions);
  return Error{EINVAL, "no arm policy has this name"};
}

std::span<const std::string_view> arm_policy_names() {
  return kNames;
}

}  // namespace spindle
