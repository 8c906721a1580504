#include "cli/picture/block_census.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "cli/words.h"
#include "fsck/xattr_check.h"
#include "spindle/alloc/file_map.h"
#include "spindle/base/cells.h"
#include "spindle/chart/palette.h"

namespace spindle::cli {
namespace {

using chart::BlockMap;
using chart::Meaning;
using format::Inode;

constexpr std::uint64_t kMostCells = 2048;
constexpr std::size_t kMostFiles = 6;
constexpr std::size_t kMostNameBytes = 48;
/// Files are of one kind up to each of these numbers of pieces; those with more are of the last
/// kind.
constexpr std::uint64_t kPieceLimits[] = {1, 4, 16};

/// The kinds that are not of files, in the order in which they follow the free blocks.
enum class Fixed : std::uint8_t { kVolume, kJournal, kBitmaps, kInodes };

bool is_file(const Inode& inode) {
  return S_ISREG(std::uint16_t{inode.mode});
}

std::string inode_name(InodeNo inode) {
  return "inode " + std::to_string(inode.value);
}

/// Only the end of a path that is too long for a legend.
std::string shortened(std::string path) {
  if (path.size() <= kMostNameBytes) return path;
  std::size_t from = path.size() - kMostNameBytes;
  while (from < path.size() && (static_cast<unsigned char>(path[from]) & 0xC0) == 0x80) ++from;
  return "..." + path.substr(from);
}

class Census {
 public:
  Census(InspectedVolume& volume, BlocksBy by, Run shown)
      : volume_(volume), by_(by), shown_(shown) {
    const std::uint64_t least = (shown.length + kMostCells - 1) / kMostCells;
    map_.block_size_bytes = volume.layout().block_size;
    map_.first_block = shown.start.value;
    map_.blocks_per_cell = std::bit_ceil(least);
    add_kind("free", '.', colour_of(Meaning::kFree));
    if (by == BlocksBy::kKind) name_kinds();
    if (by == BlocksBy::kStrategy) name_strategies();
    if (by == BlocksBy::kFile) name_files();
    if (by == BlocksBy::kPieces) name_pieces();
    add_kind("unknown", '?', colour_of(Meaning::kReturn));
    const std::uint64_t cells = cells_of(shown.length, map_.blocks_per_cell);
    map_.cells.assign(cells, BlockMap::Cell(map_.kinds.size()));
  }

  BlockMap take() {
    count_fixed();
    count_files();
    count_free();
    for (std::size_t i = 0; i < map_.cells.size(); ++i) balance(i);
    map_.caption = fragmentation_text();
    return std::move(map_);
  }

 private:
  struct Kinds {
    std::size_t data, nodes;
  };

  std::size_t add_kind(std::string name, char letter, std::string_view colour) {
    map_.kinds.push_back({std::move(name), letter, colour});
    return map_.kinds.size() - 1;
  }

  void name_kinds() {
    add_kind("superblock, group table", 'S', chart::series_colour(6));
    add_kind("journal", 'J', chart::journal_colour());
    add_kind("bitmaps, FAT", 'B', chart::series_colour(1));
    add_kind("inode tables", 'I', chart::series_colour(2));
    const std::size_t data = add_kind("data of files", 'D', chart::series_colour(0));
    other_ = add_kind("directories, links", 'N', chart::series_colour(5));
    const std::size_t nodes = add_kind("maps, attributes", 'M', chart::series_colour(4));
    of_files_ = {data, nodes};
    of_others_ = {other_, nodes};
  }

  void name_strategies() {
    add_kind("the volume's own", 'S', chart::series_colour(6));
    constexpr std::string_view kLetters = "CLFXEABDGHIJK";
    const auto maps = all_file_maps();
    for (std::size_t i = 0; i < std::min(maps.size(), kLetters.size()); ++i) {
      strategies_[static_cast<std::uint32_t>(maps[i]->kind())] =
          add_kind(std::string(maps[i]->name()), kLetters[i], chart::series_colour(i));
    }
    other_ = add_kind("directories, links", 'N', chart::series_colour(5));
    of_files_ = of_others_ = {other_, other_};
  }

