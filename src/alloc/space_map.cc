#include "spindle/alloc/space_map.h"

#include <algorithm>
#include <optional>

#include "group_space.h"
#include "spindle/base/cells.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

/// The block if it is in memory, and was found to be of that kind.
BlockRef peek(BufferCache& cache, BlockNo block, BlockKind kind) {
  BlockRef frame = cache.peek(block);
  if (frame && cache.verified_kind(frame) != static_cast<std::uint16_t>(kind)) return {};
  return frame;
}

/// What is free in the group; nothing if a block of its bitmap is not in memory.
std::optional<BlockSpace> free_space(BufferCache& cache, const format::Layout& layout, GroupNo g,
                                     const GroupDescriptor& descriptor) {
  BlockSpace space;
  const std::uint64_t bits = layout.bits_per_block();
  const std::uint64_t count = (layout.group(g).length + bits - 1) / bits;
  for (std::uint64_t i = 0; i < count; ++i) {
    BlockRef frame;
    std::span<const std::byte> bitmap;  ///< empty for a fresh part
    if ((descriptor.bitmap_blocks_written >> (i / layout.bitmap_unit()) & 1) != 0) {
      frame = peek(cache, layout.block_bitmap(g).start + i, BlockKind::kBlockBitmap);
      if (!frame) return std::nullopt;
      bitmap = frame.bytes();
    }
    if (!read_block_bitmap(layout, g, i, bitmap, space).ok()) return std::nullopt;
  }
  return space;
}

}  // namespace

std::vector<std::uint64_t> blocks_in_files(BufferCache& cache, const format::Layout& layout,
                                           std::uint64_t blocks_per_cell) {
  std::vector<std::uint64_t> owned(cells_of(layout.block_count, blocks_per_cell));
  for (std::uint64_t i = 0; i < layout.group_count; ++i) {
    const GroupNo g{i};
    const format::Layout::Place place = layout.descriptor_place(g);
    const BlockRef table = peek(cache, place.block, BlockKind::kGroupTable);
    if (!table) continue;
    const auto& descriptor = format::at<GroupDescriptor>(table.bytes(), place.offset);
    const Run data = layout.data(g);
    const auto space = free_space(cache, layout, g, descriptor);
    const std::uint64_t used =
        space ? data.length
              : data.length - std::min<std::uint64_t>(data.length, descriptor.free_blocks);
    for_each_cell(data, blocks_per_cell, [&](std::uint64_t cell, std::uint64_t blocks) {
      owned[cell] += blocks * used / data.length;
    });
    if (!space) continue;
    space->available.for_each([&](Run run) {
      for_each_cell(run, blocks_per_cell,
                    [&](std::uint64_t cell, std::uint64_t blocks) { owned[cell] -= blocks; });
    });
  }
  return owned;
}

}  // namespace spindle
