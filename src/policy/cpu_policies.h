// The CPU policies' table of contents: a policy is one factory, defined in its family's file, and
// one line here.
#pragma once

#include <memory>

#include "spindle/policy/cpu_policy.h"

#define SPINDLE_CPU_POLICIES(X)                          \
  X("fcfs", make_fcfs_cpu)                               \
  X("rr", make_round_robin_cpu)                          \
  X("priority", make_priority_cpu)                       \
  X("priority-preemptive", make_preemptive_priority_cpu) \
  X("priority-rr", make_priority_round_robin_cpu)        \
  X("sjf", make_shortest_job_cpu)                        \
  X("srtf", make_shortest_remaining_cpu)                 \
  X("ljf", make_longest_job_cpu)                         \
  X("lrtf", make_longest_remaining_cpu)                  \
  X("edf", make_earliest_deadline_cpu)                   \
  X("llf", make_least_laxity_cpu)                        \
  X("mlfq", make_mlfq_cpu)                               \
  X("lottery", make_lottery_cpu)                         \
  X("stride", make_stride_cpu)                           \
  X("cfs", make_cfs_cpu)                                 \
  X("hrrn", make_highest_response_ratio_cpu)             \
  X("vrr", make_virtual_round_robin_cpu)                 \
  X("feedback", make_feedback_cpu)                       \
  X("mlq", make_multi_level_queue_cpu)                   \
  X("priority-aging", make_aging_priority_cpu)           \
  X("eevdf", make_eevdf_cpu)                             \
  X("fair-share", make_fair_share_cpu)

namespace spindle {

#define SPINDLE_DECLARE(NAME, FACTORY) \
  std::unique_ptr<CpuPolicy> FACTORY(const CpuConventions& conventions);
SPINDLE_CPU_POLICIES(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

}  // namespace spindle
