// The content of a file, whatever strategy maps it: what reading, writing, truncating and freeing
// are made of.
//
// A file of `size` bytes has ceil(size / content_size) blocks of content; a block's content stands
// `content_offset` bytes into it (map.h). What stands in the last of these blocks beyond `size` is
// never shown: whoever makes a file larger zeroes it first (`Content::zero_tail`), in the same
// transaction, so that no crash can show a file in a state that it never had. Whole blocks mapped
// beyond the last one (fallocate with KEEP_SIZE, or a growth that a crash cut short) hold zeros;
// but those of a map without holes may be its reserve and hold anything: whoever makes such a file
// larger zeroes them, too (`Content::map_range`).
//
// Functions that "take transactions" are called with Node::change held and no transaction open;
// those that are given a Change with the node locked by it.
#pragma once

#include "change.h"
#include "spindle/alloc/file_map.h"
#include "spindle/fs/interruption.h"
#include "spindle/fs/tree.h"

namespace spindle {

class Volume;

/// How the content of one file lies in its blocks.
struct ContentShape {
  /// EUCLEAN if the kind is no strategy's; the number is for the message.
  static Result<ContentShape> of(const Volume& volume, InodeNo number, format::MapKind kind);

  const FileMap* map = nullptr;
  std::uint32_t content_size = 0;
  std::uint32_t content_offset = 0;
  std::uint64_t max_size = 0;  ///< bytes

  [[nodiscard]] std::uint64_t blocks_for(std::uint64_t size) const {
    return size / content_size + (size % content_size != 0 ? 1 : 0);
  }
  [[nodiscard]] FileBlock block_of(std::uint64_t offset) const {
    return FileBlock{offset / content_size};
  }
  [[nodiscard]] std::uint64_t start_of(FileBlock at) const { return at.value * content_size; }
};

/// EFBIG if no file of this shape can hold the bytes [offset, offset + length); ENOSPC if a
/// contiguous one cannot, since it lies in one group: no run of the volume is long enough.
Result<> check_size(InodeNo number, const ContentShape& shape, std::uint64_t offset,
                    std::uint64_t length);

/// EINTR if the one for whom it is done has gone.
Result<> go_on(const Interruption* interruption);

/// A node's content in its blocks. Good for as long as the node is there and keeps its strategy.
struct Content : ContentShape {
  /// EUCLEAN if the node has no strategy. An interruption ends `map_range`.
  static Result<Content> of(Volume& volume, Node& node, const Interruption* interruption = nullptr);

  /// The piece of the file at `at`, cut to `max` blocks, as it is committed; the lock is held.
  [[nodiscard]] Result<Extent> find(FileBlock at, std::uint64_t max) const;
  /// The same, as the change sees it.
  Result<Extent> find(Change& change, FileBlock at, std::uint64_t max) const;
  /// A transaction for `calls` changes of the map; the node is locked.
  [[nodiscard]] Result<Change> begin_change(std::size_t calls,
                                            std::size_t more_log_bytes = 0) const;
  /// Whether one more change of the map fits into what is left of the transaction.
  [[nodiscard]] bool has_room_for_call(const Transaction& tx) const;

  /// Maps new blocks at `at`, which is a hole or the end, and keeps the inode's copy up to date.
  /// The cache forgets their content if the transaction is dropped.
  Result<Extent> add_blocks(Change& change, FileBlock at, std::uint64_t want,
                            NewBlocks blocks) const;
  /// The same, with blocks that hold zeros, ordered before the commit.
  Result<Extent> add_zero_blocks(Change& change, FileBlock at, std::uint64_t want) const;
  /// The unwritten blocks of one piece that begins at `at` have content from now on.
  Result<> mark_written(Change& change, FileBlock at, std::uint64_t length) const;
  /// Zeroes the bytes [from, to), all in one block; a hole or an unwritten block is zero already.
  Result<> zero_within_block(Change& change, std::uint64_t from, std::uint64_t to) const;
  /// Zeroes, in the block that holds the old end, what stands between the old end and `until`.
  Result<> zero_tail(Change& change, std::uint64_t until) const;
  /// Makes sure that all of [from, to) has blocks: the new ones, in holes, are unwritten if the map
  /// has such blocks, otherwise zeros. If space runs out, or it is interrupted (EINTR), new ones
  /// beyond the end are freed again, unless older ones are mapped behind. Takes transactions.
  [[nodiscard]] Result<> map_range(FileBlock from, FileBlock to) const;
  /// Frees all blocks from `end` on, and cuts the size to what is left. Takes transactions.
  [[nodiscard]] Result<> shrink_map(FileBlock end) const;
  /// The same in one transaction, which has room for a change of the map: false if that was not
  /// enough for all of them.
  Result<bool> shrink_map(Change& change, FileBlock end) const;

  /// Begins to read the bytes [from, from + window), as far as there are some. The lock is held.
  [[nodiscard]] Result<> read_ahead(std::uint64_t from, std::uint64_t window) const;
  /// Tells the event trace what `find` found.
  void trace_mapping(const Extent& extent) const;

  Volume& volume;
  Node& node;
  const Interruption* interruption;
};

/// The map of a node, for looking things up; its lock is held.
MapFile map_to_read(Node& node);

/// The log bytes of a transaction that changes the map up to `calls` times and stores the inode.
std::size_t map_log_bytes(const Volume& volume, const FileMap& map, std::size_t calls);

/// Holds Node::change to change the content. If a truncation of it was cut short, that is finished
/// first: what stands beyond the end would come back otherwise. Takes transactions.
Result<std::unique_lock<thread::Mutex>> hold_content(Volume& volume, Node& node);
/// Frees what is mapped beyond the end, then takes the node off the orphan list, if it has a name.
/// Takes transactions.
Result<> finish_truncation(Volume& volume, Node& node);
/// Sets the size. `adjust` may change more of the inode in the same transaction. Takes
/// transactions. EINTR, and the size stays, if it was interrupted while the file grew.
Result<> set_size(Volume& volume, Node& node, std::uint64_t size,
                  const std::function<void(format::Inode&)>& adjust,
                  const Interruption* interruption = nullptr);

/// Writes bytes at `offset`, whatever is mapped there. Sets size and times, and clears setuid and
/// setgid if asked to. Takes transactions.
Result<> write_content(Volume& volume, Node& node, std::uint64_t offset,
                       std::span<const std::byte> bytes, Setuid setuid);
/// Shows the bytes [offset, offset + size), cut at the end of the file, with zeros for holes. The
/// lock is held.
Result<> read_content(Volume& volume, Node& node, std::uint64_t offset, std::size_t size,
                      const Tree::Take& take);

}  // namespace spindle
