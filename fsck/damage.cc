#include "fsck/damage.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "fsck/check_volume.h"
#include "fsck/directory_tree.h"
#include "fsck/map_repair.h"
#include "fsck/name_index.h"
#include "spindle/base/random.h"
#include "spindle/device/overlay_device.h"
#include "spindle/journal/replay.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::Inode;
using format::MapKind;

constexpr const char* kNoFile = "the volume has no file";
constexpr const char* kNoDirectory = "the volume has no directory but the first two";
constexpr std::size_t kMostTries = 64;  // for a file whose map can be damaged so

/// One file with its blocks, as a candidate.
struct File {
  InodeNo number;
  Inode inode;
  MapPieces pieces;
};

bool is_of_file(const Name& name) {
  return name.type == S_IFREG >> 12;
}

class Damage {
 public:
  Damage(BlockDevice& device, const format::Superblock& superblock, const format::Layout& layout,
         std::uint64_t seed)
      : layout_(layout),
        disk_(device, layout),
        volume_(disk_, silent_, superblock, Progress{}),
        names_(volume_),
        random_(seed) {}

  /// Collects what could be damaged.
  Result<> survey() {
    TRY(replay(disk_.device(), layout_));
    TRY(scan_inodes(volume_));
    TRY(scan_directories(volume_));
    return volume_.each_inode([this](InodeNo number, const InodeFacts& facts) -> Result<> {
      if (!S_ISREG(facts.mode) || volume_.is_deleted(number)) return {};
      File file{number, TRY(disk_.read_inode(number)), {}};
      file.pieces = read_map(volume_, number, file.inode);
      if (!file.pieces.extents.empty()) files_.push_back(std::move(file));
      return {};
    });
  }

  Result<DamageAnswer> cross_link() {
    for (std::size_t tries = 0; tries < kMostTries && files_.size() >= 2; ++tries) {
      File& victim = pick(files_);
      const File& other = pick(files_);
      if (victim.number == other.number) continue;
      const BlockNo block = other.pieces.extents.front().block;
      if (!point_at(victim.inode, block, true)) continue;
      about(victim.number, "its map leads to block " + number(block) + ", which belongs to " +
                               shown(other.number) + ": the two are cross-linked");
      return write_inode(victim.number, victim.inode);
    }
    return nothing("the volume has no two files with blocks that could share one");
  }

  Result<DamageAnswer> bad_map() {
    for (std::size_t tries = 0; tries < kMostTries && !files_.empty(); ++tries) {
      File& victim = pick(files_);
      const BlockNo beyond{layout_.block_count + random_.below(layout_.block_count)};
      if (!point_at(victim.inode, beyond, false)) continue;
      about(victim.number,
            "its map leads to block " + number(beyond) + ", which lies outside of the volume");
      return write_inode(victim.number, victim.inode);
    }
    return nothing("the volume has no file with blocks");
  }

  Result<DamageAnswer> lost_block() {
    const std::vector<Run> runs = blocks_with_bitmaps();
    for (int tries = 0; tries < 10'000 && !runs.empty(); ++tries) {
      const Run run = pick(runs);
      const BlockNo block = run.start + random_.below(run.length);
      if (volume_.used.contains(block)) continue;
      answer_.what =
          "Block " + number(block) + " is marked as in use, but no file has it: its space is lost.";
      return flip_bit(block);
    }
    return nothing("the volume has no free block");
  }

  Result<DamageAnswer> bad_bitmap() {
    if (files_.empty()) return nothing("the volume has no file with blocks");
    const File& file = pick(files_);
    const Extent& extent = pick(file.pieces.extents);
    const BlockNo block = extent.block + random_.below(extent.length);
    about(file.number, "its block " + number(block) +
                           " is marked as free: it could be given to another file as well");
    return flip_bit(block);
  }

  Result<DamageAnswer> bad_link_count() {
    const InodeNo chosen = TRY(any_inode([](const InodeFacts&) { return true; }, kNoFile));
    Inode inode = TRY(disk_.read_inode(chosen));
    const std::uint32_t before = inode.links;
    inode.links = random_.one_in(2) || before == 0
                      ? before + 1 + static_cast<std::uint32_t>(random_.below(5))
                      : before - 1;
    about(chosen, "its link count is " + std::to_string(std::uint32_t{inode.links}) + " and was " +
                      std::to_string(before));
    return write_inode(chosen, inode);
  }