  void name_files() {
    add_kind("the volume's own", 'S', chart::series_colour(6));
    std::vector<std::pair<std::uint64_t, InodeNo>> largest;
    volume_.each_inode([&](InodeNo number, const Inode& inode) {
      const std::uint64_t blocks = is_file(inode) ? shown_blocks_of(number, inode) : 0;
      if (blocks == 0) return true;
      largest.emplace_back(blocks, number);
      std::ranges::stable_sort(largest, std::greater{}, &decltype(largest)::value_type::first);
      if (largest.size() > kMostFiles) largest.pop_back();
      return true;
    });
    for (std::size_t i = 0; i < largest.size(); ++i) {
      const InodeNo number = largest[i].second;
      const auto path = volume_.path_of(number);
      files_[number] = add_kind(shortened(path ? *path : inode_name(number)),
                                static_cast<char>('A' + i), chart::series_colour(i));
    }
    other_ = add_kind("other files, directories", 'O', colour_of(Meaning::kWaiting));
    of_files_ = of_others_ = {other_, other_};
  }

  /// How many of a file's blocks are in the part that is shown.
  [[nodiscard]] std::uint64_t shown_blocks_of(InodeNo number, const Inode& inode) const {
    if (shown_.length == volume_.layout().block_count) return inode.blocks;
    const fsck::MapPieces pieces = fsck::read_map(volume_.facts(), number, inode);
    std::uint64_t blocks = 0;
    for (const Extent& extent : pieces.extents)
      blocks += shown_part({extent.block, extent.length}).length;
    return blocks;
  }

  void name_pieces() {
    add_kind("the volume's own", 'S', chart::series_colour(6));
    pieces_ = add_kind("files in one piece", '1', chart::series_colour(0));
    add_kind("files in 2 to 4 pieces", 'F', chart::series_colour(2));
    add_kind("files in 5 to 16 pieces", 'P', chart::series_colour(1));
    add_kind("files in more pieces", 'X', chart::series_colour(3));
    other_ = add_kind("directories, links", 'N', chart::series_colour(5));
    of_files_ = of_others_ = {other_, other_};
  }

  [[nodiscard]] Kinds kinds_of(InodeNo number, const Inode& inode, std::uint64_t pieces) const {
    if (!is_file(inode)) return of_others_;
    if (by_ == BlocksBy::kPieces) {
      std::size_t kind = pieces_;
      for (const std::uint64_t limit : kPieceLimits) kind += pieces > limit ? 1 : 0;
      return {kind, kind};
    }
    if (const auto found = files_.find(number); found != files_.end()) {
      return {found->second, found->second};
    }
    if (const auto found = strategies_.find(inode.map_kind); found != strategies_.end()) {
      return {found->second, found->second};
    }
    return of_files_;
  }

  [[nodiscard]] Run shown_part(const Run& run) const {
    const BlockNo from = std::max(run.start, shown_.start);
    const BlockNo end = std::min(run.end(), shown_.end());
    return from < end ? Run{from, end - from} : Run{shown_.start, 0};
  }

  void add(const Run& run, std::size_t kind) {
    const Run part = shown_part(run);
    const Run from_first{BlockNo{part.start - shown_.start}, part.length};
    for_each_cell(from_first, map_.blocks_per_cell, [&](std::uint64_t cell, std::uint64_t blocks) {
      map_.cells[cell][kind] += blocks;
    });
  }

  void add_fixed(const Run& run, Fixed part) {
    add(run, by_ == BlocksBy::kKind ? 1 + static_cast<std::size_t>(part) : 1);
  }

  void count_fixed() {
    const format::Layout& layout = volume_.layout();
    add_fixed({BlockNo{0}, layout.journal.start.value}, Fixed::kVolume);
    add_fixed(layout.journal, Fixed::kJournal);
    add_fixed({layout.fixed_copy(), 1}, Fixed::kVolume);
    add_fixed({layout.last_copy(), 1}, Fixed::kVolume);
    for (GroupNo group{0}; group.value < layout.group_count; ++group) {
      add_fixed(layout.block_bitmap(group), Fixed::kBitmaps);
      add_fixed(layout.inode_bitmap(group), Fixed::kBitmaps);
      add_fixed(layout.inode_table(group), Fixed::kInodes);
      add_fixed(layout.fat(group), Fixed::kBitmaps);
    }
  }

