// Which forms take policies out of libraries (`spindle disk --policy ./mine.so`).
#pragma once

#include "cli/face/face.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {

struct LibraryPolicies {
  std::string_view domain;  ///< the solver's name of the form
  PolicyKind kind;
  std::vector<std::string_view> parameters;  ///< those of the exercise that such a policy heeds
};

/// Null if all policies of the form are built in.
const LibraryPolicies* libraries_of(const Form& form);

}  // namespace spindle::cli
