// Which policies there are: those that are built in, and those that were loaded from libraries.
//
//   const std::string_view name = TRY(policy_named(PolicyKind::kArm, "./mine.so"));   // "mine"
//   auto policy = TRY(make_arm_policy(name));
//
// A loaded policy has a name like any other: make_arm_policy and its like make it, arm_policy_names
// and its like list it. It stands behind a guard, which makes it keep the promises of its
// interface: at the first one broken the plainest policy of its kind takes over all that waits,
// under its own name, and it is told here and in the log. The broken one is not listed any more,
// until its library is loaded again.
//
// A library is loaded only if it belongs to root or to the user of this process, and nobody else
// may write it. What is loaded is a copy, so the file may be rebuilt at any time; once it is loaded
// again, new policies are made by the new library. Nothing is ever unloaded. May be used by several
// kernel threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/base/result.h"

namespace spindle {

enum class PolicyKind : std::uint8_t { kArm, kReplacement, kFit, kCpu };

/// All names of the kind that can be made now; the built-in ones first.
std::span<const std::string_view> policy_names(PolicyKind kind);

/// Whether the text means a library: there is a '/' in it.
bool is_policy_library(std::string_view text);

/// Loads the library, unless it is loaded just as it is now, and answers the name of its policy.
/// EACCES for one that is not trusted, EINVAL for one that has no such policy, or was built for
/// another Spindle, or whose policy has a name that another has; the error says it in words.
Result<std::string_view> load_policy(PolicyKind kind, std::string_view path);

/// The same, but a library that has been loaded stays as it is: a policy of it that misbehaved is
/// not listed again, nor told of once more.
Result<std::string_view> load_policy_once(PolicyKind kind, std::string_view path);

/// What a person means: a library, which is loaded, or a name, which must be known (EINVAL).
Result<std::string_view> policy_named(PolicyKind kind, std::string_view text);

/// The last time that a loaded policy broke a promise.
struct PolicyFault {
  Timestamp when;
  std::string text;  ///< "arm policy 'mine' of /home/ada/mine.so picked ...; fcfs takes its place"
};
std::optional<PolicyFault> last_policy_fault();

}  // namespace spindle
