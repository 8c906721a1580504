// How far a disk's arm goes from one cylinder to another.
#pragma once

#include <cstdint>

namespace spindle::chart {

inline std::uint64_t cylinders_between(std::uint64_t a, std::uint64_t b) {
  return a < b ? b - a : a - b;
}

}  // namespace spindle::chart
