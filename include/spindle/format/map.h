// How the five strategies stand on the disk: the 64-byte roots, and the blocks beneath them.
//
// contiguous: one run. The first ceil(size / B) blocks hold the file, the rest of the run is
//   reserve.
// linked: each data block opens with a LinkHeader; P = B - 32 bytes of content follow, so file
//   block n holds bytes n * P .. (n + 1) * P. The chain ends after `count` blocks: what the last
//   block's `next` says has no meaning. Not journaled: the root is what makes a link valid.
// fat: the links stand in the FAT (layout.h), entry = next | skip << 40. `skip` file blocks between
//   the two are holes. The chain ends with kFatEnd; 0 is a block that is in no chain.
// indexed: five direct pointers, then single, double and triple indirect blocks; 0 is a hole.
//   An indirect block's payload is P / 8 pointers.
// extent: a tree of runs. The root holds two entries; level 0 entries are Extents, sorted and not
//   overlapping. At higher levels `block` is the child node, `length` 0, and `file_block` a lower
//   bound of the child's: what the file has before it is below the entries before this one, all
//   else below it and those after. kUnwritten: the blocks are the file's, but read as zeros.
#pragma once

#include "spindle/format/inode.h"

namespace spindle::format {

struct ContiguousRoot {
  le64 start;   ///< first block, or 0 for an empty file
  le64 length;  ///< blocks of the run
  std::byte reserved[48];
};
static_assert(sizeof(ContiguousRoot) == kMapRootSize);

struct LinkedRoot {
  le64 first;
  le64 last;
  le64 count;  ///< blocks of the chain
  std::byte reserved[40];
};
static_assert(sizeof(LinkedRoot) == kMapRootSize);

struct LinkHeader {
  le64 checksum;    ///< of the 24 bytes that follow, seed block_seed(volume, block)
  le64 next;        ///< the next block of the chain
  le64 owner;       ///< the inode, low 48 bits; high 16 bits: low bits of its generation
  le64 file_block;  ///< the block's place in the file
};
static_assert(sizeof(LinkHeader) == kHeaderSize);

inline std::uint64_t link_checksum(const LinkHeader& header, std::uint64_t volume_seed, BlockNo b) {
  return checksum(std::as_bytes(std::span(&header, 1)).subspan(sizeof(le64)),
                  block_seed(volume_seed, b));
}

struct FatRoot {
  le64 first;             ///< the first block, or 0 for a file without blocks
  le64 first_file_block;  ///< where it stands in the file: the holes before it
  le64 last;
  le64 last_file_block;
  le64 count;  ///< blocks of the chain
  std::byte reserved[24];
};
static_assert(sizeof(FatRoot) == kMapRootSize);

inline constexpr unsigned kFatNextBits = 40;
inline constexpr std::uint64_t kFatNextMask = (1ull << kFatNextBits) - 1;
inline constexpr std::uint64_t kFatEnd = kFatNextMask;
inline constexpr std::uint64_t kFatMaxSkip = (1ull << 24) - 1;

inline constexpr std::size_t kDirectPointers = 5;

struct IndexedRoot {
  le64 direct[kDirectPointers];
  le64 single_indirect;
  le64 double_indirect;
  le64 triple_indirect;
};
static_assert(sizeof(IndexedRoot) == kMapRootSize);

inline constexpr std::uint32_t kUnwritten = 1u << 0;

struct ExtentEntry {
  le64 file_block;
  le64 block;
  le32 length;  ///< blocks, at least 1 at level 0
  le32 flags;   ///< kUnwritten
};
static_assert(sizeof(ExtentEntry) == 24);

inline constexpr std::size_t kRootExtents = 2;
inline constexpr unsigned kMaxExtentLevels = 8;

struct ExtentHead {
  le16 level;  ///< 0: the entries are extents
  le16 count;
  le32 reserved;
};
static_assert(sizeof(ExtentHead) == 8);

struct ExtentRoot {
  ExtentHead head;
  ExtentEntry entries[kRootExtents];
  le64 node_count;  ///< blocks of the tree below the root
};
static_assert(sizeof(ExtentRoot) == kMapRootSize);

/// An extent node's payload: the head, then entries up to the end of the block.
constexpr std::size_t extents_per_node(std::uint32_t block_size) {
  return (payload_size(block_size) - sizeof(ExtentHead)) / sizeof(ExtentEntry);
}

}  // namespace spindle::format
