#include "spindle/disk/geometry.h"

#include "spindle/base/check.h"

namespace spindle {

Geometry::Geometry(std::uint64_t block_count, std::uint64_t cylinders,
                   std::uint64_t blocks_per_track)
    : cylinders_(cylinders), blocks_per_cylinder_(1), blocks_per_track_(blocks_per_track) {
  CHECK(cylinders != 0 && blocks_per_track != 0);
  if (block_count != 0) blocks_per_cylinder_ = (block_count - 1) / cylinders + 1;
}

std::uint64_t Geometry::heads() const {
  return (blocks_per_cylinder_ - 1) / blocks_per_track_ + 1;
}

PlatterAddress Geometry::address_of(BlockNo block) const {
  const std::uint64_t within = block.value % blocks_per_cylinder_;
  return {cylinder_of(block), within / blocks_per_track_, within % blocks_per_track_};
}

BlockNo Geometry::block_at(const PlatterAddress& address) const {
  return BlockNo{address.cylinder.value * blocks_per_cylinder_ + address.head * blocks_per_track_ +
                 address.sector};
}

}  // namespace spindle
