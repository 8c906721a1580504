// extent: a tree of runs, the default strategy. The tree itself is extent_tree.h.

#include <algorithm>
#include <optional>
#include <vector>

#include "extent_tree.h"
#include "file_maps.h"

namespace spindle {
namespace {

using format::ExtentEntry;

/// Blocks that are zeroed before they are written.
constexpr std::uint64_t kZeroedAtOnce = 256;
/// Behind a hole of fewer blocks there should be room to fill it in place.
constexpr std::uint64_t kRoomForHole = 1024;

class ExtentMap final : public FileMap {
 public:
  [[nodiscard]] format::MapKind kind() const override { return format::MapKind::kExtent; }
  [[nodiscard]] bool has_holes() const override { return true; }
  [[nodiscard]] bool has_unwritten() const override { return true; }
  [[nodiscard]] std::uint64_t max_file_blocks(const format::Layout& layout) const override;
  [[nodiscard]] std::size_t log_bytes_per_call(const format::Layout& layout) const override;
  Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file, FileBlock at,
                      std::uint64_t max) const override;
  Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                        NewBlocks blocks) const override;
  Result<bool> shrink(const MapEdit& edit, FileBlock end) const override;
  Result<std::uint64_t> punch(const MapEdit& edit, FileBlock from,
                              std::uint64_t length) const override;
  Result<> mark_written(const MapEdit& edit, FileBlock from, std::uint64_t length) const override;
  Result<> walk(const WalkContext& context, const MapFile& file,
                const MapVisitor& visitor) const override {
    return walk_extents(context, file.root, visitor);
  }
  [[nodiscard]] std::vector<RootField> root_fields(std::span<const std::byte> root) const override;
  std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const override;
};

/// The part of an extent from its `skip`-th block on, `length` blocks.
ExtentEntry part_of(const ExtentEntry& extent, std::uint64_t skip, std::uint64_t length) {
  ExtentEntry part = extent;
  part.file_block = extent.file_block + skip;
  part.block = extent.block + skip;
  part.length = static_cast<std::uint32_t>(length);
  return part;
}

std::uint64_t end_of(const ExtentEntry& extent) {
  return extent.file_block + std::uint64_t{extent.length};
}

/// Takes [skip, skip + length) out of the path's entry; what is left on both sides stays.
Result<> cut_out(ExtentEditor& tree, const ExtentPath& path, std::uint64_t skip,
                 std::uint64_t length) {
  const ExtentEntry whole = path.entry;
  const std::uint64_t after = whole.length - skip - length;
  const ExtentEntry right = part_of(whole, skip + length, after);
  if (skip == 0) return after == 0 ? tree.erase(path) : tree.update(path, right);
  TRY(tree.update(path, part_of(whole, 0, skip)));
  if (after != 0) TRY(tree.add(right));
  return {};
}

std::uint64_t ExtentMap::max_file_blocks(const format::Layout& layout) const {
  return std::min(kExtentFileEnd.value, kMaxImageSize / layout.block_size);
}

std::size_t ExtentMap::log_bytes_per_call(const format::Layout& layout) const {
  // A change edits at most one node of each level and creates a sibling for it, or joins two; a
  // level that is new counts for both, since only its first node was created. All else is runs.
  const std::size_t levels = std::max(1u, max_extent_levels(layout));
  return 2 * levels * (log_cost::block(layout.block_size) + log_cost::kAllocate) +
         (kRunsPerCall + 2 * levels) * log_cost::kFree;
}

Result<Extent> ExtentMap::find(BlockReader& reader, SpaceManager& space, const MapFile& file,
                               FileBlock at, std::uint64_t max) const {
  if (at >= kExtentFileEnd) return Extent{.at = at, .block = kNoBlock, .length = max};
  const ExtentPath path = TRY(seek_extent(reader, space.layout(), file.root, at));
  if (!path.covers(at)) {
    const bool endless = path.limit == kExtentFileEnd;
    const std::uint64_t length = endless ? max : std::min(max, path.limit - at);
    return Extent{.at = at, .block = kNoBlock, .length = length};
  }
  const std::uint64_t skip = at.value - path.entry.file_block;
  return Extent{.at = at,
                .block = BlockNo{path.entry.block + skip},
                .length = std::min<std::uint64_t>(max, path.entry.length - skip),
                .unwritten = (path.entry.flags & format::kUnwritten) != 0};
}

