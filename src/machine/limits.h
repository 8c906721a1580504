// The names of the limits of a process.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "process.h"

namespace spindle {

struct LimitName {
  std::string_view name;    ///< as in /proc/PID/limits
  std::string_view letter;  ///< as `ulimit` has it
};

inline constexpr std::array<LimitName, kLimits> kLimitNames = {{
    {"Max cpu time", "t"},
    {"Max file size", "f"},
    {"Max data size", "d"},
    {"Max processes", "u"},
    {"Max open files", "n"},
    {"Max address space", "v"},
}};

inline std::optional<Limit> limit_of(std::string_view name) {
  for (std::size_t i = 0; i < kLimitNames.size(); ++i)
    if (name == kLimitNames[i].name || name == kLimitNames[i].letter) return static_cast<Limit>(i);
  return std::nullopt;
}

}  // namespace spindle
