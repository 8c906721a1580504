#include "spindle/policy/fit_policy.h"

#include "built_in.h"
#include "fit_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

constexpr BuiltIn<FitPolicy> kBuiltInFits[] = {SPINDLE_FIT_POLICIES(SPINDLE_BUILT_IN)};
constexpr auto kFitNames = names_of(kBuiltInFits);

}  // namespace

std::optional<Run> longest_instead(const FreeRuns& free, const FitRequest& request) {
  if (request.must_be_whole) return std::nullopt;
  const std::optional<Run> longest = free.longest();
  return longest ? std::optional(front_of(*longest, request.want)) : std::nullopt;
}

Result<std::unique_ptr<FitPolicy>> make_fit_policy(std::string_view name) {
  if (const auto* built_in = find_built_in(kBuiltInFits, name)) return built_in->make();
  if (const Plugin* plugin = find_plugin(PolicyKind::kFit, name)) return make_guarded_fit(*plugin);
  return Error{EINVAL, "no fit policy has this name"};
}

std::span<const std::string_view> fit_policy_names() {
  return with_plugins(PolicyKind::kFit, kFitNames);
}

}  // namespace spindle