Result<Extent> ExtentMap::extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                                 NewBlocks blocks) const {
  auto& [tx, space, file] = edit;
  const bool unwritten = blocks == NewBlocks::kUnwritten;
  const std::uint64_t end = max_file_blocks(space.layout());
  if (at.value >= end) return Error{EFBIG, "the file is too large", Subject::inode(file.inode)};
  ExtentEditor tree(edit);
  const ExtentPath path = TRY(tree.seek(at));
  CHECK(!path.covers(at));
  want = std::min({want, path.limit - at, end - at.value});
  BlockNo hint = space.hint_for(file.inode);
  if (path.found) hint = BlockNo{path.entry.block + path.entry.length};
  if (path.found && at.value != end_of(path.entry)) {
    const std::uint64_t gap = at.value - end_of(path.entry);
    if (gap < kRoomForHole && space.layout().is_data(hint + gap)) hint += gap;
  }
  const Run run = TRY(space.allocate(tx, {.want = want, .hint = hint}, file.inode));
  ExtentEntry entry{};
  entry.file_block = at.value;
  entry.block = run.start.value;
  entry.length = static_cast<std::uint32_t>(run.length);
  entry.flags = unwritten ? format::kUnwritten : 0;
  TRY(tree.add(entry));
  file.blocks += run.length;
  return Extent{.at = at, .block = run.start, .length = run.length, .unwritten = unwritten};
}

Result<bool> ExtentMap::shrink(const MapEdit& edit, FileBlock end) const {
  auto& [tx, space, file] = edit;
  ExtentEditor tree(edit);
  const std::uint64_t most = space.layout().bits_per_block();
  BlockNo leaf = kNoBlock;
  for (int runs = 0; runs < kRunsPerCall; ++runs) {
    const ExtentPath path = TRY(tree.seek(kExtentFileEnd - 1));
    // One leaf a call, so that the nodes changed are bounded.
    const bool done = !path.found || end_of(path.entry) <= end.value;
    if (done || (runs != 0 && path.leaf().block != leaf)) {
      if (runs != 0) TRY(tree.merge_sparse(end));
      return done;
    }
    leaf = path.leaf().block;
    const ExtentEntry& entry = path.entry;
    const std::uint64_t wanted = end.value > entry.file_block ? end.value - entry.file_block : 0;
    const std::uint64_t length = entry.length;
    const std::uint64_t keep = std::max(wanted, length - std::min(most, length));
    const Run freed{BlockNo{entry.block + keep}, length - keep};
    TRY(cut_out(tree, path, keep, length - keep));
    TRY(free_blocks(edit, freed));
  }
  TRY(tree.merge_sparse(end));
  return false;
}

Result<std::uint64_t> ExtentMap::punch(const MapEdit& edit, FileBlock from,
                                       std::uint64_t length) const {
  auto& [tx, space, file] = edit;
  ExtentEditor tree(edit, ExtentEditor::Change::kFrees);
  const std::uint64_t end = std::min(from.value + length, kExtentFileEnd.value);
  std::uint64_t at = from.value;
  BlockNo leaf = kNoBlock;
  for (int runs = 0; runs < kRunsPerCall && at < end;) {
    const ExtentPath path = TRY(tree.seek(FileBlock{at}));
    if (!path.covers(FileBlock{at})) {
      at = std::min(end, path.limit.value);
      continue;
    }
    if (runs++ != 0 && path.leaf().block != leaf) break;
    leaf = path.leaf().block;
    const std::uint64_t skip = at - path.entry.file_block;
    const std::uint64_t count =
        std::min(std::min(end, end_of(path.entry)) - at, space.layout().bits_per_block());
    const Run freed{BlockNo{path.entry.block + skip}, count};
    TRY(cut_out(tree, path, skip, count));
    TRY(free_blocks(edit, freed));
    at += count;
  }
  if (leaf) TRY(tree.merge_sparse(from));
  return at >= end ? length : at - from.value;
}

