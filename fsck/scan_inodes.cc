// Pass 1: each inode by itself: whether it makes sense, whether its map can be read, who owns each
// block.
//
// The first inode that claims a block keeps it; a later claim is repaired by a copy.

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "fsck/map_repair.h"
#include "fsck/volume_facts.h"
#include "fsck/xattr_check.h"
#include "spindle/base/limits.h"
#include "spindle/format/map.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::Inode;
using format::MapKind;

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kTableBlocksAtOnce = 64;

bool is_known_type(std::uint16_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return true;
    default:
      return false;
  }
}

bool map_fits_type(const Inode& inode) {
  const auto kind = static_cast<MapKind>(inode.map_kind);
  const std::uint16_t mode = inode.mode;
  if (S_ISDIR(mode)) return kind == MapKind::kExtent;
  if (S_ISREG(mode)) return file_map(kind) != nullptr;
  if (S_ISLNK(mode)) {
    return kind == MapKind::kExtent ||
           (kind == MapKind::kInline && inode.size <= format::kMapRootSize && inode.size != 0);
  }
  return kind == MapKind::kInline;
}

/// One inode under examination: a copy of it, written back once if anything has changed.
class InodeCheck {
 public:
  InodeCheck(VolumeFacts& volume, InodeNo number, const Inode& inode)
      : volume_(volume), number_(number), inode_(inode) {}

  Result<> run() {
    if (!is_known_type(inode_.mode)) return clear_if(found(Problem::kInodeGarbage));
    if (number_ == format::kLostFoundInode && !S_ISDIR(inode_.mode)) {
      return clear_if(found(Problem::kInodeGarbage, "it can only be /lost+found"));
    }
    if (!map_fits_type(inode_)) return clear_if(found(Problem::kMapKind));
    check_fields();
    if (static_cast<MapKind>(inode_.map_kind) != MapKind::kInline) check_map();
    check_attributes();
    if (inode_.blocks != blocks_ && is_sound_ &&
        found(Problem::kBlockCount, std::to_string(std::uint64_t{inode_.blocks}) + ", should be " +
                                        std::to_string(blocks_))) {
      inode_.blocks = blocks_;
      changed_ = true;
    }
    if (changed_) TRY(volume_.disk.write_inode(number_, inode_));
    if (rewrite_) volume_.rewrites.push_back(std::move(*rewrite_));
    note();
    return {};
  }

 private:
  bool found(Problem problem, const std::string& detail = {}) {
    return volume_.report.problem(problem, Place::of(number_), detail);
  }

  Result<> clear_if(bool repair) {
    return repair ? volume_.disk.clear_inode(number_, inode_) : Result<>{};
  }

  void check_fields() {
    for (auto* time : {&inode_.accessed, &inode_.modified, &inode_.changed, &inode_.born}) {
      if (time->nanoseconds < kNanosecondsPerSecond) continue;
      if (found(Problem::kInodeTime)) {
        time->nanoseconds = 0;
        changed_ = true;
      }
    }
    check_reserved();
    if (!S_ISDIR(inode_.mode) && inode_.parent != 0 &&
        volume_.content_owner(number_, inode_) == number_ &&
        found(Problem::kInodeReserved, "parent")) {
      inode_.parent = 0;
      changed_ = true;
    }
    if (inode_.next_orphan != 0 && !volume_.orphans.contains(number_.value) &&
        found(Problem::kInodeReserved, "next_orphan")) {
      inode_.next_orphan = 0;
      changed_ = true;
    }
  }

  void check_reserved() {
    const auto is_zero = [](std::byte byte) { return byte == std::byte{}; };
    const bool is_kind = inode_.child_map_kind == 0 ||
                         file_map(static_cast<MapKind>(inode_.child_map_kind)) != nullptr;
    if (inode_.flags == 0 && is_kind && std::ranges::all_of(inode_.reserved, is_zero)) return;
    if (!found(Problem::kInodeReserved, is_kind ? "" : "child_map_kind")) return;
    inode_.flags = 0;
    std::ranges::fill(inode_.reserved, std::byte{});
    if (!is_kind) inode_.child_map_kind = 0;
    changed_ = true;
  }

  /// The root of a tree of extents counts the tree's nodes.
  [[nodiscard]] std::optional<Error> miscounted(const MapPieces& pieces) {
    if (static_cast<MapKind>(inode_.map_kind) != MapKind::kExtent) return std::nullopt;
    const auto& root = format::at<format::ExtentRoot>(std::span<std::byte>(inode_.map_root), 0);
    if (root.node_count == pieces.nodes.size()) return std::nullopt;
    return corrupt("its count of nodes is wrong");
  }

