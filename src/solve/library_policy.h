// Policies out of libraries, in place of the algorithms that a domain knows.
#pragma once

#include <optional>

#include "domains.h"
#include "spindle/policy/policy_library.h"

namespace spindle {

/// The name of the policy, where the algorithm is a library ("./mine.so"), which is loaded; nothing
/// if it is none, or cannot be used, which is noted.
inline std::optional<std::string_view> policy_of_library(const Problem& problem, PolicyKind kind) {
  if (!is_policy_library(problem.algorithm)) return std::nullopt;
  const auto name = load_policy(kind, problem.algorithm);
  if (name.ok()) return *name;
  problem.failure->note(std::string("algorithm: ") + name.error().what);
  return std::nullopt;
}

}  // namespace spindle
