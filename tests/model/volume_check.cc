#include "volume_check.h"

#include <sys/stat.h>

#include <map>

#include "fs/xattr.h"

namespace spindle::test {
namespace {

using format::BlockKind;

class Check {
 public:
  explicit Check(FileSystem& volume)
      : volume_(volume),
        layout_(volume.layout()),
        reader_(volume.cache(), layout_.seed),
        used_(layout_.block_count) {}

  std::vector<std::string> run(std::uint64_t nameless) {
    for (std::uint64_t g = 0; g < layout_.group_count; ++g) scan_inodes(GroupNo{g});
    if (problems_.empty()) scan_directory(format::kRootInode, format::kRootInode, 0);
    compare_links(nameless);
    for (std::uint64_t g = 0; g < layout_.group_count; ++g) compare_group(GroupNo{g});
    const SpaceStatistics counted = volume_.space_manager().statistics();
    const std::uint64_t free = counted.free_blocks + counted.kept_blocks;
    expect(free == free_blocks_, "free blocks of the volume", free, free_blocks_);
    return std::move(problems_);
  }

 private:
  void expect(bool good, const std::string& what, std::uint64_t is, std::uint64_t should) {
    if (good || problems_.size() > 20) return;
    problems_.push_back(what + ": " + std::to_string(is) + " instead of " + std::to_string(should));
  }
  void fail(const std::string& what, const Error& error) {
    if (problems_.size() < 20) problems_.push_back(what + ": " + error.describe());
  }

  void use(Run run, InodeNo owner) {
    for (BlockNo block = run.start; block < run.end(); ++block) {
      if (!layout_.is_data(block)) return expect(false, "block out of range", block.value, 0);
      expect(!used_[block.value], "block owned twice, by inode " + std::to_string(owner.value),
             block.value, 0);
      used_[block.value] = true;
    }
  }

  format::GroupDescriptor descriptor(GroupNo g) {
    const auto place = layout_.descriptor_place(g);
    const auto view = reader_.read(place.block, BlockKind::kGroupTable);
    return view.value().at<format::GroupDescriptor>(place.offset);
  }

  void scan_inodes(GroupNo g) {
    const std::uint64_t written =
        std::uint64_t{descriptor(g).inode_blocks_written} * layout_.inodes_per_block();
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(written, layout_.inodes_per_group); ++i) {
      const InodeNo number{g.value * layout_.inodes_per_group + i + 1};
      const auto place = layout_.inode_place(number);
      const auto view = reader_.read(place.block, BlockKind::kInodeTable);
      if (!view.ok()) return fail("inode table", view.error());
      const auto inode = view->at<format::Inode>(place.offset);
      if (inode.mode == 0) continue;
      inodes_[number] = inode;
      scan_inode(number, inode);
    }
  }

  void scan_inode(InodeNo number, format::Inode inode) {
    const std::string name = "inode " + std::to_string(number.value);
    std::uint64_t blocks = 0;
    std::uint64_t end = 0;
    const FileMap* map = file_map(format::MapKind{inode.map_kind});
    if (map != nullptr) {
      const MapFile file{.inode = number,
                         .generation = inode.generation,
                         .root = inode.map_root,
                         .blocks = inode.blocks};
      const auto visit = [&](const Extent& extent) -> Result<> {
        if (extent.is_hole()) return {};
        use({extent.block, extent.length}, number);
        blocks += extent.length;
        end = extent.at.value + extent.length;
        return {};
      };
      const auto visit_node = [&](BlockNo block, BlockKind) -> Result<> {
        use({block, 1}, number);
        ++blocks;
        return {};
      };
      const FileMap::WalkContext context{
          .reader = reader_, .layout = layout_, .fat_entry = [&](BlockNo block) {
            return volume_.space_manager().fat_entry(reader_, block);
          }};
      const auto walked = map->walk(context, file, {.data = visit, .node = visit_node});
      if (!walked.ok()) return fail(name, walked.error());
      const std::uint64_t content = map->content_size(layout_.block_size);
      if (!map->has_holes()) {
        expect(end * content >= inode.size, name + " maps bytes", end * content, inode.size);
      }
    }
    blocks += scan_attributes(number, inode);
    expect(blocks == inode.blocks, name + " counts blocks", inode.blocks, blocks);
  }

  std::uint64_t scan_attributes(InodeNo number, const format::Inode& inode) {
    if (inode.xattr_block == 0) return 0;
    std::uint64_t blocks = 0;
    XattrFile file{.inode = number,
                   .space = volume_.space_manager(),
                   .first_block = BlockNo{inode.xattr_block}};
    const auto walked = XattrChain(file).walk(reader_, [&](BlockNo block, std::string_view) {
      use({block, 1}, number);
      ++blocks;
      return Result<>();
    });
    if (!walked.ok()) fail("attributes of inode " + std::to_string(number.value), walked.error());
    return blocks;
  }

