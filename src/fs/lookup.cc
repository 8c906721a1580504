// Names to nodes, and nodes to names.
#include <shared_mutex>

#include "names.h"

namespace spindle {

Result<Attributes> FileSystem::lookup(NodeId directory, std::string_view name) {
  const auto look = [&]() -> Result<Attributes> {
    TRY(check_name(name));
    // open_by_handle_at(2) asks for a file by its number and this name.
    if (name == ".") {
      const NodeRef itself = TRY(volume_->node(directory));
      if (itself->inode.links == 0) return Error{ESTALE, "the file has been removed"};
      return refer(*volume_, itself);
    }
    const NodeRef parent = TRY(volume_->directory(directory));
    if (name == "..") return refer(*volume_, TRY(volume_->directory(parent->inode.parent)));
    const std::shared_lock guard(parent->lock);
    const NodeRef found = TRY(child(*volume_, *parent, name));
    if (!found) return Error{ENOENT, "there is no such name"};
    remember_name(*found, *parent, name);
    return refer(*volume_, found);
  };
  return volume_->told("lookup", look());
}

void FileSystem::forget(NodeId id, std::uint64_t references) {
  const NodeRef node = volume_->nodes.find(InodeNo{id});
  if (node) volume_->nodes.drop_references(*node, references);
}

// Only nodes that are in memory are looked at: the kernel keeps a node's ancestors there.
std::string FileSystem::path(NodeId id) {
  constexpr int kDeepest = 256;
  std::string path;
  InodeNo at{id};
  for (int depth = 0; depth < kDeepest && at != format::kRootInode; ++depth) {
    const NodeRef node = volume_->nodes.find(at);
    if (!node || !node->found_in) return {};
    path.insert(0, "/" + node->found_as);
    at = node->found_in;
  }
  return path.empty() && at == format::kRootInode ? "/" : path;
}

}  // namespace spindle
