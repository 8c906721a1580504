#include "rebuild.h"

#include <algorithm>
#include <cstring>

#include "names.h"
#include "spindle/fs/file_system.h"
#include "virtual_xattr.h"
#include "xattr.h"

namespace spindle {
namespace {

constexpr std::uint64_t kCopyBytes = 1u << 20;

// The inode in which the content is built.
Result<NodeRef> make_hidden(Volume& volume, const Node& node, format::MapKind kind) {
  Change change = TRY(Change::begin(
      volume, Change::kInodeLogBytes + log_cost::kAllocateInode + OrphanList::kLogBytes));
  const InodeNo number = TRY(volume.space->allocate_inode(change.tx, node.number, false));
  format::Inode& inode = change.create(number);
  inode.mode = node.inode.mode;
  inode.map_kind = static_cast<std::uint8_t>(kind);
  inode.uid = node.inode.uid;
  inode.gid = node.inode.gid;
  inode.generation = node.inode.generation;
  inode.parent = node.number.value;
  inode.accessed = inode.modified = inode.changed = inode.born = to_disk(volume.now());
  TRY(volume.orphans.add(change, number));
  TRY(change.commit_part());
  return change.created();
}

// Copies `count` blocks' content, from `block` on, to byte `to` of the new file.
Result<> copy_blocks(Volume& volume, Node& into, const ContentShape& from_shape, Run run,
                     std::uint64_t skip, std::uint64_t count, std::uint64_t to) {
  std::vector<std::byte> buffer;
  const std::uint64_t blocks_at_once =
      std::max<std::uint64_t>(1, kCopyBytes / from_shape.content_size);
  while (count > 0) {
    const Run part{run.start, std::min(run.length, blocks_at_once)};
    buffer.clear();
    {
      const std::vector<BlockRef> blocks = TRY(volume.cache->read_range(part));
      for (const BlockRef& block : blocks) {
        const auto content = block.bytes().subspan(from_shape.content_offset + skip);
        const std::uint64_t length =
            std::min<std::uint64_t>(from_shape.content_size - skip, count - buffer.size());
        buffer.insert(buffer.end(), content.begin(),
                      content.begin() + static_cast<std::ptrdiff_t>(length));
        skip = 0;
      }
    }
    TRY(write_content(volume, into, to, buffer, false));
    to += buffer.size();
    count -= buffer.size();
    run = {run.start + part.length, run.length - part.length};
  }
  return {};
}

// Copies what of one extent of the old content the plan keeps.
Result<> copy_extent(Volume& volume, Node& into, const ContentShape& shape, const Extent& extent,
                     const RebuildPlan& plan) {
  if (extent.is_hole() || extent.unwritten) return {};
  const std::uint64_t start = shape.start_of(extent.at);
  const std::uint64_t end = shape.start_of(extent.at + extent.length);
  for (const Move& move : plan.moves) {
    const std::uint64_t from = std::max(start, move.from);
    const std::uint64_t until = std::min(end, move.from + move.length);
    if (from >= until) continue;
    const std::uint64_t skipped = shape.block_of(from) - extent.at;
    const FileBlock first = extent.at + skipped;
    TRY(copy_blocks(volume, into, shape, {extent.block + skipped, extent.length - skipped},
                    from - shape.start_of(first), until - from, move.to + (from - move.from)));
  }
  return {};
}

Result<> build(Volume& volume, Node& node, Node& into, const RebuildPlan& plan) {
  const ContentShape shape = TRY(content_shape(volume, node));
  const FileMap::WalkContext context{
      .reader = *volume.reader, .layout = volume.layout, .fat_entry = [&](BlockNo block) {
        return volume.space->fat_entry(*volume.reader, block);
      }};
  TRY(shape.map->walk(context, map_to_read(volume, node), {.data = [&](const Extent& extent) {
                        return copy_extent(volume, into, shape, extent, plan);
                      }}));
  if (into.inode.size == plan.size) return {};
  return set_size(volume, into, plan.size, [](format::Inode&) {});
}

Result<std::uint64_t> count_xattr_blocks(Volume& volume, const Node& node) {
  std::uint64_t count = 0;
  if (node.inode.xattr_block == 0) return count;
  XattrFile file{
      .inode = node.number, .space = *volume.space, .first_block = BlockNo{node.inode.xattr_block}};
  TRY(XattrChain(file).walk(*volume.reader, [&](BlockNo, std::string_view) -> Result<> {
    ++count;
    return {};
  }));
  return count;
}

Result<> exchange(Volume& volume, const NodeRef& node, const NodeRef& hidden,
                  const RebuildPlan& plan) {
  Change change = TRY(Change::begin(volume, 2 * Change::kInodeLogBytes));
  change.lock({node, hidden});
  const std::uint64_t xattr_blocks = TRY(count_xattr_blocks(volume, *node));
  format::Inode& file = change.edit(*node);
  format::Inode& other = change.edit(*hidden);
  std::swap_ranges(file.map_root, file.map_root + format::kMapRootSize, other.map_root);
  std::swap(file.map_kind, other.map_kind);
  std::swap(file.size, other.size);
  const std::uint64_t old_blocks = file.blocks - std::min<std::uint64_t>(file.blocks, xattr_blocks);
  file.blocks = other.blocks + xattr_blocks;
  other.blocks = old_blocks;
  const auto now = to_disk(volume.now());
  // Where the blocks lie is nobody's concern: other blocks alone are no change.
  if (plan.changes_content || file.map_kind != other.map_kind) file.changed = now;
  if (plan.changes_content) file.modified = now;
  change.touches_content(*node);
  change.tx.order_data(node->number);
  TRY(change.commit());
  volume.space->forget(node->number);
  return {};
}

// Maps [from, to) of a file that is being built, as it was mapped in the old one: no content yet.
Result<> map_as_before(Volume& volume, Node& into, const ContentShape& shape, FileBlock from,
                       FileBlock to, bool unwritten) {
  while (from < to) {
    TRY(volume.cache->throttle());
    Change change = TRY(begin_map_change(volume, into, *shape.map, 8));
    do {
      from += TRY(add_blocks(volume, change, into, shape, from, to - from, unwritten))
      .length;
    } while (from < to && has_room_for_call(volume, *shape.map, change.tx));
    TRY(change.commit_part());
  }
  return {};
}

// Maps what the extents map. What lies beyond the end must read as zeros there, too, but for the
// reserve of a map without holes, which is mapped in one go with what it lies behind.
Result<> map_extents(Volume& volume, Node& into, const ContentShape& shape,
                     const std::vector<Extent>& extents, FileBlock end) {
  for (const Extent& extent : extents) {
    const FileBlock last = extent.at + extent.length;
    const FileBlock content_end = shape.map->has_holes() ? std::clamp(end, extent.at, last) : last;
    TRY(map_as_before(volume, into, shape, extent.at, content_end, extent.unwritten));
    if (content_end < last) TRY(map_range(volume, into, shape, content_end, last));
  }
  return {};
}

}  // namespace

Result<bool> relocate(Volume& volume, const NodeRef& node, std::span<const Run> runs,
                      const std::vector<Extent>& extents,
                      const std::function<bool(const std::vector<Extent>& extents)>& suits) {
  const std::uint64_t size = node->inode.size;
  const ContentShape shape = TRY(content_shape(volume, *node));
  const RebuildPlan plan{.kind = node->map_kind(), .size = size, .moves = {{0, size, 0}}};
  const NodeRef hidden = TRY(make_hidden(volume, *node, plan.kind));
  if (!volume.space->set_aside(node->number, runs)) return false;
  {
    const std::lock_guard guard(hidden->change);
    const auto mapped =
        map_extents(volume, *hidden, shape, extents, FileBlock{shape.blocks_for(size)});
    volume.space->forget(node->number);
    TRY(mapped);
    if (!suits(TRY(describe_map_of(volume, *hidden, SIZE_MAX)).extents)) return false;
    TRY(build(volume, *node, *hidden, plan));
  }
  TRY(exchange(volume, node, hidden, plan));
  return true;
}

Result<> rebuild(Volume& volume, const NodeRef& node, const RebuildPlan& plan) {
  const NodeRef hidden = TRY(make_hidden(volume, *node, plan.kind));
  {
    const std::lock_guard guard(hidden->change);
    TRY(build(volume, *node, *hidden, plan));
  }
  return exchange(volume, node, hidden, plan);
}

Result<> convert(Volume& volume, const NodeRef& node, format::MapKind kind) {
  if (node->map_kind() == kind) return {};
  const ContentShape shape = TRY(content_shape(volume, node->number, kind));
  const std::uint64_t size = node->inode.size;
  TRY(check_size(node->number, shape, 0, size));
  TRY(rebuild(volume, node, {.kind = kind, .size = size, .moves = {{0, size, 0}}}));
  ++volume.conversions;
  return {};
}

}  // namespace spindle