/// Zeroes the blocks of an unwritten extent, except [skip, skip + length), through the cache.
Result<> zero_around(const MapEdit& edit, const ExtentEntry& extent, std::uint64_t skip,
                     std::uint64_t length) {
  auto& [tx, space, file] = edit;
  BufferCache& cache = space.cache();
  for (std::uint64_t i = 0; i < extent.length; ++i) {
    if (i == skip) i += length;
    if (i >= extent.length) break;
    cache.mark_dirty(TRY(cache.blank(BlockNo{extent.block + i})), file.inode);
    if (i % kZeroedAtOnce == 0) TRY(cache.flush_file(file.inode));
  }
  TRY(cache.flush_file(file.inode));
  TRY(cache.flush_device());
  tx.order_data(file.inode);
  return {};
}

Result<> ExtentMap::mark_written(const MapEdit& edit, FileBlock from, std::uint64_t length) const {
  ExtentEditor tree(edit);
  ExtentPath path = TRY(tree.seek(from));
  const ExtentEntry whole = path.entry;
  const std::uint64_t skip = from.value - whole.file_block;
  if (!path.covers(from) || (whole.flags & format::kUnwritten) == 0 ||
      length > whole.length - skip || length == 0) {
    return Error{EINVAL, "not a part of one unwritten extent", Subject::inode(edit.file.inode)};
  }
  ExtentEntry written = part_of(whole, skip, length);
  written.flags = 0;
  if (skip != 0 || length != whole.length) {
    const Result<> room = tree.make_room(path, from, 2);
    if (!room.ok() && room.code() != ENOSPC) return room;
    if (!room.ok()) {
      // What was allocated must be writable even if there is no block for one more node.
      TRY(zero_around(edit, whole, skip, length));
      written = part_of(whole, 0, whole.length);
      written.flags = 0;
      return tree.update(TRY(tree.seek(from)), written);
    }
  } else if (path.leaf().count == 1) {
    // The only extent of a leaf is changed in place: the leaf is not freed and made again.
    return tree.update(path, written);
  }
  TRY(cut_out(tree, path, skip, length));
  TRY(tree.add(written));
  return tree.merge_sparse(from);
}

std::string text_of(const format::ExtentEntry& entry) {
  std::string text = "file block " + std::to_string(std::uint64_t{entry.file_block}) +
                     " at block " + std::to_string(std::uint64_t{entry.block}) + ", length " +
                     std::to_string(std::uint32_t{entry.length});
  if ((entry.flags & format::kUnwritten) != 0) text += ", unwritten";
  return text;
}

std::vector<RootField> ExtentMap::root_fields(std::span<const std::byte> root) const {
  const auto& tree = format::at<format::ExtentRoot>(root, 0);
  std::vector<RootField> fields = {{"level", std::uint64_t{tree.head.level}},
                                   {"count", std::uint64_t{tree.head.count}},
                                   {"node_count", tree.node_count}};
  const std::size_t count = std::min<std::size_t>(tree.head.count, format::kRootExtents);
  for (std::size_t i = 0; i < count; ++i)
    fields.push_back({"entry_" + std::to_string(i), text_of(tree.entries[i])});
  return fields;
}

std::optional<Run> ExtentMap::move_first_run(std::span<std::byte> root, BlockNo block) const {
  auto& tree = format::at<format::ExtentRoot>(root, 0);
  if (tree.head.level != 0 || tree.head.count == 0) return std::nullopt;
  tree.entries[0].block = block.value;
  return Run{block, tree.entries[0].length};
}

const ExtentMap kExtentMap;

}  // namespace

const FileMap& extent_map() {
  return kExtentMap;
}

}  // namespace spindle
