// A small volume in memory, mounted as far as allocation goes, and files without inodes.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mkfs/format_volume.h"
#include "spindle/alloc/file_map.h"
#include "spindle/base/random.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/device/memory_device.h"
#include "spindle/journal/journal.h"
#include "support/in_runtime.h"

namespace spindle::test {

/// In a test's body `Run` is GoogleTest's.
using BlockRun = ::spindle::Run;

struct VolumeShape {
  std::uint32_t block_size = 1024;
  std::uint64_t image_size = 4u << 20;
  std::string fit = "near";
  std::uint64_t journal_size = 256u << 10;
  std::uint64_t group_size = 1;  ///< bytes at least: as small as can be
  std::uint64_t inodes = 0;
  std::size_t cache_bytes = 4u << 20;
};

class Volume {
 public:
  explicit Volume(const VolumeShape& shape)
      : shape_(shape), device(shape.block_size, shape.image_size / shape.block_size) {
    FormatOptions options;
    options.journal_size = shape.journal_size;
    options.group_size = shape.group_size;
    options.inodes = shape.inodes;
    for (std::size_t i = 0; i < options.uuid.size(); ++i) options.uuid[i] = std::byte(i + 1);
    const auto superblock = plan_volume(shape.block_size, device.block_count(), options).take();
    format_volume(device, superblock).take();
    layout = format::Layout::of(superblock).take();
    mount();
    fresh_free_blocks = space->statistics().free_blocks;
    fresh_free_inodes = space->statistics().free_inodes;
  }
  ~Volume() {
    if (space) unmount();
  }

  void mount() {
    cache = BufferCache::create(device, {.capacity_bytes = shape_.cache_bytes}).take();
    journal = Journal::open(*cache, layout, {}).take();
    space = SpaceManager::open(*cache, *journal, layout, shape_.fit).take();
  }
  void unmount() {
    journal->close().take();
    cache->flush_all().take();
    space.reset();
    journal.reset();
    cache.reset();
  }

  Transaction begin(std::size_t bytes = 16384) { return journal->begin(bytes).take(); }

  /// Blocks in use by the committed bitmaps, the groups' metadata left out.
  std::uint64_t blocks_in_use() {
    CachedReader reader(*cache, layout.seed);
    std::uint64_t used = 0;
    for (std::uint64_t g = 0; g < layout.group_count; ++g) {
      const auto& place = layout.descriptor_place(GroupNo{g});
      const auto table = reader.read(place.block, format::BlockKind::kGroupTable).take();
      const auto& descriptor = table.at<format::GroupDescriptor>(place.offset);
      const Run data = layout.data(GroupNo{g});
      const std::uint64_t bits = layout.bits_per_block();
      std::uint64_t used_here = 0;
      for (BlockNo b = data.start; b < data.end();) {
        const std::uint64_t index = layout.block_index(b) / bits;
        const BlockNo end =
            std::min(data.end(), layout.group(GroupNo{g}).start + (index + 1) * bits);
        if ((descriptor.bitmap_blocks_written >> (index / layout.bitmap_unit()) & 1) == 0) {
          b = end;
          continue;
        }
        const BlockNo block = layout.block_bitmap(GroupNo{g}).start + index;
        const auto bitmap = reader.read(block, format::BlockKind::kBlockBitmap).take();
        for (; b < end; ++b) {
          const std::uint64_t bit = layout.block_index(b) % bits;
          const auto byte = bitmap.bytes[format::kHeaderSize + bit / 8];
          used_here += std::to_integer<std::uint64_t>(byte >> (bit % 8)) & 1;
        }
      }
      EXPECT_EQ(descriptor.free_blocks, data.length - used_here) << "group " << g;
      used += used_here;
    }
    return used;
  }

  /// Blocks of data in all.
  [[nodiscard]] std::uint64_t data_blocks() const { return space->statistics().blocks; }

 private:
  VolumeShape shape_;

 public:
  MemoryDevice device;
  format::Layout layout;
  std::unique_ptr<BufferCache> cache;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<SpaceManager> space;
  std::uint64_t fresh_free_blocks = 0;
  std::uint64_t fresh_free_inodes = 0;
};

/// A file without an inode: what the inode would hold.
struct TestFile {
  const FileMap* map = nullptr;
  InodeNo inode;
  std::vector<std::byte> root = std::vector<std::byte>(format::kMapRootSize);
  std::uint64_t blocks = 0;

  MapFile open() {
    return MapFile{.inode = inode, .generation = 7, .root = root, .blocks = blocks};
  }
};

/// The blocks of a file as `walk` shows them: data by place in the file, and the map's own.
struct Owned {
  struct Data {
    BlockNo block;
    bool unwritten = false;
  };
  std::map<std::uint64_t, Data> data;
  std::vector<BlockNo> nodes;
};

inline Result<> walk_file(Volume& volume, TestFile& file, const MapVisitor& visitor) {
  CachedReader reader(*volume.cache, volume.layout.seed);
  const FileMap::WalkContext context{
      .reader = reader, .layout = volume.layout, .fat_entry = [&](BlockNo block) {
        return volume.space->fat_entry(reader, block);
      }};
  return file.map->walk(context, file.open(), visitor);
}

inline Owned owned_by(Volume& volume, TestFile& file) {
  Owned owned;
  std::uint64_t next = 0;
  const MapVisitor visitor{.data = [&](const Extent& piece) -> Result<> {
                             EXPECT_LE(next, piece.at.value);
                             for (std::uint64_t i = 0; i < piece.length; ++i) {
                               owned.data[piece.at.value + i] = {piece.block + i, piece.unwritten};
                             }
                             next = piece.at.value + piece.length;
                             return {};
                           },
                           .node = [&](BlockNo block, format::BlockKind) -> Result<> {
                             owned.nodes.push_back(block);
                             return {};
                           }};
  const Result<> walked = walk_file(volume, file, visitor);
  EXPECT_TRUE(walked.ok()) << (walked.ok() ? "" : walked.error().describe());
  return owned;
}

}  // namespace spindle::test
