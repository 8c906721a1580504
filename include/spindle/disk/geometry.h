// Geometry: where on the platters a block lies.
//
// Blocks fill a track, then the next head's track of the same cylinder, then the next cylinder. The
// last cylinder may be partly empty; every block of the volume has a place. The unit along a track
// is the block, whatever its size in bytes.
#pragma once

#include <cstdint>

#include "spindle/base/id.h"

namespace spindle {

/// Cylinder, head, sector (here: block of the track), all from 0 on.
struct PlatterAddress {
  Cylinder cylinder;
  std::uint64_t head = 0;
  std::uint64_t sector = 0;
  constexpr bool operator==(const PlatterAddress&) const = default;
};

class Geometry {
 public:
  /// Spreads the blocks over at most `cylinders` cylinders, evenly; neither argument may be 0,
  /// except that a volume may be empty.
  Geometry(std::uint64_t block_count, std::uint64_t cylinders, std::uint64_t blocks_per_track);

  [[nodiscard]] std::uint64_t cylinders() const { return cylinders_; }
  [[nodiscard]] std::uint64_t heads() const;
  [[nodiscard]] std::uint64_t blocks_per_track() const { return blocks_per_track_; }
  [[nodiscard]] std::uint64_t blocks_per_cylinder() const { return blocks_per_cylinder_; }

  [[nodiscard]] Cylinder cylinder_of(BlockNo block) const {
    return Cylinder{block.value / blocks_per_cylinder_};
  }
  [[nodiscard]] PlatterAddress address_of(BlockNo block) const;
  /// The block at an address that `address_of` can give.
  [[nodiscard]] BlockNo block_at(const PlatterAddress& address) const;

 private:
  std::uint64_t cylinders_;
  std::uint64_t blocks_per_cylinder_;
  std::uint64_t blocks_per_track_;
};

}  // namespace spindle
