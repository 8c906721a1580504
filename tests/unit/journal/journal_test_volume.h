// A small volume in memory for the journal's tests: mkfs in miniature, and what mounting it takes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spindle/base/checksum.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/device/memory_device.h"
#include "spindle/format/layout.h"
#include "spindle/journal/journal.h"
#include "spindle/journal/replay.h"
#include "support/in_runtime.h"

namespace spindle::test {

struct VolumeOptions {
  std::uint32_t block_size = 1024;
  std::uint64_t image_size = 2u << 20;
  std::uint64_t journal_size = 0;
};

/// The layout of such a volume; its UUID is fixed.
inline format::Layout make_layout(const VolumeOptions& options) {
  format::Superblock superblock = format::plan({.image_size = options.image_size,
                                                .block_size = options.block_size,
                                                .inodes = 0,
                                                .journal_size = options.journal_size,
                                                .group_size = 0})
                                      .take();
  for (std::size_t i = 0; i < sizeof superblock.uuid; ++i) {
    superblock.uuid[i] = static_cast<std::byte>(i * 17 + 3);
  }
  return format::Layout::of(superblock).take();
}

inline void write_metadata(BlockDevice& device, const format::Layout& layout, BlockNo block,
                           format::BlockKind kind) {
  std::vector<std::byte> bytes(layout.block_size);
  format::begin_block(bytes, kind, 0);
  format::seal_block(bytes, layout.seed, block, EpochNo{0});
  device.write(block, bytes).take();
}

/// An empty journal, and sealed, zeroed shared metadata of the first group.
inline void make_volume(BlockDevice& device, const format::Layout& layout) {
  format_journal(device, layout).take();
  write_metadata(device, layout, layout.state(), format::BlockKind::kState);
  for (BlockNo b = layout.group_table().start; b < layout.group_table().end(); ++b) {
    write_metadata(device, layout, b, format::BlockKind::kGroupTable);
  }
  write_metadata(device, layout, layout.block_bitmap(GroupNo{0}).start,
                 format::BlockKind::kBlockBitmap);
  write_metadata(device, layout, layout.inode_bitmap(GroupNo{0}).start,
                 format::BlockKind::kInodeBitmap);
  const Run inodes = layout.inode_table(GroupNo{0});
  for (BlockNo b = inodes.start; b < inodes.end(); ++b) {
    write_metadata(device, layout, b, format::BlockKind::kInodeTable);
  }
}

}  // namespace spindle::test
