// What the factories of policies know of loaded ones: which there are, and how one is made and
// guarded.
#pragma once

#include <memory>
#include <utility>

#include "spindle/policy/plugin.h"
#include "spindle/policy/policy_library.h"
#include "watched_call.h"

namespace spindle {

/// A policy of a loaded library. Lives as long as the process.
struct Plugin {
  PolicyKind kind;
  std::string name;
  std::string path;
  const void* registration;  ///< the kind's, of plugin.h
  WatchedLibrary& library;
  bool misbehaved = false;  ///< under the lock of the table
};

/// The last one loaded of that name, or null.
const Plugin* find_plugin(PolicyKind kind, std::string_view name);

/// The built-in names and those of the plug-ins of the kind that may be listed.
std::span<const std::string_view> with_plugins(PolicyKind kind,
                                               std::span<const std::string_view> built_in);

/// Reports that it broke a promise, as `why` says ("throws ..."), and that `instead` replaces it.
void report_misbehaviour(const Plugin& plugin, std::string_view why, std::string_view instead);

/// Thrown through a policy that asks without end.
struct EndlessQuestions {};

/// What the exception that is being handled says.
std::string words_of_exception();

struct CallFailure {
  std::string why;
  bool was_abandoned = false;  ///< midway: the object that it worked on must not be used again
};

/// Calls into the library; says why that failed, if it threw or had to be abandoned, now or before.
template <class Call>
std::optional<CallFailure> failure_of(WatchedLibrary& library, const Call& call) {
  if (library.fault() != nullptr)
    return CallFailure{std::string("may not be used, since its library ") + library.fault(), true};
  WatchedCall watched(library);
  if (sigsetjmp(watched.back, 0) != 0) return CallFailure{std::string(watched.words()), true};
  try {
    call();
    return std::nullopt;
  } catch (...) {
    return CallFailure{words_of_exception()};
  }
}

/// An object of the library, called only within failure_of. One that was abandoned midway in a call
/// is never deleted.
template <class Policy>
class OwnPolicy {
 public:
  explicit OwnPolicy(WatchedLibrary& library) : library_(library) {}
  OwnPolicy(const OwnPolicy&) = delete;
  OwnPolicy& operator=(const OwnPolicy&) = delete;
  ~OwnPolicy() {
    if (policy_ == nullptr) return;
    const auto failure = failure_of(library_, [this] { delete policy_; });
    if (failure && failure->was_abandoned) library_.abandon(policy_);
  }

  template <class Make>
  std::optional<std::string> make(const Make& make) {
    return ask([&] { policy_ = make(); });
  }
  /// Makes the call, which may use `->`; says why it failed.
  template <class Call>
  std::optional<std::string> ask(const Call& call) const {
    auto failure = failure_of(library_, call);
    if (!failure) return std::nullopt;
    if (failure->was_abandoned) library_.abandon(std::exchange(policy_, nullptr));
    return std::move(failure->why);
  }
  Policy* operator->() const { return policy_; }

 private:
  WatchedLibrary& library_;
  mutable Policy* policy_ = nullptr;
};

// Never fail: what cannot be made is replaced at once.
std::unique_ptr<ArmPolicy> make_guarded_arm(const Plugin& plugin,
                                            const ArmConventions& conventions);
std::unique_ptr<ReplacementPolicy> make_guarded_replacement(
    const Plugin& plugin, std::size_t capacity, const ReplacementConventions& conventions);
std::unique_ptr<FitPolicy> make_guarded_fit(const Plugin& plugin);
std::unique_ptr<CpuPolicy> make_guarded_cpu(const Plugin& plugin,
                                            const CpuConventions& conventions);

}  // namespace spindle