  Result<DamageAnswer> bad_size() {
    if (files_.empty()) return nothing("the volume has no file with blocks");
    File& file = pick(files_);
    const std::uint64_t before = file.inode.size;
    file.inode.size = before + (std::uint64_t{1} << 44);
    about(file.number,
          "its size was " + std::to_string(before) + " bytes, and is larger by 16 TiB");
    return write_inode(file.number, file.inode);
  }

  Result<DamageAnswer> bad_parent() {
    const InodeNo chosen = TRY(any_inode(
        [](const InodeFacts& facts) { return S_ISDIR(facts.mode) && facts.named_by != 0; },
        kNoDirectory));
    Inode inode = TRY(disk_.read_inode(chosen));
    const std::uint64_t before = inode.parent;
    inode.parent = chosen.value;
    about(chosen, "its parent (..) is itself, and was inode " + std::to_string(before));
    return write_inode(chosen, inode);
  }

  /// Makes a chain of blocks that goes in a circle, or a directory that contains itself.
  Result<DamageAnswer> loop() {
    for (std::size_t tries = 0; tries < kMostTries && !files_.empty(); ++tries) {
      const File& file = pick(files_);
      const BlockNo first = file.pieces.extents.front().block;
      const BlockNo last = nth_from_end(file, 0);
      if (first == last) continue;
      const std::string then = " is followed by its first, " + number(first);
      if (static_cast<MapKind>(file.inode.map_kind) == MapKind::kFat) {
        about(file.number, "in the FAT its last block " + number(last) + then);
        return set_fat_next(last, first);
      }
      if (static_cast<MapKind>(file.inode.map_kind) == MapKind::kLinked) {
        // The inode says which block is the last: the last block's own link has no meaning.
        const BlockNo before = nth_from_end(file, 1);
        about(file.number, "its last block but one, " + number(before) + "," + then);
        return set_link_next(before, first);
      }
    }
    return directory_loop();
  }

  Result<DamageAnswer> orphan() {
    return edit_name(is_of_file,
                     [this](std::vector<Name>& names, std::size_t index, InodeNo directory) {
                       about(names[index].inode, "its name was taken out of inode " +
                                                     std::to_string(directory.value) +
                                                     ": it is in use, and nothing leads to it");
                       names.erase(names.begin() + static_cast<std::ptrdiff_t>(index));
                     });
  }

  Result<DamageAnswer> dangling_name() {
    InodeNo unused{layout_.inode_count()};
    while (unused.value > 2 && volume_.in_use(unused)) unused = InodeNo{unused.value - 1};
    return edit_name(
        is_of_file, [this, unused](std::vector<Name>& names, std::size_t index, InodeNo) {
          about(names[index].inode,
                "its name leads to inode " + std::to_string(unused.value) + ", which is free");
          names[index].inode = unused;
        });
  }

  Result<DamageAnswer> wrong_type() {
    return edit_name(is_of_file, [this](std::vector<Name>& names, std::size_t index, InodeNo) {
      about(names[index].inode, "its name says that it is a FIFO");
      names[index].type = S_IFIFO >> 12;
    });
  }

  /// A write that never reached the disk: the block is as it was before its newest inode was made.
  Result<DamageAnswer> stale() {
    const InodeNo chosen =
        TRY(any_inode([](const InodeFacts& facts) { return S_ISREG(facts.mode); }, kNoFile));
    const auto inode = TRY(disk_.read_inode(chosen));
    about(chosen,
          "the block of its inode is an older version, from before the file was made, as "
          "if the last write to it had never reached the disk");
    answer_.blocks.push_back(layout_.inode_place(chosen).block);
    TRY(disk_.clear_inode(chosen, inode));
    return answer_;
  }

  Result<DamageAnswer> bit_flip() {
    const std::vector<BlockNo> blocks = metadata();
    const BlockNo block = blocks[random_.below(blocks.size())];
    Block bytes = TRY(disk_.read_raw(block));
    const std::uint64_t bit = random_.below(std::uint64_t{layout_.block_size} * 8);
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
    answer_.what = "Bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8) +
                   " in the metadata block " + number(block) +
                   " is flipped, so that its checksum is wrong.";
    return write_raw(block, bytes);
  }

