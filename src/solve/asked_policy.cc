#include "asked_policy.h"

#include <algorithm>

namespace spindle {

std::optional<std::string_view> asked_policy(const Problem& problem, PolicyKind kind,
                                             std::span<const PolicyOfAlgorithm> known) {
  const auto found = std::ranges::find(known, problem.algorithm, &PolicyOfAlgorithm::algorithm);
  if (found != known.end()) return found->policy;
  if (!is_policy_library(problem.algorithm)) return std::nullopt;
  const auto name = load_policy_once(kind, problem.algorithm);
  if (name.ok()) return *name;
  problem.failure->note(std::string("algorithm: ") + name.error().what);
  return std::nullopt;
}

}  // namespace spindle
