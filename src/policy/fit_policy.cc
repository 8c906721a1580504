#include "spindle/policy/fit_policy.h"

#include "fit_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<FitPolicy> (*make)();
};

#define SPINDLE_ENTRY(NAME, FACTORY) Entry{NAME, FACTORY},
#define SPINDLE_NAME(NAME, FACTORY) NAME,
constexpr Entry kPolicies[] = {SPINDLE_FIT_POLICIES(SPINDLE_ENTRY)};
constexpr std::string_view kNames[] = {SPINDLE_FIT_POLICIES(SPINDLE_NAME)};
#undef SPINDLE_ENTRY
#undef SPINDLE_NAME

}  // namespace

std::optional<Run> longest_instead(const FreeRuns& free, const FitRequest& request) {
  if (request.must_be_whole) return std::nullopt;
  const std::optional<Run> longest = free.longest();
  return longest ? std::optional(front_of(*longest, request.want)) : std::nullopt;
}

Result<std::unique_ptr<FitPolicy>> make_fit_policy(std::string_view name) {
  for (const Entry& entry : kPolicies)
    if (entry.name == name) return entry.make();
  if (const Plugin* plugin = find_plugin(PolicyKind::kFit, name)) return make_guarded_fit(*plugin);
  return Error{EINVAL, "no fit policy has this name"};
}

std::span<const std::string_view> fit_policy_names() {
  return with_plugins(PolicyKind::kFit, kNames);
}

}  // namespace spindle
