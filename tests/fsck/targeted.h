// Damage to one field: how a case says what is damaged, and what fsck must find.
#pragma once

#include <gtest/gtest.h>

#include "repair.h"

namespace spindle::test {

using fsck::Problem;

inline NodeId node_of(const std::string& path) {
  return sample().items.at(path).node;
}

struct Case {
  const char* name;
  Problem problem;
  std::vector<std::string> damaged;  ///< paths whose content may be lost; "*": all
  std::function<void(Damager&)> damage;
  bool names_may_change = false;
};

inline void PrintTo(const Case& damage, std::ostream* out) {
  *out << damage.name;
}

/// Damages a copy of the sample: a check must find the damage and change nothing, and a repair must
/// repair it. Returns in words what went wrong, "" if nothing.
std::string find_and_repair(const Case& param);

inline auto case_name = [](const auto& chosen) { return std::string(chosen.param.name); };

}  // namespace spindle::test
