// One node of a directory's tree: reading it with every number checked, and changing it in place.
//
// DirectoryNode is a view of a block that `check` has accepted: its heads and the place of its
// slots hold, so slots can be read at will; an entry is checked when it is read, for that is when
// it costs nothing extra. NodeEditor changes a transaction's private copy of a block that was
// checked before. Nothing here reads a block, waits, or knows of the tree: that is directory.cc's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "spindle/format/directory.h"

namespace spindle {

/// LeafSlot and BranchSlot are the same bytes: a key, and an offset or a child.
struct NodeSlot {
  le64 key;
  le32 value;
};
static_assert(sizeof(NodeSlot) == sizeof(format::LeafSlot));
static_assert(sizeof(NodeSlot) == sizeof(format::BranchSlot));

/// A name as it stands in a leaf.
struct LeafEntry {
  InodeNo inode;
  std::uint8_t type = 0;  ///< mode >> 12
  std::string_view name;

  [[nodiscard]] std::size_t bytes() const { return sizeof(format::DirectoryEntry) + name.size(); }
};

class DirectoryNode {
 public:
  /// EUCLEAN unless the block can be a node in use of that owner's tree. `number` is for the
  /// message.
  static Result<DirectoryNode> check(std::span<const std::byte> block, InodeNo owner,
                                     BlockNo number);
  /// EUCLEAN unless it can be one that is listed as free: without slots.
  static Result<DirectoryNode> check_free(std::span<const std::byte> block, InodeNo owner,
                                          BlockNo number);
  /// A view of a block that was checked before.
  static DirectoryNode of_checked(std::span<const std::byte> block, BlockNo number) {
    return {block, number};
  }

  [[nodiscard]] std::span<const std::byte> bytes() const { return block_; }
  [[nodiscard]] unsigned level() const { return head().level; }
  [[nodiscard]] bool is_leaf() const { return level() == 0; }
  [[nodiscard]] unsigned count() const { return head().count; }
  [[nodiscard]] const format::NodeHead& head() const {
    return *reinterpret_cast<const format::NodeHead*>(block_.data() + format::kHeaderSize);
  }
  [[nodiscard]] std::uint64_t key(unsigned slot) const { return slots()[slot].key; }
  [[nodiscard]] FileBlock child(unsigned slot) const { return FileBlock{slots()[slot].value}; }
  [[nodiscard]] std::uint32_t offset(unsigned slot) const { return slots()[slot].value; }
  /// A leaf's entry. EUCLEAN if it does not lie inside the block, or has no name.
  [[nodiscard]] Result<LeafEntry> entry(unsigned slot) const;

  /// The first slot with a key of at least `key`; count() if there is none.
  [[nodiscard]] unsigned lower_bound(std::uint64_t key) const;
  /// The slot whose subtree holds `key`.
  [[nodiscard]] unsigned child_slot(std::uint64_t key) const;
  /// Whether an entry of so many bytes fits, after compaction if need be.
  [[nodiscard]] bool has_room(std::size_t entry_bytes) const;

 private:
  DirectoryNode(std::span<const std::byte> block, BlockNo number)
      : block_(block), number_(number) {}
  [[nodiscard]] Result<> check_head(InodeNo owner) const;
  [[nodiscard]] const NodeSlot* slots() const {
    return reinterpret_cast<const NodeSlot*>(block_.data() + format::kNodeSlots);
  }

  std::span<const std::byte> block_;
  BlockNo number_;
};

class NodeEditor {
 public:
  explicit NodeEditor(std::span<std::byte> block) : block_(block) {}

  [[nodiscard]] format::NodeHead& head() const {
    return *reinterpret_cast<format::NodeHead*>(block_.data() + format::kHeaderSize);
  }
  [[nodiscard]] NodeSlot& slot(unsigned index) const {
    return reinterpret_cast<NodeSlot*>(block_.data() + format::kNodeSlots)[index];
  }
  /// The entry at a slot of a leaf, checked before.
  [[nodiscard]] format::DirectoryEntry& entry(unsigned index) const {
    return format::at<format::DirectoryEntry>(block_, slot(index).value);
  }

  /// Makes it an empty node of that level; free_head and next_block stay.
  void clear(unsigned level);
  /// Puts a slot into a branch that is not full.
  void insert_child(unsigned index, std::uint64_t key, FileBlock child);
  /// Puts an entry into a leaf that has room for it. EUCLEAN if its entries contradict its head.
  Result<> insert_entry(unsigned index, std::uint64_t key, const LeafEntry& entry);
  /// Removes the slot; in a leaf also its entry, whose bytes are then dead.
  Result<> erase(unsigned index);
  /// Moves slots [from, from + count) of `source`, a node of the same level, to the end of this
  /// one, which has room; in a leaf their entries too. `source` keeps them until `truncate`.
  Result<> append(const DirectoryNode& source, unsigned from, unsigned count);
  /// Drops the slots from `count` on.
  Result<> truncate(unsigned count);
  /// Takes over level, slots and entries of another node; free_head and next_block stay.
  void assign(const DirectoryNode& source);

 private:
  [[nodiscard]] std::size_t slots_end() const {
    return format::kNodeSlots + head().count * sizeof(NodeSlot);
  }
  void open_slot(unsigned index, std::uint64_t key, std::uint32_t value);
  /// The bytes of the entry at `offset`. EUCLEAN.
  [[nodiscard]] Result<std::span<const std::byte>> entry_at(std::size_t offset) const;
  Result<> compact();

  std::span<std::byte> block_;
};

/// Where a full leaf is cut so that a new entry of `entry_bytes` bytes at slot `index` fits into
/// its half: the first slot of the right half, counted with the new entry in its place; 1 .. count.
Result<unsigned> leaf_cut(const DirectoryNode& leaf, unsigned index, std::size_t entry_bytes);

}  // namespace spindle
