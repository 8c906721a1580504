// A policy of one's own, as a shared object that Spindle loads.
//
//   #include <spindle/policy/plugin.h>
//
//   class Mine final : public spindle::ArmPolicy {
//    public:
//     std::string_view name() const override { return "mine"; }
//     spindle::ArmChoice choose(const spindle::WaitingRequests& waiting,
//                               const spindle::ArmState& state) override { ... }
//   };
//   SPINDLE_ARM_POLICY(Mine)
//
// One line registers a class; a library has at most one policy of each kind. The constructor takes
// nothing, or what is beside the macro. A name has up to 32 small letters, digits, '-', '.' or '_'.
// Nothing of Spindle is linked: the headers are all.
//
// Each answer is checked before it is used. A policy that chooses what does not exist, that throws,
// or that asks without end is replaced by the plainest of its kind, and the work goes on. So is one
// whose slow answers (more than a tenth of a second each) add up to a second, or whose own code
// makes a fault of the machine. Memory that it overwrites, and some ways to wait, go unnoticed.
#pragma once

#include <type_traits>

#include "spindle/policy/arm_policy.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/policy/fit_policy.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle::plugin {

/// Of the four interfaces and all that goes through them; a library that was built for another is
/// refused.
inline constexpr std::uint32_t kInterface = 3;

/// The C++ library whose types go through the interfaces.
#if defined(_LIBCPP_VERSION)
inline constexpr char kStandardLibrary[] = "libc++";
#elif defined(_GLIBCXX_DEBUG)
inline constexpr char kStandardLibrary[] = "libstdc++ in debug mode";
#else
inline constexpr char kStandardLibrary[] = "libstdc++";
#endif

/// What a library hands out. The first two members stay where they are for ever.
template <class Policy, class... Arguments>
struct Registration {
  std::uint32_t interface = kInterface;
  const char* standard_library = kStandardLibrary;
  Policy* (*make)(Arguments...) = nullptr;
};
using ArmRegistration = Registration<ArmPolicy, const ArmConventions&>;
using ReplacementRegistration =
    Registration<ReplacementPolicy, std::size_t, const ReplacementConventions&>;
using FitRegistration = Registration<FitPolicy>;
using CpuRegistration = Registration<CpuPolicy, const CpuConventions&>;

/// A new `Class`, of as many of the arguments as it takes.
template <class Class, class Policy>
Policy* make() {
  return new Class;
}
template <class Class, class Policy, class Conventions>
Policy* make(const Conventions& conventions) {
  if constexpr (std::is_constructible_v<Class, const Conventions&>)
    return new Class(conventions);
  else
    return new Class;
}
template <class Class, class Policy, class Conventions>
Policy* make(std::size_t capacity, const Conventions& conventions) {
  if constexpr (std::is_constructible_v<Class, std::size_t, const Conventions&>)
    return new Class(capacity, conventions);
  else
    return new Class(capacity);
}

}  // namespace spindle::plugin

#define SPINDLE_REGISTER(SYMBOL, REGISTRATION, ...)                        \
  extern "C" __attribute__((visibility("default"))) const void* SYMBOL() { \
    static constexpr ::spindle::plugin::REGISTRATION kRegistration = {     \
        .make = &::spindle::plugin::make<__VA_ARGS__>};                    \
    return &kRegistration;                                                 \
  }

/// May take `const ArmConventions&`.
#define SPINDLE_ARM_POLICY(CLASS)                                                    \
  SPINDLE_REGISTER(spindle_arm_policy, ArmRegistration, CLASS, ::spindle::ArmPolicy, \
                   ::spindle::ArmConventions)
/// Takes the number of frames, and may take `const ReplacementConventions&` behind it.
#define SPINDLE_REPLACEMENT_POLICY(CLASS)                                      \
  SPINDLE_REGISTER(spindle_replacement_policy, ReplacementRegistration, CLASS, \
                   ::spindle::ReplacementPolicy, ::spindle::ReplacementConventions)
#define SPINDLE_FIT_POLICY(CLASS) \
  SPINDLE_REGISTER(spindle_fit_policy, FitRegistration, CLASS, ::spindle::FitPolicy)
/// May take `const CpuConventions&`.
#define SPINDLE_CPU_POLICY(CLASS)                                                    \
  SPINDLE_REGISTER(spindle_cpu_policy, CpuRegistration, CLASS, ::spindle::CpuPolicy, \
                   ::spindle::CpuConventions)
