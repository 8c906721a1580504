// The fit policies' table of contents: a policy is one factory, defined in its family's file, and
// one line here.
#pragma once

#include <memory>

#include "spindle/policy/fit_policy.h"

#define SPINDLE_FIT_POLICIES(X) \
  X("near", make_near_fit)      \
  X("first", make_first_fit)    \
  X("best", make_best_fit)      \
  X("worst", make_worst_fit)    \
  X("next", make_next_fit)      \
  X("buddy", make_buddy_fit)

namespace spindle {

#define SPINDLE_DECLARE(NAME, FACTORY) std::unique_ptr<FitPolicy> FACTORY();
SPINDLE_FIT_POLICIES(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

/// The first `want` blocks of the run, or all of it if it is shorter.
constexpr Run front_of(Run run, std::uint64_t want) {
  return {run.start, run.length < want ? run.length : want};
}

/// What to take when no run is long enough: the longest, or nothing if it must be whole.
std::optional<Run> longest_instead(const FreeRuns& free, const FitRequest& request);

}  // namespace spindle
