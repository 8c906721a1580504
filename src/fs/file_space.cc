#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <shared_mutex>

#include "names.h"
#include "rebuild.h"

namespace spindle {
namespace {

/// A range of bytes: whole blocks, and parts of blocks at its two ends.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
};

/// Sets the times, and the size if it is to be larger.
Result<> touch(const Content& content, std::uint64_t new_size) {
  Node& node = content.node;
  Change change = TRY(content.begin_change(1));
  format::Inode& inode = change.edit(node);
  if (new_size > inode.size) {
    TRY(content.zero_tail(change, new_size));
    inode.size = new_size;
    change.touches_content(node);
  }
  touch_modified(inode, content.volume.now());
  TRY(change.commit());
  return {};
}

/// Zeroes what of the bytes [from, to), all in one block, lies before the end of the file. If the
/// file has just become smaller, what stands behind is its content until that is durable.
Result<> zero_content(const Content& content, Change& change, std::uint64_t from,
                      std::uint64_t to) {
  to = std::min<std::uint64_t>(to, content.node.inode.size);
  return from < to ? content.zero_within_block(change, from, to) : Result<>{};
}

/// Zeroes the parts of blocks at both ends of the range.
Result<> zero_edges(const Content& content, const Range& range) {
  const std::uint64_t first_end = content.start_of(content.block_of(range.offset) + 1);
  const std::uint64_t last_start = content.start_of(content.block_of(range.end));
  Change change = TRY(content.begin_change(1));
  if (range.offset % content.content_size != 0) {
    TRY(zero_content(content, change, range.offset, std::min(range.end, first_end)));
  }
  const bool is_one_block = last_start < range.offset;
  if (!is_one_block || range.offset % content.content_size == 0) {
    TRY(zero_content(content, change, std::max(last_start, range.offset), range.end));
  }
  change.edit(content.node);
  TRY(change.commit_part());
  return {};
}

/// Makes whole blocks holes, or unwritten, where the map can.
Result<> punch_blocks(const Content& content, FileBlock from, FileBlock to) {
  Node& node = content.node;
  while (from < to) {
    Change change = TRY(content.begin_change(1));
    MapFile file = change.map_file(node);
    const std::uint64_t done =
        TRY(content.map->punch({change.tx, *content.volume.space, file}, from, to - from));
    change.mapped(node, file);
    change.touches_content(node);
    TRY(change.commit_part());
    CHECK(done > 0);
    from += done;
  }
  return {};
}

/// Makes those of the blocks holes that have content; the others stay as they are.
Result<> punch_written(const Content& content, FileBlock from, FileBlock to) {
  while (from < to) {
    Extent piece;
    {
      const std::shared_lock guard(content.node.lock);
      piece = TRY(content.find(from, to - from));
    }
    const FileBlock end = from + piece.length;
    if (!piece.is_hole() && !piece.unwritten) TRY(punch_blocks(content, from, end));
    from = end;
  }
  return {};
}

/// Overwrites what is mapped and written in whole blocks with zeros. What is mapped beyond the end
/// is zero already, or becomes so when the file grows.
Result<> write_zeros(const Content& content, FileBlock from, FileBlock to) {
  constexpr std::uint64_t kBlocksAtOnce = 256;
  to = std::min(to, FileBlock{content.blocks_for(content.node.inode.size)});
  while (from < to) {
    TRY(content.volume.cache->throttle());
    Change change = TRY(content.begin_change(1));
    const FileBlock until = std::min(to, from + kBlocksAtOnce);
    while (from < until) {
      const Extent piece = TRY(content.find(change, from, until - from));
      for (; from < piece.at + piece.length; ++from) {
        if (piece.is_hole() || piece.unwritten) continue;
        const std::uint64_t start = content.start_of(from);
        TRY(zero_content(content, change, start, start + content.content_size));
      }
    }
    TRY(change.commit_part());
  }
  return {};
}

struct WholeBlocks {
  FileBlock from;
  FileBlock to;
};

/// The blocks that lie in the range as a whole; what stands beyond the end counts with the last.
WholeBlocks whole_blocks(const Content& content, const Range& range) {
  const FileBlock from{content.blocks_for(range.offset)};
  const bool reaches_end = range.end >= content.node.inode.size;
  const FileBlock to =
      reaches_end ? FileBlock{content.blocks_for(range.end)} : content.block_of(range.end);
  return {from, std::max(from, to)};
}

/// Maps all that the range touches.
Result<> map_all(const Content& content, const Range& range) {
  return content.map_range(content.block_of(range.offset),
                           FileBlock{content.blocks_for(range.end)});
}

Result<> punch_hole(const Content& content, const Range& range) {
  TRY(zero_edges(content, range));
  const auto [from, to] = whole_blocks(content, range);
  if (content.map->has_holes()) {
    TRY(punch_blocks(content, from, to));
  } else {
    TRY(write_zeros(content, from, to));
  }
  return touch(content, 0);
}

Result<> preallocate(const Content& content, const Range& range, bool keep_size) {
  TRY(map_all(content, range));
  return touch(content, keep_size ? 0 : range.end);
}

/// Whether whole blocks are to get others that are unwritten instead of zeros. Their map may take
/// more nodes then: on a full volume the blocks are better kept.
bool replaces_blocks(const Content& content) {
  constexpr std::uint64_t kBlocksToSpare = 64;
  return content.map->has_unwritten() &&
         content.volume.space->statistics().free_blocks >= kBlocksToSpare;
}

Result<> zero_range(const Content& content, const Range& range, bool keep_size) {
  // First, so that no content is lost if there is no space for all of the range.
  TRY(map_all(content, range));
  TRY(zero_edges(content, range));
  const auto [from, to] = whole_blocks(content, range);
  if (replaces_blocks(content)) {
    TRY(punch_written(content, from, to));
    TRY(map_all(content, range));
  } else {
    TRY(write_zeros(content, from, to));
  }
  return touch(content, keep_size ? 0 : range.end);
}

bool is_aligned(const Volume& volume, const Range& range) {
  const std::uint32_t unit = volume.layout.block_size;
  return range.offset % unit == 0 && range.end % unit == 0;
}

Result<> collapse_range(Volume& volume, const NodeRef& node, const Range& range,
                        const Interruption* interruption) {
  const std::uint64_t size = node->inode.size;
  if (!is_aligned(volume, range)) return Error{EINVAL, "the range is not made of whole blocks"};
  if (range.end >= size) return Error{EINVAL, "the range reaches the end of the file"};
  return rebuild(volume, node,
                 {.kind = node->map_kind(),
                  .size = size - (range.end - range.offset),
                  .moves = {{0, range.offset, 0}, {range.end, size - range.end, range.offset}},
                  .changes_content = true,
                  .interruption = interruption});
}

Result<> insert_range(Volume& volume, const NodeRef& node, const Range& range,
                      const Interruption* interruption) {
  const Content content = TRY(Content::of(volume, *node));
  const std::uint64_t size = node->inode.size;
  const std::uint64_t length = range.end - range.offset;
  if (!is_aligned(volume, range)) return Error{EINVAL, "the range is not made of whole blocks"};
  if (range.offset >= size) return Error{EINVAL, "the range begins at or beyond the end"};
  TRY(check_size(node->number, content, size, length));
  return rebuild(volume, node,
                 {.kind = node->map_kind(),
                  .size = size + length,
                  .moves = {{0, range.offset, 0}, {range.offset, size - range.offset, range.end}},
                  .changes_content = true,
                  .interruption = interruption});
}

Result<> allocate_range(Volume& volume, const NodeRef& node, int mode, const Range& range,
                        const Interruption* interruption) {
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const int kind = mode & ~FALLOC_FL_KEEP_SIZE;
  // The kernel drops what it holds of a range that becomes zero only when all of it has.
  const bool can_be_given_up = kind != FALLOC_FL_PUNCH_HOLE && kind != FALLOC_FL_ZERO_RANGE;
  const Content content = TRY(Content::of(volume, *node, can_be_given_up ? interruption : nullptr));
  switch (kind) {
    case 0:
    case FALLOC_FL_UNSHARE_RANGE:
      return preallocate(content, range, keep_size);
    case FALLOC_FL_PUNCH_HOLE:
      if (!keep_size) break;
      return punch_hole(content, range);
    case FALLOC_FL_ZERO_RANGE:
      return zero_range(content, range, keep_size);
    case FALLOC_FL_COLLAPSE_RANGE:
      if (keep_size) break;
      return collapse_range(volume, node, range, interruption);
    case FALLOC_FL_INSERT_RANGE:
      if (keep_size) break;
      return insert_range(volume, node, range, interruption);
    default:
      break;
  }
  return Error{EOPNOTSUPP, "fallocate does not know this mode"};
}

Result<NodeRef> regular_file(Volume& volume, NodeId id) {
  NodeRef node = TRY(volume.node(id));
  if (node->is_directory()) return Error{EISDIR, "it is a directory"};
  if (!node->is_regular()) return Error{ENODEV, "it is not a regular file"};
  return node;
}

/// On a full volume a map may find no block to record a hole in: then zeros take its place.
Result<> overwrite_with_zeros(Volume& volume, NodeId id, const Range& range) {
  const NodeRef node = TRY(regular_file(volume, id));
  const auto held = TRY(hold_content(volume, *node));
  const Content content = TRY(Content::of(volume, *node));
  TRY(zero_edges(content, range));
  const auto [from, to] = whole_blocks(content, range);
  TRY(write_zeros(content, from, to));
  return touch(content, 0);
}

/// The first place from `offset` on that is (or is not) a hole; the end of the file counts as one.
enum class Sought : std::uint8_t { kData, kHole };
Result<std::uint64_t> seek_in(const Content& content, std::uint64_t offset, Sought sought) {
  const std::uint64_t size = content.node.inode.size;
  if (offset >= size) return Error{ENXIO, "the offset is at or beyond the end"};
  const FileBlock end{content.blocks_for(size)};
  for (FileBlock at = content.block_of(offset); at < end;) {
    const Extent piece = TRY(content.find(at, end - at));
    const Sought found = piece.is_hole() || piece.unwritten ? Sought::kHole : Sought::kData;
    if (found == sought) return std::max(offset, content.start_of(at));
    at += piece.length;
  }
  if (sought == Sought::kHole) return size;
  return Error{ENXIO, "no data follows"};
}

}  // namespace

