// contiguous: one run. It grows in place while the blocks behind it are free; else the file moves.

#include <algorithm>
#include <optional>
#include <vector>

#include "file_maps.h"

namespace spindle {
namespace {

using format::ContiguousRoot;

/// A file that moves is copied in pieces of this size, each written before the next is read, so
/// that the cache is not flooded.
constexpr std::uint64_t kCopyBytes = 1u << 20;

ContiguousRoot& root_of(MapFile& file) {
  return format::at<ContiguousRoot>(file.root, 0);
}

Result<Run> run_of(const format::Layout& layout, const MapFile& file) {
  const auto& root = format::at<ContiguousRoot>(std::span<const std::byte>(file.root), 0);
  const Run run{BlockNo{root.start}, root.length};
  if (run.length == 0 && !run.start) return run;
  if (!layout.is_data(run)) {
    return corrupt("the run of a contiguous file is impossible", Subject::inode(file.inode));
  }
  return run;
}

void set_run(MapFile& file, Run run) {
  root_of(file).start = run.length == 0 ? 0 : run.start.value;
  root_of(file).length = run.length;
}

class ContiguousMap final : public FileMap {
 public:
  [[nodiscard]] format::MapKind kind() const override { return format::MapKind::kContiguous; }
  [[nodiscard]] bool has_holes() const override { return false; }
  [[nodiscard]] bool has_several_runs() const override { return false; }
  [[nodiscard]] std::uint64_t max_file_blocks(const format::Layout& layout) const override {
    return layout.data(GroupNo{0}).length;
  }
  [[nodiscard]] std::size_t log_bytes_per_call(const format::Layout& layout) const override {
    // A whole file may move: its bits may lie over all of a group's bitmap, here and there.
    return log_cost::kAllocate + log_cost::kFree +
           2 * layout.bitmap_blocks_per_group * log_cost::kBitmapBlock;
  }
  Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file, FileBlock at,
                      std::uint64_t max) const override;
  Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                        NewBlocks blocks) const override;
  Result<bool> shrink(const MapEdit& edit, FileBlock end) const override;
  Result<> walk(const WalkContext& context, const MapFile& file,
                const MapVisitor& visitor) const override;
  [[nodiscard]] std::vector<RootField> root_fields(std::span<const std::byte> root) const override;
  std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const override;
};

Result<Extent> ContiguousMap::find(BlockReader&, SpaceManager& space, const MapFile& file,
                                   FileBlock at, std::uint64_t max) const {
  const Run run = TRY(run_of(space.layout(), file));
  if (at.value >= run.length) return Extent{.at = at, .block = kNoBlock, .length = max};
  return Extent{
      .at = at, .block = run.start + at.value, .length = std::min(max, run.length - at.value)};
}

/// Copies `count` blocks through the cache; all but a device flush is done when it returns.
Result<> copy(SpaceManager& space, InodeNo owner, BlockNo from, BlockNo to, std::uint64_t count) {
  BufferCache& cache = space.cache();
  const std::uint64_t most =
      std::clamp<std::uint64_t>(kCopyBytes / space.layout().block_size, 1, BufferCache::kMaxRange);
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t piece = std::min(most, count - done);
    const FrameReservation frames = cache.reserve(piece);
    const std::vector<BlockRef> source =
        TRY(cache.read_range({from + done, piece}, IoPurpose::kData));
    for (std::uint64_t i = 0; i < piece; ++i) {
      const BlockRef target = TRY(cache.replace(to + done + i));
      const auto bytes = source[i].bytes();
      std::copy(bytes.begin(), bytes.end(), target.writable().begin());
      cache.mark_dirty(target, owner);
    }
    TRY(cache.flush_file(owner));
    done += piece;
  }
  return {};
}

/// Finds a run for a file of `used` blocks that grows: with as much again in reserve if there is
/// one, otherwise with room for what is wanted, otherwise for one block more.
Result<Run> find_new_home(const MapEdit& edit, std::uint64_t used, std::uint64_t want,
                          std::uint64_t most) {
  auto& [tx, space, file] = edit;
  const std::uint64_t lengths[] = {std::min(most, 2 * (used + want)), used + want, used + 1};
  for (const std::uint64_t length : lengths) {
    Result<Run> run = space.allocate(
        tx, {.want = length, .hint = space.hint_for(file.inode), .must_be_whole = true});
    if (run.ok() || run.code() != ENOSPC) return run;
  }
  return Error{ENOSPC, "no free run is long enough for the contiguous file",
               Subject::inode(file.inode)};
}

/// Moves the file, `used` blocks of which have content, to a longer run.
Result<Run> move(const MapEdit& edit, Run old, std::uint64_t used, std::uint64_t want,
                 std::uint64_t most) {
  auto& [tx, space, file] = edit;
  const Run home = TRY(find_new_home(edit, used, want, most));
  TRY(copy(space, file.inode, old.start, home.start, used));
  // The copy must be durable before the root says that it is the file.
  TRY(space.cache().flush_device());
  file.blocks += home.length;
  set_run(file, home);
  TRY(free_blocks(edit, old));
  return home;
}

Result<Extent> ContiguousMap::extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                                     NewBlocks) const {
  auto& [tx, space, file] = edit;
  const std::uint64_t most = max_file_blocks(space.layout());
  if (at.value >= most) return Error{EFBIG, "the file is too large", Subject::inode(file.inode)};
  want = std::min(want, most - at.value);
  Run run = TRY(run_of(space.layout(), file));
  CHECK(at.value <= run.length);
  if (run.length == 0) {
    const FitRequest request{
        .want = want, .hint = space.hint_for(file.inode), .must_be_whole = true};
    Result<Run> whole = space.allocate(tx, request, file.inode);
    if (whole.code() == ENOSPC) {
      whole = space.allocate(tx, {.want = want, .hint = request.hint});
    }
    run = TRY(std::move(whole));
    file.blocks += run.length;
  } else if (at.value == run.length) {
    const Run more = TRY(space.allocate_at(tx, run.end(), want));
    file.blocks += more.length;
    run.length += more.length;
    if (more.length == 0) run = TRY(move(edit, run, at.value, want, most));
  }
  set_run(file, run);
  return Extent{
      .at = at, .block = run.start + at.value, .length = std::min(want, run.length - at.value)};
}

Result<bool> ContiguousMap::shrink(const MapEdit& edit, FileBlock end) const {
  auto& [tx, space, file] = edit;
  const Run run = TRY(run_of(space.layout(), file));
  if (end.value >= run.length) return true;
  set_run(file, {run.start, end.value});
  TRY(free_blocks(edit, {run.start + end.value, run.length - end.value}));
  return true;
}

Result<> ContiguousMap::walk(const WalkContext& context, const MapFile& file,
                             const MapVisitor& visitor) const {
  const Run run = TRY(run_of(context.layout, file));
  if (run.length == 0) return {};
  return visitor.data({.at = FileBlock{0}, .block = run.start, .length = run.length});
}

std::vector<RootField> ContiguousMap::root_fields(std::span<const std::byte> root) const {
  const auto& fields = format::at<ContiguousRoot>(root, 0);
  return {{"start", fields.start}, {"length", fields.length}};
}

std::optional<Run> ContiguousMap::move_first_run(std::span<std::byte> root, BlockNo block) const {
  auto& fields = format::at<ContiguousRoot>(root, 0);
  fields.start = block.value;
  return Run{block, fields.length};
}

const ContiguousMap kContiguousMap;

}  // namespace

const FileMap& contiguous_map() {
  return kContiguousMap;
}

}  // namespace spindle
