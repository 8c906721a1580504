// What the domains of the disk's arm share: the algorithms' names, and the conventions among the
// parameters.
#pragma once

#include <memory>

#include "domains.h"
#include "spindle/policy/arm_policy.h"

namespace spindle {

/// `tie` of SSTF (lower, higher, arrival, direction, rotation), `steps` of N-step SCAN (8), `r` of
/// V(R) (0.2), `aging` of SATF (0), `read_deadline` (500), `write_deadline` (5000) and `batch` (16)
/// of deadline.
ArmConventions read_arm_conventions(const Problem& problem);

/// SCAN and C-SCAN may say by `turn` that they turn at the last request, not at the edge. Nothing
/// if the algorithm is unknown; a failure is noted if a parameter is wrong.
std::unique_ptr<ArmPolicy> make_arm(const Problem& problem, const ArmConventions& conventions);

}  // namespace spindle