  void scan_directory(InodeNo directory, InodeNo parent, int depth) {
    if (depth > 50) return expect(false, "depth", directory.value, 0);
    expect(inodes_[directory].parent == parent.value,
           "parent of directory " + std::to_string(directory.value), inodes_[directory].parent,
           parent.value);
    names_[directory] += 2;
    std::vector<std::pair<InodeNo, std::uint32_t>> found;
    const auto read = volume_.read_directory(directory.value, 0, [&](const DirectoryItem& item) {
      if (item.name != "." && item.name != "..") found.emplace_back(InodeNo{item.node}, item.type);
      return true;
    });
    if (!read.ok()) return fail("directory " + std::to_string(directory.value), read.error());
    for (const auto& [number, type] : found) {
      if (!inodes_.contains(number)) {
        expect(false, "name of a free inode", number.value, 0);
        continue;
      }
      expect((inodes_[number].mode & S_IFMT) == type, "type of a name", type,
             inodes_[number].mode & S_IFMT);
      if (type == S_IFDIR) {
        ++names_[directory];
        scan_directory(number, directory, depth + 1);
      } else {
        ++names_[number];
      }
    }
  }

  void compare_links(std::uint64_t nameless) {
    std::uint64_t without_name = 0;
    for (const auto& [number, inode] : inodes_) {
      expect(inode.links == names_[number], "links of inode " + std::to_string(number.value),
             inode.links, names_[number]);
      if (names_[number] == 0) ++without_name;
    }
    expect(without_name == nameless, "inodes without a name", without_name, nameless);
  }

  // Whether bit `index` of the bitmap is set.
  bool bit(Run bitmap, BlockKind kind, std::uint64_t index) {
    const std::uint64_t bits = layout_.bits_per_block();
    const auto view = reader_.read(bitmap.start + index / bits, kind);
    if (!view.ok()) return fail("bitmap", view.error()), false;
    const auto byte = view->bytes[format::kHeaderSize + index % bits / 8];
    return (byte >> (index % 8) & std::byte{1}) != std::byte{0};
  }
  bool block_bit(GroupNo g, const format::GroupDescriptor& group, std::uint64_t index) {
    const std::uint64_t unit = index / layout_.bits_per_block() / layout_.bitmap_unit();
    if ((group.bitmap_blocks_written >> unit & 1) == 0) {
      return index < layout_.group_metadata_blocks(g);
    }
    return bit(layout_.block_bitmap(g), BlockKind::kBlockBitmap, index);
  }
  bool inode_bit(GroupNo g, const format::GroupDescriptor& group, std::uint64_t index) {
    const std::uint64_t written = layout_.inode_bitmap_blocks(group.inode_blocks_written);
    return index / layout_.bits_per_block() < written &&
           bit(layout_.inode_bitmap(g), BlockKind::kInodeBitmap, index);
  }

  void compare_group(GroupNo g) {
    const auto group = descriptor(g);
    const std::string name = "group " + std::to_string(g.value);
    const Run run = layout_.group(g);
    const std::uint64_t metadata = layout_.group_metadata_blocks(g);
    std::uint64_t free_blocks = 0;
    for (std::uint64_t i = 0; i < run.length; ++i) {
      const bool is_used = i < metadata || used_[run.start.value + i];
      const bool is_marked = block_bit(g, group, i);
      expect(is_marked == is_used, name + " bit of block " + std::to_string(run.start.value + i),
             is_marked, is_used);
      if (!is_used) ++free_blocks;
    }
    expect(group.free_blocks == free_blocks, name + " free blocks", group.free_blocks, free_blocks);
    free_blocks_ += free_blocks;
    compare_inodes(g, group, name);
  }

  void compare_inodes(GroupNo g, const format::GroupDescriptor& group, const std::string& name) {
    std::uint64_t free_inodes = 0;
    std::uint64_t directories = 0;
    for (std::uint64_t i = 0; i < layout_.inodes_per_group; ++i) {
      const InodeNo number{g.value * layout_.inodes_per_group + i + 1};
      const auto found = inodes_.find(number);
      const bool is_used = found != inodes_.end();
      const bool is_marked = inode_bit(g, group, i);
      expect(is_marked == is_used, name + " bit of inode " + std::to_string(number.value),
             is_marked, is_used);
      if (!is_used) ++free_inodes;
      if (is_used && (found->second.mode & S_IFMT) == S_IFDIR) ++directories;
    }
    expect(group.free_inodes == free_inodes, name + " free inodes", group.free_inodes, free_inodes);
    expect(group.directories == directories, name + " directories", group.directories, directories);
  }

  FileSystem& volume_;
  const format::Layout& layout_;
  CachedReader reader_;
  std::vector<bool> used_;
  std::map<InodeNo, format::Inode> inodes_;
  std::map<InodeNo, std::uint64_t> names_;
  std::uint64_t free_blocks_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_volume(FileSystem& volume, std::uint64_t nameless) {
  static_cast<void>(volume.settle_space());  // waits until deleted files have been freed
  return Check(volume).run(nameless);
}

}  // namespace spindle::test