  /// Counts at most as many blocks as the volume has, whatever the maps of a damaged one claim.
  void count_files() {
    std::uint64_t claims = 0;
    volume_.each_inode([&](InodeNo number, const Inode& inode) {
      const fsck::MapPieces pieces = fsck::read_map(volume_.facts(), number, inode);
      const std::uint64_t runs = runs_of(pieces.extents);
      const Kinds kinds = kinds_of(number, inode, runs);
      if (is_file(inode) && runs != 0) ++file_count_, file_runs_ += runs;
      for (const Extent& extent : pieces.extents) {
        add({extent.block, extent.length}, kinds.data);
        claims += extent.length;
      }
      for (const auto& [block, kind] : pieces.nodes) add({block, 1}, kinds.nodes);
      claims += pieces.nodes.size();
      if (pieces.damage) {
        volume_.answer().cannot_read("The map of " + inode_name(number), *pieces.damage);
      }
      count_attributes(number, inode, kinds.nodes);
      if (claims <= volume_.layout().block_count) return true;
      volume_.answer().note("The maps claim more blocks than there are: not all are shown.");
      return false;
    });
  }

  void count_attributes(InodeNo number, const Inode& inode, std::size_t kind) {
    if (inode.xattr_block == 0) return;
    const auto chain = fsck::check_xattrs(volume_.facts(), number, BlockNo{inode.xattr_block});
    if (!chain.ok()) {
      return volume_.answer().cannot_read("The attributes of " + inode_name(number), chain.error());
    }
    for (const BlockNo block : *chain) add({block, 1}, kind);
  }

  /// The number of pieces: those that follow one another on the disk count as one.
  static std::uint64_t runs_of(const std::vector<Extent>& extents) {
    std::uint64_t runs = 0;
    std::optional<BlockNo> end;
    for (const Extent& extent : extents) {
      if (extent.block != end) ++runs;
      end = extent.block + extent.length;
    }
    return runs;
  }

  void count_free() {
    for (GroupNo group{0}; group.value < volume_.layout().group_count; ++group) {
      volume_.each_free_run(group, [&](const Run& run) {
        add(run, 0);
        ++free_runs_;
      });
    }
  }

  [[nodiscard]] std::string fragmentation_text() const {
    std::string text = counted(file_count_, "file") + " with data";
    if (file_count_ != 0)
      text += fmt::format(" in {}, {:.2f} a file", counted(file_runs_, "piece"),
                          static_cast<double>(file_runs_) / static_cast<double>(file_count_));
    return text + "; free space in " + counted(free_runs_, "piece") + ".";
  }

  /// Makes the counts of a cell agree: what a file owns is in use whatever the bitmap says; what no
  /// file owns, and is not free, is unknown.
  void balance(std::size_t i) {
    BlockMap::Cell& cell = map_.cells[i];
    const std::uint64_t start = i * map_.blocks_per_cell;
    const std::uint64_t room = std::min(map_.blocks_per_cell, shown_.length - start);
    const std::uint64_t left = room - std::min(room, BlockMap::blocks_in_use(cell));
    cell.front() = std::min(cell.front(), left);
    cell.back() = left - cell.front();
  }

  InspectedVolume& volume_;
  BlocksBy by_;
  Run shown_;
  BlockMap map_;
  std::map<std::uint32_t, std::size_t> strategies_;
  std::map<InodeNo, std::size_t> files_;
  std::size_t other_ = 0;
  std::size_t pieces_ = 0;  ///< the kind of files in one piece; the others follow
  std::uint64_t file_count_ = 0;
  std::uint64_t file_runs_ = 0;
  std::uint64_t free_runs_ = 0;
  Kinds of_files_{};
  Kinds of_others_{};
};

}  // namespace

BlockMap count_blocks(InspectedVolume& volume, BlocksBy by, Run shown) {
  return Census(volume, by, shown).take();
}

}  // namespace spindle::cli
