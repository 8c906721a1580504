// The parameters of the multi-level feedback queue, read alike for its own domain and for `cpu`.
#pragma once

#include "domains.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {

/// `quanta` and `allotments` level by level, or `levels` of one `quantum` and `allotment`; `boost`,
/// `stay`, `io_bump`.
CpuConventions read_mlfq_conventions(const Problem& problem);

}  // namespace spindle
