// The page replacement policy that a case names, with its conventions.
#pragma once

#include "domains.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

/// Null if the algorithm is unknown; "OPT" needs `references`, all that will come.
std::unique_ptr<ReplacementPolicy> make_page_policy(const Problem& problem, std::size_t frames,
                                                    std::span<const PageKey> references);

}  // namespace spindle
