// Which forms take policies out of libraries (`spindle disk --policy ./mine.so`).
#pragma once

#include "cli/face/face.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {

struct LibraryPolicies {
  std::string_view domain;  ///< of the solver
  PolicyKind kind;
  std::vector<std::string_view> parameters;  ///< that the policy, or the exercise, has
};

/// Null: all policies of the form are built in.
const LibraryPolicies* libraries_of(const Form& form);

}  // namespace spindle::cli
