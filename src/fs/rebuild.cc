#include "rebuild.h"

#include <algorithm>
#include <utility>

#include "names.h"
#include "spindle/fs/file_system.h"
#include "spindle/thread/thread.h"
#include "virtual_xattr.h"
#include "xattr.h"

namespace spindle {
namespace {

constexpr std::uint64_t kCopyBytes = 1u << 20;
constexpr std::uint64_t kBytesBetweenLooks = 64u << 20;  ///< for an interruption

/// The inode in which the content is built.
Result<NodeRef> make_hidden(Volume& volume, const Node& node, format::MapKind kind) {
  Change change = TRY(Change::begin(
      volume, Change::kInodeLogBytes + log_cost::kAllocateInode + OrphanList::kLogBytes));
  const InodeNo number =
      TRY(volume.space->allocate_inode(change.tx, node.number, InodeFor::kOther));
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

/// Copies `count` blocks' content, from `block` on, to byte `to` of the new file.
Result<> copy_blocks(Volume& volume, Node& into, const ContentShape& from_shape, Run run,
                     std::uint64_t skip, std::uint64_t count, std::uint64_t to) {
  std::vector<std::byte> buffer;
  const std::uint64_t blocks_at_once =
      std::max<std::uint64_t>(1, kCopyBytes / from_shape.content_size);
  while (count > 0) {
    const Run part{run.start, std::min(run.length, blocks_at_once)};
    buffer.clear();
    {
      const FrameReservation frames = volume.cache->reserve(part.length);
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
    TRY(write_content(volume, into, to, buffer, Setuid::kKeep));
    to += buffer.size();
    count -= buffer.size();
    run = {run.start + part.length, run.length - part.length};
  }
  return {};
}

/// Copies what of one extent of the old content the plan keeps.
Result<> copy_extent(Volume& volume, Node& into, const ContentShape& shape, const Extent& extent,
                     const RebuildPlan& plan) {
  if (extent.is_hole() || extent.unwritten) return {};
  const std::uint64_t start = shape.start_of(extent.at);
  const std::uint64_t end = shape.start_of(extent.at + extent.length);
  for (const Move& move : plan.moves) {
    const std::uint64_t last = std::min(end, move.from + move.length);
    for (std::uint64_t from = std::max(start, move.from); from < last;) {
      TRY(go_on(plan.interruption));
      const std::uint64_t until = std::min(last, from + kBytesBetweenLooks);
      const std::uint64_t skipped = shape.block_of(from) - extent.at;
      const FileBlock first = extent.at + skipped;
      TRY(copy_blocks(volume, into, shape, {extent.block + skipped, extent.length - skipped},
                      from - shape.start_of(first), until - from, move.to + (from - move.from)));
      from = until;
    }
  }
  return {};
}

Result<> build(Volume& volume, Node& node, Node& into, const RebuildPlan& plan) {
  const Content content = TRY(Content::of(volume, node));
  const FileMap::WalkContext context{
      .reader = *volume.reader, .layout = volume.layout, .fat_entry = [&](BlockNo block) {
        return volume.space->fat_entry(*volume.reader, block);
      }};
  TRY(content.map->walk(context, map_to_read(node), {.data = [&](const Extent& extent) {
                          return copy_extent(volume, into, content, extent, plan);
                        }}));
  if (into.inode.size == plan.size) return {};
  TRY(go_on(plan.interruption));
  // The rest reads as zeros; a map that cannot leave them out writes them.
  return set_size(
      volume, into, plan.size, [](format::Inode&) {}, plan.interruption);
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
  // Where the blocks lie is nobody's concern: moving them changes no times.
  if (plan.changes_content || file.map_kind != other.map_kind) file.changed = now;
  if (plan.changes_content) file.modified = now;
  change.touches_content(*node);
  if (plan.size != 0) change.tx.order_data(node->number);
  TRY(change.commit());
  volume.space->forget(node->number);
  return {};
}

/// A map without blocks is the same in each kind: a root of zeros. So nothing has to be reserved,
/// which may be impossible.
Result<bool> convert_if_without_blocks(Volume& volume, const NodeRef& node, format::MapKind kind) {
  Change change = TRY(Change::begin(volume, Change::kInodeLogBytes));
  change.lock({node});
  const bool has_blocks = node->inode.blocks != TRY(count_xattr_blocks(volume, *node));
  if (has_blocks || node->inode.size != 0) return false;
  format::Inode& file = change.edit(*node);
  std::ranges::fill(file.map_root, std::byte{});
  file.map_kind = static_cast<std::uint8_t>(kind);
  file.changed = to_disk(volume.now());
  change.touches_content(*node);
  TRY(change.commit());
  volume.space->forget(node->number);
  return true;
}

/// Gives a file other blocks while others read and write it. Its copy is built in a hidden inode,
/// which nobody else can reach, so that its lock is not needed; what is written to a part that is
/// copied already is copied again.
class Relocation {
 public:
  Relocation(Volume& volume, const NodeRef& node, std::unique_lock<thread::Mutex>& held,
             const ContentShape& shape, const std::vector<Extent>& extents)
      : volume_(volume),
        node_(node),
        held_(held),
        shape_(shape),
        extents_(extents),
        plan_{.kind = node->map_kind(), .size = node->inode.size, .moves = {}} {
    node->watch = &watch_;
  }
  ~Relocation() { node_->watch = nullptr; }
  Relocation(const Relocation&) = delete;
  Relocation& operator=(const Relocation&) = delete;

  /// Each says false if what has been built has become useless.
  Result<bool> map();
  Result<bool> copy();
  Result<bool> catch_up();
  Result<> exchange() { return spindle::exchange(volume_, node_, hidden_, plan_); }
  [[nodiscard]] Node& copied() { return *hidden_; }

 private:
  bool pause();
  [[nodiscard]] Content hidden_content() const { return {shape_, volume_, *hidden_}; }
  Result<bool> map_as_before(FileBlock from, FileBlock to, NewBlocks blocks);
  Result<bool> copy_bytes(std::uint64_t from, std::uint64_t to);

  Volume& volume_;
  const NodeRef& node_;
  std::unique_lock<thread::Mutex>& held_;
  const ContentShape& shape_;
  const std::vector<Extent>& extents_;  ///< of the file, in its order
  RebuildPlan plan_;
  NodeRef hidden_;
  ChangeWatch watch_;
};

// Lets the threads that wait for the file go on.
bool Relocation::pause() {
  held_.unlock();
  thread::yield();
  held_.lock();
  return !watch_.was_mapped_anew;
}

// Maps [from, to), without content as yet.
Result<bool> Relocation::map_as_before(FileBlock from, FileBlock to, NewBlocks blocks) {
  const Content content = hidden_content();
  while (from < to) {
    TRY(volume_.cache->throttle());
    Change change = TRY(content.begin_change(8));
    do {
      from += TRY(content.add_blocks(change, from, to - from, blocks)).length;
    } while (from < to && content.has_room_for_call(change.tx));
    TRY(change.commit_part());
    if (from < to && !pause()) return false;
  }
  return true;
}

// Maps what the extents map. What lies beyond the end must read as zeros there, too, except the
// reserve of a map without holes, which is mapped in one go with what precedes it.
Result<bool> Relocation::map() {
  hidden_ = TRY(make_hidden(volume_, *node_, plan_.kind));
  const FileBlock end{shape_.blocks_for(plan_.size)};
  for (const Extent& extent : extents_) {
    const FileBlock last = extent.at + extent.length;
    const FileBlock content_end = shape_.map->has_holes() ? std::clamp(end, extent.at, last) : last;
    const NewBlocks blocks = extent.unwritten ? NewBlocks::kUnwritten : NewBlocks::kWritten;
    if (!TRY(map_as_before(extent.at, content_end, blocks))) return false;
    if (content_end < last) TRY(hidden_content().map_range(content_end, last));
  }
  return true;
}

// Copies the bytes in pieces; between them, but not at the end, others may go on.
Result<bool> Relocation::copy_bytes(std::uint64_t from, std::uint64_t to) {
  to = std::min(to, plan_.size);
  while (from < to) {
    const std::uint64_t until = std::min(to, from + kCopyBytes);
    plan_.moves = {{from, until - from, from}};
    auto extent = std::ranges::upper_bound(extents_, shape_.block_of(from), {}, &Extent::at);
    if (extent != extents_.begin()) --extent;
    for (; extent != extents_.end() && shape_.start_of(extent->at) < until; ++extent) {
      TRY(copy_extent(volume_, *hidden_, shape_, *extent, plan_));
    }
    from = until;
    if (from < to && !pause()) return false;
  }
  return true;
}

Result<bool> Relocation::copy() {
  if (!TRY(copy_bytes(0, plan_.size))) return false;
  if (hidden_->inode.size != plan_.size) {
    TRY(set_size(volume_, *hidden_, plan_.size, [](format::Inode&) {}));
  }
  return true;
}

// Copies again what was written meanwhile. If writes keep coming for too many rounds, it gives up.
Result<bool> Relocation::catch_up() {
  constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds; ++round) {
    const bool is_much = watch_.bytes() > kCopyBytes;
    const std::vector<ChangeWatch::Range> written = std::exchange(watch_.written, {});
    for (const auto& [from, to] : written) {
      if (!TRY(copy_bytes(from, to)) || (is_much && !pause())) return false;
    }
    if (watch_.written.empty()) return true;
  }
  return false;
}

}  // namespace

Result<bool> relocate(Volume& volume, const NodeRef& node, std::unique_lock<thread::Mutex>& held,
                      std::span<const Run> runs, const std::vector<Extent>& extents,
                      const std::function<bool(const std::vector<Extent>& extents)>& suits) {
  if (!volume.space->set_aside(node->number, runs)) return false;
  const auto mapped_and_copied = [&](Relocation& relocation) -> Result<bool> {
    const Result<bool> mapped = relocation.map();
    volume.space->forget(node->number);
    if (!TRY(mapped)) return false;
    if (!suits(TRY(describe_map_of(volume, relocation.copied(), SIZE_MAX)).extents)) return false;
    if (!TRY(relocation.copy())) return false;
    return relocation.catch_up();
  };
  const ContentShape shape = TRY(ContentShape::of(volume, node->number, node->map_kind()));
  Relocation relocation(volume, node, held, shape, extents);
  if (!TRY(mapped_and_copied(relocation))) return false;
  TRY(relocation.exchange());
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

Result<> set_blocks_aside(Volume& volume, const NodeRef& node) {
  const Result<NodeRef> hidden = make_hidden(volume, *node, node->map_kind());
  if (hidden.code() == ENOSPC) return {};
  return exchange(volume, node, TRY(hidden), {.kind = node->map_kind(), .moves = {}});
}

Result<> convert(Volume& volume, const NodeRef& node, format::MapKind kind,
                 const Interruption* interruption) {
  if (node->map_kind() == kind) return {};
  const ContentShape shape = TRY(ContentShape::of(volume, node->number, kind));
  const std::uint64_t size = node->inode.size;
  TRY(check_size(node->number, shape, 0, size));
  if (size != 0 || !TRY(convert_if_without_blocks(volume, node, kind)))
    TRY(rebuild(
        volume, node,
        {.kind = kind, .size = size, .moves = {{0, size, 0}}, .interruption = interruption}));
  ++volume.conversions;
  return {};
}

}  // namespace spindle
