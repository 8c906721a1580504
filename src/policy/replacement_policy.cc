#include "spindle/policy/replacement_policy.h"

#include <iterator>

#include "built_in.h"
#include "plugins.h"
#include "replacement_policies.h"

namespace spindle {
namespace {

constexpr BuiltIn<ReplacementPolicy, std::size_t, const ReplacementConventions&>
    kBuiltInReplacements[] = {SPINDLE_REPLACEMENT_POLICIES(SPINDLE_BUILT_IN)};
constexpr auto kReplacementNames = names_of(kBuiltInReplacements);

/// In the order of VictimGround.
constexpr std::string_view kGroundNames[] = {"unsaid",
                                             "loaded-first",
                                             "used-longest-ago",
                                             "used-last",
                                             "fewest-uses",
                                             "most-uses",
                                             "used-again-latest",
                                             "lowest-class",
                                             "lowest-counter",
                                             "first-frame",
                                             "drawn-by-lot",
                                             "bit-found-clear",
                                             "bit-found-clear-in-row",
                                             "not-visited-again",
                                             "round-of-hand",
                                             "left-working-set",
                                             "first-clean",
                                             "where-hand-stood",
                                             "oldest-of-new",
                                             "longest-unused-of-kept",
                                             "oldest-of-small-queue",
                                             "oldest-of-main-queue"};
static_assert(std::size(kGroundNames) ==
              static_cast<std::size_t>(VictimGround::kOldestOfMainQueue) + 1);

}  // namespace

Result<std::unique_ptr<ReplacementPolicy>> make_replacement_policy(
    std::string_view name, std::size_t capacity, const ReplacementConventions& conventions) {
  if (capacity == 0 || capacity >= std::size_t{1} << 31)
    return Error{EINVAL, "the number of frames is out of range"};
  if (conventions.aging_bits == 0 || conventions.aging_bits > 63)
    return Error{EINVAL, "the bits of ageing are not 1 to 63"};
  if (const auto* built_in = find_built_in(kBuiltInReplacements, name))
    return built_in->make(capacity, conventions);
  if (const Plugin* plugin = find_plugin(PolicyKind::kReplacement, name))
    return make_guarded_replacement(*plugin, capacity, conventions);
  return Error{EINVAL, "no replacement policy has this name"};
}

std::string_view victim_ground_name(VictimGround ground) {
  const auto number = static_cast<std::size_t>(ground);
  return number < std::size(kGroundNames) ? kGroundNames[number] : std::string_view();
}

std::span<const std::string_view> replacement_policy_names() {
  return with_plugins(PolicyKind::kReplacement, kReplacementNames);
}

}  // namespace spindle