  /// A map that must be written anew waits until all claims are known: only then is it certain
  /// which blocks are free.
  void check_map() {
    MapPieces pieces = read_map(volume_, number_, inode_);
    if (!pieces.damage) pieces.damage = miscounted(pieces);
    bool repair = pieces.damage && found(Problem::kMapDamaged, pieces.damage->describe());
    MapRewrite rewrite;
    const bool is_shared = !claim(pieces, rewrite);
    if (is_shared && found(Problem::kMapShared)) repair = true;
    is_sound_ = !pieces.damage && !is_shared;
    blocks_ = pieces.nodes.size();
    for (const Extent& extent : pieces.extents) blocks_ += extent.length;
    if (repair) {
      rewrite_ = std::move(rewrite);
    } else if (static_cast<MapKind>(inode_.map_kind) == MapKind::kFat) {
      for_each_block(pieces.extents, [&](BlockNo block) { volume_.in_fat.add(block); });
    }
    check_size(pieces);
  }

  template <class F>
  static void for_each_block(const std::vector<Extent>& extents, F&& f) {
    for (const Extent& extent : extents) {
      for (std::uint64_t i = 0; i < extent.length; ++i) f(extent.block + i);
    }
  }

  /// Takes the map's blocks for this inode, and notes in `rewrite` which of them it may keep. False
  /// if somebody else has one of them.
  bool claim(const MapPieces& pieces, MapRewrite& rewrite) {
    rewrite.inode = number_;
    for (const auto& [block, kind] : pieces.nodes) {
      if (volume_.used.add(block)) rewrite.own_nodes.push_back(block);
    }
    for (const Extent& extent : pieces.extents) {
      for (const BlockNo block : volume_.used.add(Run{extent.block, extent.length}))
        rewrite.shared.insert(block.value);
    }
    return rewrite.shared.empty() && rewrite.own_nodes.size() == pieces.nodes.size();
  }

  /// Strategies without holes must have a block for each byte of the file. Those with holes allow
  /// almost any size; one that is impossible says nothing, so the file ends with its last block.
  void check_size(const MapPieces& pieces) {
    const FileMap* map = file_map(static_cast<MapKind>(inode_.map_kind));
    const std::uint64_t content = map->content_size(volume_.layout.block_size);
    std::uint64_t mapped = 0;
    for (const Extent& extent : pieces.extents)
      mapped = std::max(mapped, (extent.at.value + extent.length) * content);
    std::uint64_t most = map->has_holes() ? map->max_file_blocks(volume_.layout) * content : mapped;
    if (S_ISLNK(inode_.mode)) most = std::min<std::uint64_t>(most, kMaxSymlinkLength);
    if (inode_.size > most && !S_ISDIR(inode_.mode) && is_sound_ &&
        found(Problem::kSize, std::to_string(std::uint64_t{inode_.size}) + " bytes, at most " +
                                  std::to_string(most))) {
      inode_.size = std::min(most, mapped);
      changed_ = true;
    }
  }

  void check_attributes() {
    if (inode_.xattr_block == 0) return;
    auto chain = check_xattrs(volume_, number_, BlockNo{inode_.xattr_block});
    bool good = chain.ok();
    if (good) {
      for (const BlockNo block : *chain) good &= !volume_.used.contains(block);
    }
    if (good) {
      for (const BlockNo block : *chain) volume_.used.add(block);
      blocks_ += chain->size();
      if (rewrite_) rewrite_->xattr_blocks = chain->size();
      return;
    }
    if (found(Problem::kXattrs,
              chain.ok() ? "a block belongs to another" : chain.error().describe())) {
      inode_.xattr_block = 0;
      changed_ = true;
    } else {
      is_sound_ = false;
    }
  }

  void note() {
    InodeFacts& facts = volume_.facts(number_);
    facts.mode = inode_.mode;
    facts.links = inode_.links;
    facts.parent = inode_.parent;
    if (S_ISDIR(inode_.mode)) volume_.directories.push_back(number_);
  }

  VolumeFacts& volume_;
  InodeNo number_;
  Inode inode_;
  bool changed_ = false;
  bool is_sound_ = true;  ///< map and attributes are: else block count and size mean nothing yet
  std::uint64_t blocks_ = 0;
  std::optional<MapRewrite> rewrite_;
};

/// A new file that takes a free inode relies on what the last file left in it.
Result<> check_free(VolumeFacts& volume, InodeNo number, const Inode& inode) {
  Inode empty{};
  empty.generation = inode.generation;
  if (std::memcmp(&inode, &empty, sizeof empty) == 0) return {};
  if (!volume.report.problem(Problem::kInodeReserved, Place::of(number), "it is free")) return {};
  return volume.disk.clear_inode(number, inode);
}

