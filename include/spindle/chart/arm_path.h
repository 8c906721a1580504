// ArmPath: the way of a disk's arm over its cylinders, stop by stop, as the textbooks draw it:
// cylinders to the right, time downwards.
//
// A stop is where the arm started, a request that it served, or a place where it only turned or
// landed. As text each stop is a line: its number, its cylinder, the distance, and the way from the
// stop before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct ArmPath {
  enum class Kind : std::uint8_t { kStart, kServed, kTurn };
  struct Stop {
    std::uint64_t cylinder = 0;
    Kind kind = Kind::kServed;
    bool way_counts = true;  ///< whether the way to it counts as movement
  };

  std::string title;
  std::uint64_t cylinders = 1;
  std::vector<Stop> stops;
};

std::string to_text(const ArmPath& path, const TextStyle& style);
std::string to_svg(const ArmPath& path);

}  // namespace spindle::chart
