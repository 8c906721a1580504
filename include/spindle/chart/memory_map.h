// MemoryMap: what lies where in memory, or on a disk: parts from address to address.
//
// Parts stand in order of place. In the picture the height of a part grows with its length, but no
// part is so thin that its label would not fit; the addresses at its edges are the scale.
// A part that begins below the end of the one before it begins another map, below a gap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/chart/palette.h"
#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct MemoryMap {
  struct Part {
    std::uint64_t from = 0;
    std::uint64_t length = 0;
    std::string label;
    Meaning meaning = Meaning::kFree;
  };
  std::string title;
  std::string unit;  ///< "KiB"
  std::vector<Part> parts;
};

std::string to_text(const MemoryMap& map, const TextStyle& style);
std::string to_svg(const MemoryMap& map);

}  // namespace spindle::chart