  Result<DamageAnswer> superblock() {
    const BlockNo block = layout_.superblock();
    Block bytes = TRY(disk_.read_raw(block));
    const std::size_t begin = layout_.superblock_offset();
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), sizeof(format::Superblock),
                std::byte{});
    answer_.what = "The superblock, in block " + number(block) + ", is all zeros.";
    return write_raw(block, bytes);
  }

  Result<DamageAnswer> journal() {
    Block bytes(layout_.block_size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_());
    answer_.what = "Both headers of the journal are overwritten with noise.";
    TRY(write_raw(layout_.journal.start, bytes));
    return write_raw(layout_.journal.start + 1, bytes);
  }

 private:
  template <class T>
  T& pick(std::vector<T>& from) {
    return from[random_.below(from.size())];
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[random_.below(from.size())];
  }
  static std::string number(BlockNo block) { return std::to_string(block.value); }
  static Error nothing(const char* why) { return Error{ENODATA, why}; }

  /// Block `n`, 0 being the last, of a file that has more than `n`.
  static BlockNo nth_from_end(const File& file, std::uint64_t n) {
    const auto& extents = file.pieces.extents;
    std::size_t at = extents.size() - 1;
    for (; n >= extents[at].length; --at) n -= extents[at].length;
    return extents[at].block + (extents[at].length - 1 - n);
  }

  std::string shown(InodeNo inode) {
    const auto paths = names_.paths_of(inode);
    const std::string name = "inode " + std::to_string(inode.value);
    return paths.empty() ? name : paths.front() + " (" + name + ")";
  }

  void about(InodeNo inode, const std::string& what) {
    const auto paths = names_.paths_of(inode);
    answer_.inode = inode;
    answer_.name = paths.empty() ? "" : paths.front();
    answer_.what = shown(inode) + ": " + what + ".";
  }

  Result<DamageAnswer> write_inode(InodeNo inode, const Inode& content) {
    answer_.blocks.push_back(layout_.inode_place(inode).block);
    TRY(disk_.write_inode(inode, content));
    return answer_;
  }

  Result<DamageAnswer> write_raw(BlockNo block, const Block& bytes) {
    answer_.blocks.push_back(block);
    TRY(disk_.write_raw(block, bytes));
    return answer_;
  }

  /// Lets the file's first run begin at `block`. False if its map cannot say so in the inode, or if
  /// `must_be_data` and the run would leave the data blocks.
  bool point_at(Inode& inode, BlockNo block, bool must_be_data) const {
    const FileMap* const map = file_map(static_cast<MapKind>(inode.map_kind));
    if (map == nullptr) return false;
    Inode changed = inode;
    const auto run = map->move_first_run(changed.map_root, block);
    if (!run || (must_be_data && !layout_.is_data(*run))) return false;
    inode = changed;
    return true;
  }

  /// The data blocks whose bitmap was ever written: in groups that nobody has used, none was.
  std::vector<Run> blocks_with_bitmaps() {
    std::vector<Run> runs;
    for (GroupNo group{0}; group.value < layout_.group_count; ++group) {
      const Run data = layout_.data(group);
      for (std::uint64_t at = 0; at < data.length;) {
        const std::uint64_t in_bitmap =
            layout_.block_index(data.start + at) % layout_.bits_per_block();
        const std::uint64_t length =
            std::min(data.length - at, layout_.bits_per_block() - in_bitmap);
        if (disk_.read(bit_of(data.start + at).block, BlockKind::kBlockBitmap).ok())
          runs.push_back({data.start + at, length});
        at += length;
      }
    }
    return runs;
  }

  /// Where a block's bit stands.
  struct Bit {
    BlockNo block;
    std::size_t byte;
    std::byte mask;
  };
  [[nodiscard]] Bit bit_of(BlockNo block) const {
    const std::uint64_t index = layout_.block_index(block);
    const std::uint64_t in_block = index % layout_.bits_per_block();
    return {layout_.block_bitmap(*layout_.group_of(block)).start + index / layout_.bits_per_block(),
            format::kHeaderSize + in_block / 8, std::byte{1} << in_block % 8};
  }
  Result<DamageAnswer> flip_bit(BlockNo block) {
    const Bit bit = bit_of(block);
    Block bitmap = TRY(disk_.read_copy(bit.block, BlockKind::kBlockBitmap));
    bitmap[bit.byte] ^= bit.mask;
    answer_.blocks.push_back(bit.block);
    TRY(disk_.write(bit.block, bitmap));
    return answer_;
  }

  Result<DamageAnswer> set_link_next(BlockNo block, BlockNo next) {
    Block bytes = TRY(disk_.read_raw(block));
    auto& header = format::at<format::LinkHeader>(bytes, 0);
    header.next = next.value;
    header.checksum = format::link_checksum(header, layout_.seed, block);
    return write_raw(block, bytes);
  }

  Result<DamageAnswer> set_fat_next(BlockNo block, BlockNo next) {
    const auto place = layout_.fat_place(block);
    Block fat = TRY(disk_.read_copy(place.block, BlockKind::kFat));
    format::at<le64>(fat, place.offset) = next.value;
    answer_.blocks.push_back(place.block);
    TRY(disk_.write(place.block, fat));
    return answer_;
  }

  template <class Fits>
  Result<InodeNo> any_inode(Fits fits, const char* if_none) {
    std::vector<InodeNo> all;
    TRY(volume_.each_inode([&](InodeNo number, const InodeFacts& facts) -> Result<> {
      const bool is_fixed = number == format::kRootInode || number == format::kLostFoundInode;
      if (!is_fixed && !volume_.is_deleted(number) && fits(facts)) all.push_back(number);
      return {};
    }));
    if (all.empty()) return nothing(if_none);
    return pick(all);
  }

  /// A directory's tree with one name changed, of those that `fits` allows.
  template <class Fits, class Edit>
  Result<DamageAnswer> edit_name(Fits fits, Edit edit, const char* if_none = kNoFile) {
    struct Candidate {
      InodeNo directory;
      std::size_t index;
    };
    std::vector<Candidate> candidates;
    for (const InodeNo directory : volume_.directories) {
      const Inode inode = TRY(disk_.read_inode(directory));
      const DirectoryTree tree = TRY(read_directory_tree(volume_, directory, inode));
      for (std::size_t i = 0; i < tree.names.size(); ++i) {
        if (fits(tree.names[i])) candidates.push_back({directory, i});
      }
    }
    if (candidates.empty()) return nothing(if_none);
    const Candidate chosen = pick(candidates);
    const Inode inode = TRY(disk_.read_inode(chosen.directory));
    const DirectoryTree tree = TRY(read_directory_tree(volume_, chosen.directory, inode));
    std::vector<Name> names = tree.names;
    edit(names, chosen.index, chosen.directory);
    answer_.blocks.insert(answer_.blocks.end(), tree.blocks.begin(), tree.blocks.end());
    const std::set<BlockNo> before = TRY(blocks_of(chosen.directory));
    TRY(write_directory_tree(volume_, chosen.directory, tree, std::move(names)));
    // A tree that is written anew may need other blocks than one that has grown; that must not
    // become a second fault.
    std::vector<BlockNo> changed;
    std::ranges::set_symmetric_difference(before, TRY(blocks_of(chosen.directory)),
                                          std::back_inserter(changed));
    for (const BlockNo block : changed) TRY(account(block, !before.contains(block)));
    return answer_;
  }

  Result<std::set<BlockNo>> blocks_of(InodeNo number) {
    const Inode inode = TRY(disk_.read_inode(number));
    const MapPieces pieces = read_map(volume_, number, inode);
    std::set<BlockNo> blocks;
    for (const auto& [block, kind] : pieces.nodes) blocks.insert(block);
    for (const Extent& extent : pieces.extents)
      for (std::uint64_t i = 0; i < extent.length; ++i) blocks.insert(extent.block + i);
    return blocks;
  }

  /// Sets the bitmap and the count of the block's group to say whether it is in use.
  Result<> account(BlockNo block, bool in_use) {
    static_cast<void>(TRY(flip_bit(block)));
    const GroupNo group = *layout_.group_of(block);
    format::GroupDescriptor descriptor = TRY(disk_.read_descriptor(group));
    descriptor.free_blocks = descriptor.free_blocks + (in_use ? -1 : 1);
    return disk_.write_descriptor(group, descriptor);
  }

  Result<DamageAnswer> directory_loop() {
    return edit_name(
        [](const Name& name) {
          return name.type == S_IFDIR >> 12 && name.inode != format::kLostFoundInode;
        },
        [this](std::vector<Name>& names, std::size_t index, InodeNo directory) {
          about(names[index].inode, "its name leads to inode " + std::to_string(directory.value) +
                                        ", the directory that has the name");
          names[index].inode = directory;
        },
        kNoDirectory);
  }

  [[nodiscard]] std::vector<BlockNo> metadata() const {
    std::vector<BlockNo> blocks = {layout_.state(), layout_.group_table().start};
    for (GroupNo group{0}; group.value < layout_.group_count; ++group) {
      const Run table = layout_.inode_table(group);
      for (std::uint64_t i = 0; i < volume_.written_inode_blocks[group.value]; ++i) {
        blocks.push_back(table.start + i);
      }
    }
    for (const File& file : files_) {
      for (const auto& [block, kind] : file.pieces.nodes) blocks.push_back(block);
    }
    return blocks;
  }

  const format::Layout& layout_;
  Disk disk_;
  Report silent_{Mode::kNo, {}, {}};
  VolumeFacts volume_;
  NameIndex names_;
  Random random_;
  std::vector<File> files_;
  DamageAnswer answer_;
};

