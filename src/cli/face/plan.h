// Plan: what a person asked of a face, turned into cases of the solver: by which policies, with
// which input and parameters.
#pragma once

#include <deque>

#include "cli/face/face.h"

namespace spindle::cli {

struct Plan {
  const Form* form = nullptr;
  std::vector<const FacePolicy*> policies;
  std::deque<FacePolicy> own;  ///< policies out of libraries
  Json input;
  Json parameters = Json::object();  ///< what a file gives
  bool explains = false;             ///< a file asks for the reasons
  std::string algorithm = {};  ///< what a file gives, if it is not the algorithm of the policy
};

/// Chooses the policies, and reads the input, into a plan that is empty so far; there is at least
/// one policy then. The plan must stay where it is.
void make_plan(const Face& face, const FaceRequest& request, Plan& plan, Complaint& complaint);
/// The case that the plan makes for one of its policies.
Json case_of(const Plan& plan, const FacePolicy& policy, const FaceRequest& request,
             Complaint& complaint);

/// "context_switch" is typed "--context-switch".
std::string option_name(std::string_view parameter);
bool has_parameter(const FacePolicy& policy, const FaceParameter& parameter);

}  // namespace spindle::cli