/// An inode on the list of orphans, if it can be one.
std::optional<Inode> read_orphan(VolumeFacts& volume, InodeNo number) {
  if (!volume.layout.is_inode(number) || volume.orphans.contains(number.value)) return std::nullopt;
  const GroupNo group = volume.layout.group_of(number);
  const auto place = volume.layout.inode_place(number);
  const BlockNo written_end =
      volume.layout.inode_table(group).start + volume.written_inode_blocks[group.value];
  if (place.block >= written_end) return std::nullopt;
  const auto inode = volume.disk.read_inode(number);
  return inode.ok() && inode->mode != 0 ? std::optional(*inode) : std::nullopt;
}

/// Ends the list with this inode; with kNoInode the list becomes empty.
Result<> end_orphans(VolumeFacts& volume, InodeNo last) {
  if (last) {
    Inode inode = TRY(volume.disk.read_inode(last));
    inode.next_orphan = 0;
    return volume.disk.write_inode(last, inode);
  }
  Block block = TRY(volume.disk.read_copy(volume.layout.state(), BlockKind::kState));
  format::at<format::State>(block, format::kHeaderSize).orphan_head = 0;
  return volume.disk.write(volume.layout.state(), block);
}

/// What a crash left on the list is no damage: the next mount frees or truncates it. So the list
/// stays, up to the first inode that cannot be an orphan.
Result<> read_orphans(VolumeFacts& volume) {
  const BlockView state = TRY(volume.disk.read(volume.layout.state(), BlockKind::kState));
  InodeNo last = kNoInode;
  InodeNo next{state.at<format::State>(format::kHeaderSize).orphan_head};
  while (next) {
    const auto inode = read_orphan(volume, next);
    if (!inode) {
      const bool repair = volume.report.problem(Problem::kOrphanList, "state block");
      return repair ? end_orphans(volume, last) : Result<>{};
    }
    volume.orphans.insert(next.value);
    last = next;
    next = InodeNo{inode->next_orphan};
  }
  return {};
}

/// A table block whose checksum is wrong may still hold good inodes: each is judged by itself.
Result<std::optional<Block>> read_table_block(VolumeFacts& volume, BlockNo number) {
  auto good = volume.disk.read_copy(number, BlockKind::kInodeTable);
  if (good.ok()) return std::optional(std::move(good).take());
  if (!volume.report.problem(Problem::kInodeTableBlock, Place::of(number),
                             good.error().describe())) {
    return std::optional<Block>();
  }
  auto raw = volume.disk.read_raw(number);
  Block block = raw.ok() ? std::move(raw).take() : Block(volume.layout.block_size);
  std::fill_n(block.begin(), format::kHeaderSize, std::byte{});
  format::begin_block(block, BlockKind::kInodeTable, 0);
  TRY(volume.disk.write(number, block));
  return std::optional(std::move(block));
}

Result<> scan_table_block(VolumeFacts& volume, BlockNo number, InodeNo first) {
  const auto block = TRY(read_table_block(volume, number));
  if (!block) return {};
  for (std::uint32_t i = 0; i < volume.layout.inodes_per_block(); ++i) {
    const auto& inode = format::at<Inode>(std::span<const std::byte>(*block),
                                          format::kHeaderSize + i * sizeof(Inode));
    if (inode.mode == 0) {
      TRY(check_free(volume, first + i, inode));
    } else {
      TRY(InodeCheck(volume, first + i, inode).run());
    }
  }
  return {};
}

Result<> read_group_table(VolumeFacts& volume) {
  const format::Layout& layout = volume.layout;
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    const GroupNo group{g};
    volume.written_inode_blocks[g] = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        TRY(volume.disk.read_descriptor(group)).inode_blocks_written, layout.inode_table_blocks()));
  }
  return {};
}

}  // namespace

Result<> scan_inodes(VolumeFacts& volume) {
  volume.tell(1, 0, 1);
  TRY(read_group_table(volume));
  TRY(read_orphans(volume));
  for (std::uint64_t g = 0; g < volume.layout.group_count; ++g) {
    const Run table = volume.layout.inode_table(GroupNo{g});
    const std::uint64_t written = volume.written_inode_blocks[g];
    for (std::uint64_t i = 0; i < written; ++i) {
      if (i % kTableBlocksAtOnce == 0)
        volume.disk.read_ahead({{table.start + i, std::min(kTableBlocksAtOnce, written - i)}});
      const InodeNo first{g * volume.layout.inodes_per_group +
                          i * volume.layout.inodes_per_block() + 1};
      TRY(scan_table_block(volume, table.start + i, first));
      volume.tell(1, first.value, volume.layout.inode_count());
    }
  }
  return {};
}

}  // namespace spindle::fsck
