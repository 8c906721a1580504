// The built-in policies of a kind: a table of names and factories, made of the kind's list (as
// SPINDLE_ARM_POLICIES), and how one is found in it.
//
//   constexpr BuiltIn<FitPolicy> kBuiltInFits[] = {SPINDLE_FIT_POLICIES(SPINDLE_BUILT_IN)};
//   constexpr auto kFitNames = names_of(kBuiltInFits);
//   if (const auto* fit = find_built_in(kBuiltInFits, name)) return fit->make();
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

namespace spindle {

/// `Given`: what the factory takes.
template <class Policy, class... Given>
struct BuiltIn {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(Given...);
};

#define SPINDLE_BUILT_IN(NAME, FACTORY) {NAME, FACTORY},

template <class Entry, std::size_t n>
constexpr std::array<std::string_view, n> names_of(const Entry (&policies)[n]) {
  std::array<std::string_view, n> names;
  for (std::size_t i = 0; i < n; ++i) names[i] = policies[i].name;
  return names;
}

/// Null: there is none of that name.
template <class Entry, std::size_t n>
const Entry* find_built_in(const Entry (&policies)[n], std::string_view name) {
  for (const Entry& policy : policies)
    if (policy.name == name) return &policy;
  return nullptr;
}

}  // namespace spindle
