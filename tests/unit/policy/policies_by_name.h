// The policies of Spindle's own, by names that are known to be right.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "spindle/policy/arm_policy.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/policy/fit_policy.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

inline std::unique_ptr<ArmPolicy> arm_policy_named(std::string_view name,
                                                   ArmConventions conventions = {}) {
  return std::move(make_arm_policy(name, conventions)).take();
}

inline std::unique_ptr<CpuPolicy> cpu_policy_named(std::string_view name,
                                                   CpuConventions conventions = {}) {
  return std::move(make_cpu_policy(name, conventions)).take();
}

inline std::unique_ptr<FitPolicy> fit_policy_named(std::string_view name) {
  return std::move(make_fit_policy(name)).take();
}

inline std::unique_ptr<ReplacementPolicy> replacement_policy_named(
    std::string_view name, std::size_t capacity, ReplacementConventions conventions = {}) {
  return std::move(make_replacement_policy(name, capacity, conventions)).take();
}

}  // namespace spindle
