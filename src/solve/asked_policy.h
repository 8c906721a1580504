// The policy that a case asks for: by an algorithm that its domain knows, or out of a library.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "domains.h"
#include "spindle/policy/policy_library.h"

namespace spindle {

/// An algorithm as the solver spells it, and the name of the policy that is meant.
struct PolicyOfAlgorithm {
  std::string_view algorithm;
  std::string_view policy;
};

/// The policy's name. If the algorithm is a library ("./mine.so") it is loaded; if that fails, this
/// is noted. Nothing if the algorithm is neither a library nor one of `known`, which is not noted.
std::optional<std::string_view> asked_policy(const Problem& problem, PolicyKind kind,
                                             std::span<const PolicyOfAlgorithm> known);

}  // namespace spindle
