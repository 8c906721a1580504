#include "spindle/policy/cpu_policy.h"

#include "built_in.h"
#include "cpu_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

constexpr BuiltIn<CpuPolicy, const CpuConventions&> kBuiltInCpuPolicies[] = {
    SPINDLE_CPU_POLICIES(SPINDLE_BUILT_IN)};
constexpr auto kCpuNames = names_of(kBuiltInCpuPolicies);

}  // namespace

Result<std::unique_ptr<CpuPolicy>> make_cpu_policy(std::string_view name,
                                                   const CpuConventions& conventions) {
  const bool mlq = name == "mlq";
  if (conventions.quantum.ns <= 0) return Error{EINVAL, "the quantum is not above 0"};
  if (conventions.aging_interval.ns <= 0) return Error{EINVAL, "the span of ageing is not above 0"};
  if (conventions.stride_of_one <= 0) return Error{EINVAL, "the stride is not above 0"};
  if (conventions.levels == 0 || conventions.levels > 32 || conventions.quanta.size() > 32)
    return Error{EINVAL, "the number of levels is not 1 to 32"};
  for (const VirtualTime quantum : conventions.quanta)
    if (quantum.ns < 0 || (quantum.ns == 0 && !mlq))
      return Error{EINVAL, "the quantum of a level is not above 0"};
  if (const auto* built_in = find_built_in(kBuiltInCpuPolicies, name))
    return built_in->make(conventions);
  if (const Plugin* plugin = find_plugin(PolicyKind::kCpu, name))
    return make_guarded_cpu(*plugin, conventions);
  return Error{EINVAL, "no CPU policy has this name"};
}

std::span<const std::string_view> cpu_policy_names() {
  return with_plugins(PolicyKind::kCpu, kCpuNames);
}

}  // namespace spindle
