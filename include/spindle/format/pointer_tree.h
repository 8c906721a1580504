// PointerTree: where an inode with direct and indirect pointers has the one to a block of its file.
//
// The first slots of the root point to blocks of the file, those after them to blocks of pointers,
// and those after these through two and three levels of such blocks. Each slot stands for an area
// of the file; the areas follow one another in the order of the slots. Pure arithmetic, for the map
// of a volume and for exercises alike; what it is asked must be below 2^63.
//
//   PointerTree tree{.roots = {12, 1, 1, 1}, .pointers = 1024};
//   tree.blocks();            // the blocks of the largest file
//   tree.place_of(5000);      // through slot 13, which has two levels
#pragma once

#include <array>
#include <cstdint>

namespace spindle::format {

inline constexpr unsigned kMaxPointerLevels = 3;

/// Where the pointer to a file block stands.
struct PointerPlace {
  std::uint64_t slot = 0;  ///< of the root
  unsigned levels = 0;     ///< blocks of pointers between the root and the data
  std::array<std::uint64_t, kMaxPointerLevels> index;  ///< in each of them, the topmost first
};

struct PointerTree {
  /// How many slots of the root lead through none, one, two and three blocks of pointers.
  std::array<std::uint64_t, kMaxPointerLevels + 1> roots;
  std::uint64_t pointers;  ///< in a block of them

  /// File blocks before the area of a slot; of the number of slots, all that there can be.
  [[nodiscard]] constexpr std::uint64_t area_start(std::uint64_t slot) const {
    std::uint64_t start = 0;
    std::uint64_t area = 1;
    for (const std::uint64_t slots : roots) {
      if (slot <= slots) return start + slot * area;
      start += slots * area;
      slot -= slots;
      area *= pointers;
    }
    return start;
  }

  [[nodiscard]] constexpr std::uint64_t slots() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t slots : roots) sum += slots;
    return sum;
  }

  /// The blocks of the largest file.
  [[nodiscard]] constexpr std::uint64_t blocks() const { return area_start(slots()); }

  /// For a block below `blocks()`.
  [[nodiscard]] constexpr PointerPlace place_of(std::uint64_t block) const {
    PointerPlace place;
    std::uint64_t area = 1;
    while (place.levels < kMaxPointerLevels && block >= roots[place.levels] * area) {
      block -= roots[place.levels] * area;
      place.slot += roots[place.levels];
      ++place.levels;
      area *= pointers;
    }
    place.slot += block / area;
    block %= area;
    for (unsigned i = place.levels; i-- > 0; block /= pointers) place.index[i] = block % pointers;
    return place;
  }
};

}  // namespace spindle::format
