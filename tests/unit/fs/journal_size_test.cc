// The least journal holds the largest transaction, whatever the block size.
#include <gtest/gtest.h>

#include "alloc/extent_tree.h"
#include "fs/change.h"
#include "fs/directory.h"
#include "fs/orphans.h"
#include "journal/log_space.h"

namespace spindle {
namespace {

std::size_t largest_in(std::uint64_t journal_blocks, std::uint32_t block_size) {
  return LogSpace(journal_blocks - format::kJournalHeaderBlocks, block_size).largest_transaction();
}

TEST(JournalSize, TheLeastHoldsARenameWhereExtentTreesHaveThreeLevels) {
  for (std::uint32_t size = kMinBlockSize; size <= kMaxBlockSize; size *= 2) {
    SCOPED_TRACE(size);
    format::Layout layout;
    layout.block_size = size;
    const std::uint64_t per_node = format::extents_per_node(size) / 2;
    layout.block_count = format::kRootExtents * per_node * per_node * per_node;
    ASSERT_EQ(max_extent_levels(layout), 3u);
    const std::size_t rename =
        2 * Directory::log_bytes(layout) + 4 * Change::kInodeLogBytes + OrphanList::kLogBytes;
    EXPECT_GE(largest_in(format::min_journal_blocks(size, 1), size), rename);
  }
}

TEST(JournalSize, TheLeastHoldsTheMoveOfAContiguousFileOfAnyGroup) {
  for (std::uint32_t size = kMinBlockSize; size <= kMaxBlockSize; size *= 2) {
    for (const std::uint32_t bitmap_blocks : {1u, 10u, format::kMaxBitmapBlocks}) {
      SCOPED_TRACE(testing::Message() << size << " " << bitmap_blocks);
      format::Layout layout;
      layout.block_size = size;
      layout.bitmap_blocks_per_group = bitmap_blocks;
      const FileMap& map = *file_map(format::MapKind::kContiguous);
      const std::size_t move =
          map.log_bytes_per_call(layout) + Change::kInodeLogBytes + OrphanList::kLogBytes;
      EXPECT_GE(largest_in(format::min_journal_blocks(size, bitmap_blocks), size), move);
    }
  }
}

}  // namespace
}  // namespace spindle
