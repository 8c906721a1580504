#include <algorithm>
#include <cstring>
#include <optional>

#include "file_content.h"
#include "names.h"
#include "volume.h"

namespace spindle {
namespace {

/// The most that one transaction writes: all of it is dirty in the cache at once.
constexpr std::uint64_t kBytesAtOnce = 4u << 20;
constexpr std::size_t kMapCalls = 8;

/// One piece of a write: bytes that go to `offset` of the file.
struct Piece {
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes;
  [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
};

/// File blocks whose content on the disk has no meaning yet.
using FreshBlocks = std::vector<std::pair<FileBlock, FileBlock>>;

bool is_fresh(const FreshBlocks& fresh, FileBlock at) {
  return std::ranges::any_of(fresh,
                             [&](const auto& run) { return run.first <= at && at < run.second; });
}

/// What a block holds beside the bytes that are about to be written to it.
enum class Beside : std::uint8_t { kNothing, kZeros, kContent };

/// The frame of one block that is to be written; it is read only if something of it is kept.
Result<BlockRef> frame_to_write(const Content& content, BlockNo block, Beside beside) {
  BufferCache& cache = *content.volume.cache;
  const bool has_header = content.content_offset != 0;
  if (beside == Beside::kNothing && !has_header) return cache.replace(block);
  if (beside == Beside::kZeros && !has_header) return cache.blank(block);
  BlockRef frame = TRY(cache.read(block, IoPurpose::kData));
  cache.write_access(frame);
  return frame;
}

/// Puts the part of `piece` that belongs to the extent into the cache.
Result<> copy_into(const Content& content, const Extent& extent, const Piece& piece,
                   const FreshBlocks& fresh) {
  BufferCache& cache = *content.volume.cache;
  Node& node = content.node;
  // Blocks with a header are all read first, in one go: the header stays whatever is written.
  std::optional<FrameReservation> frames;
  std::vector<BlockRef> pins;
  if (content.content_offset != 0) {
    const std::uint64_t count = std::min<std::uint64_t>(extent.length, BufferCache::kMaxRange);
    frames.emplace(cache.reserve(count));
    pins = TRY(cache.read_range({extent.block, count}));
  }
  for (std::uint64_t i = 0; i < extent.length; ++i) {
    const std::uint64_t start = content.start_of(extent.at + i);
    const std::uint64_t from = std::max(piece.offset, start);
    const std::uint64_t to = std::min(piece.end(), start + content.content_size);
    const bool whole = to - from == content.content_size;
    const Beside beside = whole                            ? Beside::kNothing
                          : is_fresh(fresh, extent.at + i) ? Beside::kZeros
                                                           : Beside::kContent;
    const BlockRef frame = TRY(frame_to_write(content, extent.block + i, beside));
    std::memcpy(frame.writable().data() + content.content_offset + (from - start),
                piece.bytes.data() + (from - piece.offset), to - from);
    cache.mark_dirty(frame, node.content_owner());
    if (node.watch != nullptr) node.watch->note(from, to);
  }
  return {};
}

/// Calls `visit` with each extent of the piece, holes too, as `find` finds them.
template <class Find, class Visit>
Result<> for_each_extent(const Content& content, const Piece& piece, const Find& find,
                         const Visit& visit) {
  const FileBlock last{content.blocks_for(piece.end())};
  for (FileBlock at = content.block_of(piece.offset); at < last;) {
    const Extent extent = TRY(find(at, last - at));
    TRY(visit(extent));
    at += extent.length;
  }
  return {};
}

bool changes_mode(Setuid setuid, const Node& node) {
  return mode_after(setuid, node.inode.mode) != node.inode.mode;
}

/// Overwrites the piece without a transaction if all of it is mapped and written already; otherwise
/// false.
Result<bool> overwrite(const Content& content, const Piece& piece, Setuid setuid) {
  Volume& volume = content.volume;
  Node& node = content.node;
  if (volume.options.data_in_log || piece.end() > node.inode.size) return false;
  const std::lock_guard guard(node.lock);
  if (changes_mode(setuid, node)) return false;
  TRY(volume.writable());
  std::vector<Extent> extents;
  bool all_written = true;
  TRY(for_each_extent(
      content, piece, [&](FileBlock at, std::uint64_t max) { return content.find(at, max); },
      [&](const Extent& extent) -> Result<> {
        all_written = all_written && !extent.is_hole() && !extent.unwritten;
        content.trace_mapping(extent);
        extents.push_back(extent);
        return {};
      }));
  if (!all_written) return false;
  for (const Extent& extent : extents) TRY(copy_into(content, extent, piece, {}));
  touch_modified(node.inode, volume.now());
  volume.pending_times.add(node);
  return true;
}

/// Maps and marks written what the piece covers, as far as the log goes. `reached` is the end of
/// what is mapped, also when it fails; `fresh` gets what has no content yet.
Result<> map_piece(const Content& content, Change& change, const Piece& piece, FileBlock& reached,
                   FreshBlocks& fresh) {
  Node& node = content.node;
  const FileBlock last{content.blocks_for(piece.end())};
  reached = content.block_of(piece.offset);
  while (reached < last) {
    Extent extent = TRY(content.find(change, reached, last - reached));
    content.trace_mapping(extent);
    if (extent.is_hole() || extent.unwritten) {
      if (!content.has_room_for_call(change.tx)) break;
      if (extent.is_hole()) {
        extent = TRY(content.add_blocks(change, reached, extent.length, NewBlocks::kWritten));
      } else {
        TRY(content.mark_written(change, reached, extent.length));
      }
      fresh.emplace_back(reached, reached + extent.length);
    }
    reached += extent.length;
  }
  // Whole blocks beyond the end were never written by anybody.
  const FileBlock end{content.blocks_for(node.inode.size)};
  if (reached > end) fresh.emplace_back(end, reached);
  return {};
}

/// Writes as much of the front of the piece as one transaction can; gives the bytes. `reached` is
/// how far there are blocks for it, also when it failed for want of more.
Result<std::size_t> write_some(const Content& content, Piece piece, Setuid setuid,
                               FileBlock& reached) {
  Volume& volume = content.volume;
  Node& node = content.node;
  Change change = TRY(content.begin_change(kMapCalls));
  FreshBlocks fresh;
  TRY(map_piece(content, change, piece, reached, fresh));
  const std::uint64_t end = std::min(piece.end(), content.start_of(reached));
  CHECK(end > piece.offset);
  piece.bytes = piece.bytes.first(end - piece.offset);

  if (piece.offset > node.inode.size) TRY(content.zero_tail(change, piece.offset));
  // Looked up anew: growing may have moved what was there.
  TRY(for_each_extent(
      content, piece,
      [&](FileBlock at, std::uint64_t max) { return content.find(change, at, max); },
      [&](const Extent& extent) { return copy_into(content, extent, piece, fresh); }));
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
  inode.mode = static_cast<std::uint16_t>(mode_after(setuid, inode.mode));
  TRY(change.commit_part());
  return piece.bytes.size();
}

/// As write_some; if space runs out midway, it writes as much as there is room for.
Result<std::size_t> write_what_fits(const Content& content, Piece piece, Setuid setuid) {
  for (;;) {
    FileBlock reached;
    Result<std::size_t> written = write_some(content, piece, setuid, reached);
    const std::uint64_t end = content.start_of(reached);
    if (written.code() != ENOSPC || end <= piece.offset || end >= piece.end()) return written;
    piece.bytes = piece.bytes.first(end - piece.offset);
  }
}

}  // namespace

Result<> write_content(Volume& volume, Node& node, std::uint64_t offset,
                       std::span<const std::byte> bytes, Setuid setuid) {
  const Content content = TRY(Content::of(volume, node));
  TRY(check_size(node.number, content, offset, bytes.size()));
  if (offset > node.inode.size && !content.map->has_holes()) {
    TRY(content.map_range(content.block_of(node.inode.size), content.block_of(offset)));
  }
  while (!bytes.empty()) {
    TRY(volume.cache->throttle());
    const Piece piece{offset, bytes.first(std::min<std::size_t>(bytes.size(), kBytesAtOnce))};
    std::size_t written = piece.bytes.size();
    if (!TRY(overwrite(content, piece, setuid))) {
      const auto fitted = write_what_fits(content, piece, setuid);
      // Otherwise the blocks that fill the gap before the write would stay allocated unseen.
      if (fitted.code() == ENOSPC && offset > node.inode.size && !content.map->has_holes()) {
        TRY(content.shrink_map(FileBlock{content.blocks_for(node.inode.size)}));
      }
      written = TRY(fitted);
    }
    offset += written;
    bytes = bytes.subspan(written);
  }
  return {};
}

}  // namespace spindle
