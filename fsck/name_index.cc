#include "fsck/name_index.h"

#include <sys/stat.h>

#include <set>

#include "fsck/directory_tree.h"
#include "spindle/base/printable.h"

namespace spindle::fsck {

std::vector<std::string> NameIndex::paths_of(InodeNo inode) {
  if (!is_read_) read_all();
  if (inode == format::kRootInode) return {"/"};
  std::vector<std::string> paths;
  const auto found = links_.find(inode);
  if (found == links_.end()) return paths;
  for (const Link& link : found->second) {
    if (paths.size() < kMostPaths) paths.push_back(path_of(link));
  }
  return paths;
}

void NameIndex::read_all() {
  is_read_ = true;
  volume_.disk.each_inode_block(
      [this](BlockNo block, InodeNo first) { read_table_block(block, first); });
}

void NameIndex::read_table_block(BlockNo block, InodeNo first) {
  const auto bytes = volume_.disk.read_copy(block, format::BlockKind::kInodeTable);
  if (!bytes.ok()) return;
  for (std::uint32_t i = 0; i < volume_.layout.inodes_per_block(); ++i) {
    const auto& inode = format::at<format::Inode>(std::span<const std::byte>(*bytes),
                                                  format::kHeaderSize + i * sizeof(format::Inode));
    if (!S_ISDIR(inode.mode) || names_ >= kMostNames) continue;
    auto tree = read_directory_tree(volume_, first + i, inode);
    if (!tree.ok()) continue;
    names_ += tree->names.size();
    for (Name& name : tree->names) {
      links_[name.inode].push_back({first + i, std::move(name.name)});
    }
  }
}

std::string NameIndex::path_of(const Link& link) const {
  std::string path = "/" + printable(link.name);
  std::set<InodeNo> seen;
  InodeNo at = link.directory;
  while (at != format::kRootInode) {
    const auto above = links_.find(at);
    if (above == links_.end() || !seen.insert(at).second) {
      return "(inode " + std::to_string(at.value) + ")" + path;
    }
    path = "/" + printable(above->second.front().name) + path;
    at = above->second.front().directory;
  }
  return path;
}

}  // namespace spindle::fsck
