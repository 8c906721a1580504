// The arm policies' table of contents: a policy is one factory, defined in its family's file, and
// one line here.
#pragma once

#include <memory>

#include "spindle/policy/arm_policy.h"

#define SPINDLE_ARM_POLICIES(X)          \
  X("fcfs", make_fcfs_arm)               \
  X("sstf", make_sstf_arm)               \
  X("scan", make_scan_arm)               \
  X("c-scan", make_c_scan_arm)           \
  X("look", make_look_arm)               \
  X("c-look", make_c_look_arm)           \
  X("fscan", make_fscan_arm)             \
  X("n-step-scan", make_n_step_scan_arm) \
  X("v-r", make_v_r_arm)                 \
  X("sptf", make_sptf_arm)               \
  X("deadline", make_deadline_arm)

namespace spindle {

#define SPINDLE_DECLARE(NAME, FACTORY) \
  std::unique_ptr<ArmPolicy> FACTORY(const ArmConventions& conventions);
SPINDLE_ARM_POLICIES(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

/// The direction in which `there` lies; the old one if the arm stands there already.
inline bool direction_to(Cylinder there, const ArmState& state) {
  return there == state.at ? state.moving_up : state.at < there;
}

/// SSTF whose ties the platter decides.
std::unique_ptr<ArmPolicy> make_nearest_by_rotation_arm(const ArmConventions& conventions);

}  // namespace spindle
