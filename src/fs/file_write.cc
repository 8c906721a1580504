#include <algorithm>
#include <cstring>
#include <optional>

#include "file_content.h"
#include "names.h"
#include "volume.h"

namespace spindle {
namespace {

// The most that one transaction writes: all of it is dirty in the cache at once.
constexpr std::uint64_t kBytesAtOnce = 4u << 20;
constexpr std::size_t kMapCalls = 8;

// One piece of a write: bytes that go to `offset` of the file.
struct Piece {
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes;
  [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
};

// File blocks whose content on the disk has no meaning yet.
using FreshBlocks = std::vector<std::pair<FileBlock, FileBlock>>;

bool is_fresh(const FreshBlocks& fresh, FileBlock at) {
  return std::ranges::any_of(fresh,
                             [&](const auto& run) { return run.first <= at && at < run.second; });
}

// What a block holds beside the bytes that are about to be written to it.
enum class Beside : std::uint8_t { kNothing, kZeros, kContent };

// The frame of one block that is to be written; it is read only if something of it is kept.
Result<BlockRef> frame_to_write(BufferCache& cache, const ContentShape& shape, BlockNo block,
                                Beside beside) {
  const bool has_header = shape.content_offset != 0;
  if (beside == Beside::kNothing && !has_header) return cache.replace(block);
  if (beside == Beside::kZeros && !has_header) return cache.blank(block);
  BlockRef frame = TRY(cache.read(block, IoPurpose::kData));
  cache.write_access(frame);
  return frame;
}

// Puts the part of `piece` that belongs to the extent into the cache.
Result<> copy_into(Volume& volume, Node& node, const ContentShape& shape, const Extent& extent,
                   const Piece& piece, const FreshBlocks& fresh) {
  BufferCache& cache = *volume.cache;
  // Blocks with a header are all read first, in one go: the header stays whatever is written.
  std::optional<FrameReservation> frames;
  std::vector<BlockRef> pins;
  if (shape.content_offset != 0) {
    const std::uint64_t count = std::min<std::uint64_t>(extent.length, BufferCache::kMaxRange);
    frames.emplace(cache.reserve(count));
    pins = TRY(cache.read_range({extent.block, count}));
  }
  for (std::uint64_t i = 0; i < extent.length; ++i) {
    const std::uint64_t start = shape.start_of(extent.at + i);
    const std::uint64_t from = std::max(piece.offset, start);
    const std::uint64_t to = std::min(piece.end(), start + shape.content_size);
    const bool whole = to - from == shape.content_size;
    const Beside beside = whole                            ? Beside::kNothing
                          : is_fresh(fresh, extent.at + i) ? Beside::kZeros
                                                           : Beside::kContent;
    const BlockRef frame = TRY(frame_to_write(cache, shape, extent.block + i, beside));
    std::memcpy(frame.writable().data() + shape.content_offset + (from - start),
                piece.bytes.data() + (from - piece.offset), to - from);
    cache.mark_dirty(frame, node.content_owner());
    if (node.watch != nullptr) node.watch->note(from, to);
  }
  return {};
}

// Calls `visit` with each extent of the piece, holes too.
template <class Visit>
Result<> for_each_extent(Volume& volume, BlockReader& reader, const ContentShape& shape,
                         const MapFile& file, const Piece& piece, const Visit& visit) {
  const FileBlock last{shape.blocks_for(piece.end())};
  for (FileBlock at = shape.block_of(piece.offset); at < last;) {
    const Extent extent = TRY(shape.map->find(reader, *volume.space, file, at, last - at));
    TRY(visit(extent));
    at += extent.length;
  }
  return {};
}

bool has_setuid(const Node& node) {
  return without_setuid(node.inode.mode) != node.inode.mode;
}

// Overwrites the piece without a transaction if all of it is mapped and written already; otherwise
// false.
Result<bool> overwrite(Volume& volume, Node& node, const ContentShape& shape, const Piece& piece,
                       Setuid setuid) {
  if (volume.options.data_in_log || piece.end() > node.inode.size) return false;
  const std::lock_guard guard(node.lock);
  if (setuid == Setuid::kClear && has_setuid(node)) return false;
  TRY(volume.writable());
  std::vector<Extent> extents;
  bool all_written = true;
  const MapFile file = map_to_read(volume, node);
  TRY(for_each_extent(volume, *volume.reader, shape, file, piece,
                      [&](const Extent& extent) -> Result<> {
                        all_written = all_written && !extent.is_hole() && !extent.unwritten;
                        trace_mapping(*shape.map, node, extent);
                        extents.push_back(extent);
                        return {};
                      }));
  if (!all_written) return false;
  for (const Extent& extent : extents) TRY(copy_into(volume, node, shape, extent, piece, {}));
  touch_modified(node.inode, volume.now());
  volume.pending_times.add(node);
  return true;
}

// Maps and marks written what the piece covers, up to `most_new` new blocks and as far as the log
// goes. Gives the end of what is mapped; `fresh` gets what has no content yet.
Result<FileBlock> map_piece(Volume& volume, Change& change, Node& node, const ContentShape& shape,
                            const Piece& piece, std::uint64_t most_new, FreshBlocks& fresh,
                            std::uint64_t& added) {
  const FileMap& map = *shape.map;
  const FileBlock last{shape.blocks_for(piece.end())};
  FileBlock at = shape.block_of(piece.offset);
  while (at < last) {
    Extent extent = TRY(map.find(change.tx, *volume.space, change.map_file(node), at, last - at));
    trace_mapping(map, node, extent);
    if (extent.is_hole() || extent.unwritten) {
      if (!has_room_for_call(volume, map, change.tx)) break;
      if (extent.is_hole()) {
        if (added >= most_new) break;
        const std::uint64_t want = std::min(extent.length, most_new - added);
        extent = TRY(add_blocks(volume, change, node, shape, at, want, NewBlocks::kWritten));
        added += extent.length;
      } else {
        MapFile file = change.map_file(node);
        TRY(map.mark_written({change.tx, *volume.space, file}, at, extent.length));
        change.mapped(node, file);
        change.touches_content(node);
      }
      fresh.emplace_back(at, at + extent.length);
    }
    at += extent.length;
  }
  // Whole blocks beyond the end were never written by anybody.
  const FileBlock end{shape.blocks_for(node.inode.size)};
  if (at > end) fresh.emplace_back(end, at);
  return at;
}

// Writes as much of the front of the piece as one transaction can; gives the bytes. `added` is how
// many new blocks it took, also when it failed for want of more.
Result<std::size_t> write_some(Volume& volume, Node& node, const ContentShape& shape, Piece piece,
                               Setuid setuid, std::uint64_t most_new, std::uint64_t& added) {
  Change change = TRY(begin_map_change(volume, node, *shape.map, kMapCalls));
  FreshBlocks fresh;
  const FileBlock reached =
      TRY(map_piece(volume, change, node, shape, piece, most_new, fresh, added));
  const std::uint64_t end = std::min(piece.end(), shape.start_of(reached));
  CHECK(end > piece.offset);
  piece.bytes = piece.bytes.first(end - piece.offset);

  if (piece.offset > node.inode.size) {
    TRY(zero_tail(volume, change, node, shape, piece.offset));
  }
  // Looked up anew: growing may have moved what was there.
  TRY(for_each_extent(
      volume, change.tx, shape, change.map_file(node), piece,
      [&](const Extent& extent) { return copy_into(volume, node, shape, extent, piece, fresh); }));
  // What a larger size shows must be on the disk before the size is, also in a block that was
  // mapped before.
  const bool grows = end > node.inode.size;
  if (!fresh.empty() || grows || volume.options.data_in_log)
    change.tx.order_data(node.content_owner());

  format::Inode& inode = change.edit(node);
  if (grows) {
    inode.size = end;
    change.touches_content(node);
  }
  touch_modified(inode, volume.now());
  if (setuid == Setuid::kClear) inode.mode = without_setuid(inode.mode);
  TRY(change.commit_part());
  return piece.bytes.size();
}

// As write_some; if space runs out midway, it writes as much as there is room for.
Result<std::size_t> write_what_fits(Volume& volume, Node& node, const ContentShape& shape,
                                    const Piece& piece, Setuid setuid) {
  std::uint64_t most_new = UINT64_MAX;
  for (;;) {
    std::uint64_t added = 0;
    Result<std::size_t> written = write_some(volume, node, shape, piece, setuid, most_new, added);
    if (written.code() != ENOSPC || added == 0) return written;
    most_new = added;
  }
}

}  // namespace

Result<> write_content(Volume& volume, Node& node, std::uint64_t offset,
                       std::span<const std::byte> bytes, Setuid setuid) {
  const ContentShape shape = TRY(content_shape(volume, node));
  TRY(check_size(node.number, shape, offset, bytes.size()));
  if (offset > node.inode.size && !shape.map->has_holes()) {
    TRY(map_range(volume, node, shape, shape.block_of(node.inode.size), shape.block_of(offset)));
  }
  while (!bytes.empty()) {
    TRY(volume.cache->throttle());
    const Piece piece{offset, bytes.first(std::min<std::size_t>(bytes.size(), kBytesAtOnce))};
    std::size_t written = piece.bytes.size();
    if (!TRY(overwrite(volume, node, shape, piece, setuid))) {
      const auto fitted = write_what_fits(volume, node, shape, piece, setuid);
      // Otherwise the blocks that fill the gap before the write would stay allocated unseen.
      if (fitted.code() == ENOSPC && offset > node.inode.size && !shape.map->has_holes()) {
        TRY(shrink_map(volume, node, FileBlock{shape.blocks_for(node.inode.size)}));
      }
      written = TRY(fitted);
    }
    offset += written;
    bytes = bytes.subspan(written);
  }
  return {};
}

}  // namespace spindle
