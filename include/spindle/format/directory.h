// Directories: a B+ tree over the blocks of the directory's own file, keyed by the hash of the
// name.
//
// A directory's content is mapped by extents. File block 0 is the root. A directory whose size is 0
// has no names; else its size is root's NodeHead::next_block times the block size. The map may hold
// blocks from there on: a reserve, whose content has no meaning.
//
// The key of a name is 62 bits: (XXH3(name, hash_seed) >> 10) << 8 | n, where n = 0 .. 255 tells
// apart the names of one hash: the first free value when the name came. Keys are unique in a
// directory, so a key is also the position that readdir comes back to: position(key) = key + 3
// means "after the name with this key"; 0, 1 and 2 are before ".", after "." and after "..".
//
// A node is a metadata block of kind kDirectory, owner = the directory: BlockHeader, NodeHead,
// `count` slots sorted by key, a gap, and (in leaves) the entries, packed towards the end of the
// block, in no order; between them may be dead bytes.
//   leaf (level 0): slot {key, offset} points at a DirectoryEntry and its name.
//   branch: slot {key, child}: the subtree with keys >= key (the first slot's key has no meaning:
//   it counts as the least key of the branch itself). A child is one level lower.
// A node in the tree has at least one slot. Every file block below next_block is in the tree or in
// the list of free nodes (root's NodeHead::free_head, then each one's), whose count is 0.
#pragma once

#include <string_view>

#include "spindle/format/inode.h"

namespace spindle::format {

struct NodeHead {
  le16 level;        ///< 0: a leaf
  le16 count;        ///< slots; of a free node 0
  le32 entry_bytes;  ///< leaf: bytes used by entries, dead ones not counted; branch: 0
  le32 entry_start;  ///< leaf: byte offset in the block of the lowest entry; branch: 0
  le32 free_head;    ///< of the root and of free nodes: the next free file block, or 0
  le32 next_block;   ///< of the root: the file block that a new node gets if none is free
  le32 reserved[3];  ///< 0
};
static_assert(sizeof(NodeHead) == 32);

struct LeafSlot {
  le64 key;
  le32 offset;  ///< byte offset in the block of the DirectoryEntry
};
static_assert(sizeof(LeafSlot) == 12);

struct BranchSlot {
  le64 key;
  le32 child;  ///< file block
};
static_assert(sizeof(BranchSlot) == 12);

struct DirectoryEntry {
  le64 inode;
  std::uint8_t type;    ///< the file type: mode >> 12
  std::uint8_t length;  ///< bytes of the name, 1 .. 255, that follow; no zero at the end
};
static_assert(sizeof(DirectoryEntry) == 10);

/// A mount has its control files under this name in the root: so no name of the root is this one.
inline constexpr std::string_view kControlName = ".spindle";

inline constexpr std::size_t kNodeSlots = kHeaderSize + sizeof(NodeHead);  ///< offset of slot 0
inline constexpr unsigned kMaxDirectoryLevels = 8;
inline constexpr std::uint64_t kKeyDistinctions = 256;
inline constexpr std::uint64_t kMaxKey = (1ull << 62) - 1;

/// Slots that a branch can hold.
constexpr std::size_t branch_slots(std::uint32_t block_size) {
  return (block_size - kNodeSlots) / sizeof(BranchSlot);
}

/// The key of a name, with distinction 0.
inline std::uint64_t directory_key(std::string_view name, std::uint64_t hash_seed) {
  return (checksum(name, hash_seed) >> 10) << 8;
}

}  // namespace spindle::format