/// The damage must be the only fault, so the volume must be sound before.
Result<> check_sound(BlockDevice& device, const format::Superblock& superblock) {
  OverlayDevice overlay(device);
  const CheckResult result =
      TRY(check_volume(overlay, FoundSuperblock{superblock}, {.force = true}));
  if (result.found != 0) return corrupt("the volume is damaged already: repair it first");
  return {};
}

struct DamageRow {
  DamageKind kind;
  Result<DamageAnswer> (Damage::*apply)();
};
constexpr std::array<DamageRow, 15> kDamageRows = {{
    {{"bad-bitmap", "a block in use is marked as free"}, &Damage::bad_bitmap},
    {{"bad-link-count", "an inode counts more or fewer names than there are"},
     &Damage::bad_link_count},
    {{"bad-map", "a file's map leads out of the volume"}, &Damage::bad_map},
    {{"bad-parent", "a directory's .. is wrong"}, &Damage::bad_parent},
    {{"bad-size", "a file is longer than its blocks"}, &Damage::bad_size},
    {{"bit-flip", "one bit of a metadata block is flipped"}, &Damage::bit_flip},
    {{"cross-link", "two files share a block"}, &Damage::cross_link},
    {{"dangling-name", "a name leads to a free inode"}, &Damage::dangling_name},
    {{"journal", "the headers of the journal are noise"}, &Damage::journal},
    {{"loop", "a chain of blocks, or of directories, that never ends"}, &Damage::loop},
    {{"lost-block", "a free block is marked as in use"}, &Damage::lost_block},
    {{"orphan", "a file without a name"}, &Damage::orphan},
    {{"stale", "a block of inodes is an older version"}, &Damage::stale},
    {{"superblock", "the superblock is zeros"}, &Damage::superblock},
    {{"wrong-type", "a name says another file type than its inode"}, &Damage::wrong_type},
}};

}  // namespace

std::span<const DamageKind> damage_kinds() {
  static const auto kKinds = [] {
    std::array<DamageKind, kDamageRows.size()> kinds;
    std::ranges::transform(kDamageRows, kinds.begin(), &DamageRow::kind);
    return kinds;
  }();
  return kKinds;
}

Result<DamageAnswer> damage(BlockDevice& device, const format::Superblock& superblock,
                            std::string_view kind, std::uint64_t seed) {
  const auto* row =
      std::ranges::find(kDamageRows, kind, [](const DamageRow& r) { return r.kind.name; });
  if (row == kDamageRows.end()) return Error{EINVAL, "there is no such kind of damage"};
  const format::Layout layout = TRY(format::Layout::of(superblock));
  if (layout.block_count > device.block_count()) {
    return corrupt("the image is shorter than its volume");
  }
  TRY(check_sound(device, superblock));
  Damage one(device, superblock, layout, seed);
  TRY(one.survey());
  const DamageAnswer answer = TRY((one.*(row->apply))());
  TRY(device.flush());
  return answer;
}

}  // namespace spindle::fsck
