#include "file_content.h"

#include <sys/stat.h>

#include <algorithm>
#include <shared_mutex>

#include "rebuild.h"
#include "spindle/base/event_trace.h"
#include "volume.h"

namespace spindle {
namespace {

/// The most that one transaction maps and fills with zeros: all those frames are dirty at once.
constexpr std::uint64_t kZeroBytesAtOnce = 4u << 20;
constexpr std::uint64_t kUninterruptedBytes = 16u << 20;

/// Fills the content of the run's blocks with zeros, in the cache.
Result<> zero_blocks(const Content& content, Run run) {
  BufferCache& cache = *content.volume.cache;
  for (BlockNo block = run.start; block < run.end(); ++block) {
    const bool has_header = content.content_offset != 0;
    const BlockRef frame =
        TRY(has_header ? cache.read(block, IoPurpose::kData) : cache.blank(block));
    if (has_header) {
      cache.write_access(frame);
      std::ranges::fill(frame.writable().subspan(content.content_offset), std::byte{0});
    }
    cache.mark_dirty(frame, content.node.content_owner());
  }
  return {};
}

}  // namespace

Result<ContentShape> ContentShape::of(const Volume& volume, InodeNo number, format::MapKind kind) {
  const FileMap* map = file_map(kind);
  if (map == nullptr) return corrupt("it has no allocation strategy", Subject::inode(number));
  ContentShape shape{.map = map, .content_size = map->content_size(volume.layout.block_size)};
  shape.content_offset = volume.layout.block_size - shape.content_size;
  const std::uint64_t most_blocks = static_cast<std::uint64_t>(INT64_MAX) / shape.content_size;
  shape.max_size = std::min(map->max_file_blocks(volume.layout), most_blocks) * shape.content_size;
  return shape;
}

Result<> go_on(const Interruption* interruption) {
  if (interruption == nullptr || !interruption->is_interrupted()) return {};
  return Error{EINTR, "nobody waits for the file's new content any more"};
}

Result<Content> Content::of(Volume& volume, Node& node, const Interruption* interruption) {
  return Content{TRY(ContentShape::of(volume, node.number, node.map_kind())), volume, node,
                 interruption};
}

Result<> check_size(InodeNo number, const ContentShape& shape, std::uint64_t offset,
                    std::uint64_t length) {
  if (offset <= shape.max_size && length <= shape.max_size - offset) return {};
  const bool is_of_images = offset <= kMaxImageSize && length <= kMaxImageSize - offset;
  if (!shape.map->has_several_runs() && is_of_images) {
    return Error{ENOSPC, "a contiguous file must fit into one group of the volume",
                 Subject::inode(number)};
  }
  return Error{EFBIG, "the allocation strategy cannot hold a file of this size",
               Subject::inode(number)};
}

MapFile map_to_read(Node& node) {
  return MapFile{.inode = node.content_owner(),
                 .generation = node.inode.generation,
                 .root = node.inode.map_root,
                 .blocks = node.inode.blocks};
}

Result<Extent> Content::find(FileBlock at, std::uint64_t max) const {
  return map->find(*volume.reader, *volume.space, map_to_read(node), at, max);
}

Result<Extent> Content::find(Change& change, FileBlock at, std::uint64_t max) const {
  return map->find(change.tx, *volume.space, change.map_file(node), at, max);
}

void Content::trace_mapping(const Extent& extent) const {
  trace_event(EventKind::kMap,
              {node.content_owner().value, extent.at.value, extent.block.value, extent.length,
               extent.is_hole() ? 1u : 0u, extent.unwritten ? 1u : 0u},
              map->name());
}

std::size_t map_log_bytes(const Volume& volume, const FileMap& map, std::size_t calls) {
  const std::size_t fixed = Change::kInodeLogBytes + OrphanList::kLogBytes;
  const std::size_t call = map.log_bytes_per_call(volume.layout);
  const std::size_t largest = volume.journal->largest_transaction();
  const std::size_t most_calls = largest > fixed + call ? (largest - fixed) / call : 1;
  return fixed + call * std::min(calls, most_calls);
}

bool Content::has_room_for_call(const Transaction& tx) const {
  return tx.log_bytes_left() >=
         Change::kInodeLogBytes + OrphanList::kLogBytes + map->log_bytes_per_call(volume.layout);
}

Result<Change> Content::begin_change(std::size_t calls, std::size_t more_log_bytes) const {
  Change change = TRY(Change::begin(volume, map_log_bytes(volume, *map, calls) + more_log_bytes));
  change.lock({NodeRef(&node)});
  return change;
}

Result<Extent> Content::add_blocks(Change& change, FileBlock at, std::uint64_t want,
                                   NewBlocks blocks) const {
  MapFile file = change.map_file(node);
  const Extent added = TRY(map->extend({change.tx, *volume.space, file}, at, want, blocks));
  change.mapped(node, file);
  change.touches_content(node);
  trace_event(EventKind::kAllocate,
              {node.content_owner().value, added.at.value, added.block.value, added.length},
              map->name());
  const Run run{added.block, added.length};
  change.tx.on_drop([&cache = *volume.cache, run] { cache.forget(run); });
  return added;
}

Result<Extent> Content::add_zero_blocks(Change& change, FileBlock at, std::uint64_t want) const {
  const Extent added = TRY(add_blocks(change, at, want, NewBlocks::kWritten));
  change.tx.order_data(node.content_owner());
  // A map with headers in its blocks has zeroed the content when it wrote them.
  if (content_offset == 0) TRY(zero_blocks(*this, {added.block, added.length}));
  return added;
}

Result<> Content::mark_written(Change& change, FileBlock at, std::uint64_t length) const {
  MapFile file = change.map_file(node);
  TRY(map->mark_written({change.tx, *volume.space, file}, at, length));
  change.mapped(node, file);
  change.touches_content(node);
  return {};
}

Result<> Content::shrink_map(FileBlock end) const {
  for (bool done = false; !done;) {
    Change change = TRY(begin_change(1));
    done = TRY(shrink_map(change, end));
    TRY(change.commit_part());
  }
  return {};
}

Result<bool> Content::shrink_map(Change& change, FileBlock end) const {
  MapFile file = change.map_file(node);
  const bool done = TRY(map->shrink({change.tx, *volume.space, file}, end));
  change.mapped(node, file);
  // No crash shows a size whose blocks are gone, not even of a file without names.
  format::Inode& inode = change.edit(node);
  inode.size = std::min<std::uint64_t>(inode.size, start_of(end));
  change.touches_content(node);
  return done;
}

Result<> finish_truncation(Volume& volume, Node& node) {
  if (node.map_kind() != format::MapKind::kInline) {
    const Content content = TRY(Content::of(volume, node));
    TRY(content.shrink_map(FileBlock{content.blocks_for(node.inode.size)}));
  }
  volume.orphans.truncation_ended(node.number);
  Change change = TRY(Change::begin(volume, Change::kInodeLogBytes + OrphanList::kLogBytes));
  change.lock({NodeRef(&node)});
  // It may have lost its last name meanwhile: then it stays on the list, to be freed.
  if (node.inode.links == 0) return {};
  TRY(volume.orphans.remove(change, node.number));
  TRY(change.commit_part());
  return {};
}

Result<std::unique_lock<thread::Mutex>> hold_content(Volume& volume, Node& node) {
  std::unique_lock held(node.change);
  if (volume.orphans.is_cut_short(node.number)) TRY(finish_truncation(volume, node));
  return held;
}

namespace {

using Adjust = std::function<void(format::Inode&)>;

/// Sets the smaller size and frees as much beyond it as one transaction can. True: all of it.
Result<bool> begin_truncation(const Content& content, std::uint64_t size, const Adjust& adjust) {
  Volume& volume = content.volume;
  Node& node = content.node;
  Change change = TRY(content.begin_change(1));
  const bool done = TRY(content.shrink_map(change, FileBlock{content.blocks_for(size)}));
  change.edit(node).size = size;
  adjust(change.edit(node));
  if (!done) TRY(volume.orphans.add(change, node.number));
  TRY(done ? change.commit() : change.commit_part());
  if (!done) volume.orphans.truncation_begins(node.number);
  return done;
}

Result<> grow(const Content& content, std::uint64_t size, const Adjust& adjust) {
  Node& node = content.node;
  TRY(check_size(node.number, content, 0, size));
  if (!content.map->has_holes()) {
    TRY(content.map_range(content.block_of(node.inode.size), FileBlock{content.blocks_for(size)}));
  }
  Change change = TRY(content.begin_change(1));
  TRY(content.zero_tail(change, size));
  change.edit(node).size = size;
  adjust(change.edit(node));
  change.touches_content(node);
  TRY(change.commit());
  return {};
}

}  // namespace

Result<> set_size(Volume& volume, Node& node, std::uint64_t size,
                  const std::function<void(format::Inode&)>& adjust,
                  const Interruption* interruption) {
  const Content content = TRY(Content::of(volume, node, interruption));
  if (size > node.inode.size) return grow(content, size, adjust);
  if (TRY(begin_truncation(content, size, adjust))) return {};
  if (size == 0) TRY(set_blocks_aside(volume, NodeRef(&node)));
  TRY(finish_truncation(volume, node));
  return volume.options.sync ? volume.journal->sync() : Result<>{};
}

Result<> Content::zero_within_block(Change& change, std::uint64_t from, std::uint64_t to) const {
  if (from >= to) return {};
  const FileBlock at = block_of(from);
  const Extent extent = TRY(find(change, at, 1));
  if (extent.is_hole() || extent.unwritten) return {};
  const BlockRef block = TRY(volume.cache->read(extent.block, IoPurpose::kData));
  volume.cache->write_access(block);
  const std::size_t first = content_offset + (from - start_of(at));
  std::ranges::fill(block.writable().subspan(first, to - from), std::byte{0});
  volume.cache->mark_dirty(block, node.content_owner());
  if (node.watch != nullptr) node.watch->note(from, to);
  change.tx.order_data(node.content_owner());
  return {};
}

Result<> Content::zero_tail(Change& change, std::uint64_t until) const {
  const std::uint64_t old_size = node.inode.size;
  if (old_size % content_size == 0) return {};
  const std::uint64_t block_end = start_of(block_of(old_size) + 1);
  return zero_within_block(change, old_size, std::min(until, block_end));
}

namespace {

/// Maps the holes in [from, to), as far as one transaction goes; returns the place reached. Raises
/// `old_end` to the end of what was mapped before, in a map with holes.
Result<FileBlock> map_some(const Content& content, FileBlock from, FileBlock to,
                           FileBlock& old_end) {
  Change change = TRY(content.begin_change(8));
  const bool unwritten = content.map->has_unwritten();
  std::uint64_t zero_budget =
      std::max<std::uint64_t>(1, kZeroBytesAtOnce / content.volume.layout.block_size);
  FileBlock at = from;
  bool changed = false;
  const FileBlock end{content.blocks_for(content.node.inode.size)};
  while (at < to && zero_budget > 0 && content.has_room_for_call(change.tx)) {
    Extent piece = TRY(content.find(change, at, to - at));
    if (piece.is_hole()) {
      const std::uint64_t want = std::min(piece.length, unwritten ? piece.length : zero_budget);
      piece = unwritten ? TRY(content.add_blocks(change, at, want, NewBlocks::kUnwritten))
                        : TRY(content.add_zero_blocks(change, at, want));
      if (!unwritten) zero_budget -= std::min(zero_budget, piece.length);
      changed = true;
    } else if (content.map->has_holes()) {
      old_end = std::max(old_end, at + piece.length);
    } else if (at >= end) {
      // The map's own reserve, which may hold anything.
      piece.length = std::min(piece.length, zero_budget);
      TRY(zero_blocks(content, {piece.block, piece.length}));
      change.tx.order_data(content.node.content_owner());
      zero_budget -= piece.length;
      changed = true;
    }
    at += piece.length;
  }
  if (changed) TRY(change.commit_part());
  return at;
}

/// The first place in [from, to) that is a hole; `to` if none is.
Result<FileBlock> first_hole(const Content& content, FileBlock from, FileBlock to) {
  const std::shared_lock guard(content.node.lock);
  while (from < to) {
    const Extent piece = TRY(content.find(from, to - from));
    if (piece.is_hole()) return from;
    from += piece.length;
  }
  return to;
}

Result<bool> is_anything_mapped(const Content& content, FileBlock from) {
  const std::shared_lock guard(content.node.lock);
  const FileBlock end{content.max_size / content.content_size};
  while (from < end) {
    const Extent piece = TRY(content.find(from, end - from));
    if (!piece.is_hole()) return true;
    from += piece.length;
  }
  return false;
}

/// Frees what was mapped in [added, reached), unless older blocks are mapped behind it.
Result<> unmap_again(const Content& content, FileBlock added, FileBlock reached) {
  if (content.map->has_holes() && TRY(is_anything_mapped(content, reached))) return {};
  return content.shrink_map(added);
}

}  // namespace

Result<> Content::map_range(FileBlock from, FileBlock to) const {
  const FileBlock end{blocks_for(node.inode.size)};
  // A map without holes grows from its end only; what lies before is mapped anyhow.
  FileBlock at = map->has_holes() ? from : end;
  FileBlock old_end = TRY(first_hole(*this, std::max(at, end), to));
  while (at < to) {
    TRY(volume.cache->throttle());
    // Nobody expects short work to be interrupted.
    const bool is_long = (at - from) * content_size >= kUninterruptedBytes;
    const Result<> wanted = is_long ? go_on(interruption) : Result<>{};
    const Result<FileBlock> reached =
        wanted.ok() ? map_some(*this, at, to, old_end) : wanted.error();
    if ((reached.code() == ENOSPC || !wanted.ok()) && to > end) {
      // Otherwise the blocks added beyond the end would stay allocated without anybody seeing them.
      TRY(unmap_again(*this, old_end, std::max(at, end)));
    }
    at = TRY(reached);
  }
  return {};
}

}  // namespace spindle