Result<> FileSystem::allocate(const Caller& caller, NodeId id, int mode, std::uint64_t offset,
                              std::uint64_t length) {
  const auto allocate_in = [&]() -> Result<> {
    const NodeRef node = TRY(regular_file(*volume_, id));
    const Content content = TRY(Content::of(*volume_, *node));
    if (length == 0) return Error{EINVAL, "the length is zero"};
    const bool grows = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)) == 0;
    if (grows) TRY(check_size(node->number, content, offset, length));
    constexpr auto kMost = static_cast<std::uint64_t>(INT64_MAX);
    if (offset > kMost || length > kMost - offset) {
      return Error{EFBIG, "a file has at most 2^63 - 1 bytes"};
    }
    TRY(volume_->writable());
    const auto held = TRY(hold_content(*volume_, *node));
    return allocate_range(*volume_, node, mode, {offset, offset + length}, caller.interruption);
  };
  Result<> allocated = volume_->with_space(allocate_in);
  if (allocated.code() == ENOSPC && (mode & FALLOC_FL_PUNCH_HOLE) != 0) {
    allocated = overwrite_with_zeros(*volume_, id, {offset, offset + length});
  }
  return volume_->told("allocate", allocated);
}

Result<std::uint64_t> FileSystem::seek(NodeId id, std::uint64_t offset, int whence) {
  const auto seek_from = [&]() -> Result<std::uint64_t> {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) return Error{EINVAL, "unknown way to seek"};
    const NodeRef node = TRY(regular_file(*volume_, id));
    const std::shared_lock guard(node->lock);
    const Content content = TRY(Content::of(*volume_, *node));
    return seek_in(content, offset, whence == SEEK_HOLE ? Sought::kHole : Sought::kData);
  };
  return volume_->told("seek", seek_from());
}

Result<std::size_t> FileSystem::copy_range(NodeId from, std::uint64_t from_offset, NodeId to,
                                           std::uint64_t to_offset, std::uint64_t length) {
  constexpr std::uint64_t kBytesAtOnce = 1u << 20;
  std::size_t copied = 0;
  std::vector<std::byte> buffer;
  while (copied < length) {
    buffer.clear();
    const std::uint64_t part = std::min(kBytesAtOnce, length - copied);
    const auto read_part = read(from, 0, from_offset + copied, part, [&](auto pieces) {
      for (const auto& piece : pieces) buffer.insert(buffer.end(), piece.begin(), piece.end());
    });
    if (!read_part.ok() && copied == 0) return read_part.error();
    if (buffer.empty()) break;
    const auto written = write(to, 0, to_offset + copied, buffer, Setuid::kKeep);
    if (!written.ok() && copied == 0) return written;
    if (!written.ok()) break;
    copied += buffer.size();
  }
  return copied;
}

}  // namespace spindle
