#include "reference.h"

#include <sys/stat.h>

#include <set>

#include "mounted_volume.h"

namespace spindle::test {

bool ReferenceNode::is_directory() const {
  return S_ISDIR(mode);
}
bool ReferenceNode::is_file() const {
  return S_ISREG(mode);
}
bool ReferenceNode::is_symlink() const {
  return S_ISLNK(mode);
}

Reference make_reference(std::uint32_t mode, NodeId node) {
  auto made = std::make_shared<ReferenceNode>();
  made->mode = mode;
  made->links = S_ISDIR(mode) ? 2 : 1;
  made->node = node;
  return made;
}

bool stands_in(const Reference& outer, const Reference& inner) {
  if (outer == inner) return true;
  for (const auto& [name, child] : outer->children) {
    if (stands_in(child, inner)) return true;
  }
  return false;
}

namespace {

int check_replaced(const ReferenceNode& moved, const ReferenceNode& there) {
  if (!there.is_directory()) return moved.is_directory() ? ENOTDIR : 0;
  if (!moved.is_directory()) return EISDIR;
  return there.children.empty() ? 0 : ENOTEMPTY;
}

}  // namespace

int rename(const Reference& from, const std::string& name, const Reference& to,
           const std::string& new_name, std::uint32_t flags) {
  const bool exchange = (flags & kRenameExchange) != 0;
  const auto source = from->children.find(name);
  if (source == from->children.end()) return ENOENT;
  const Reference moved = source->second;
  const auto target = to->children.find(new_name);
  const Reference there = target == to->children.end() ? nullptr : target->second;
  if (there && (flags & kRenameNoReplace) != 0) return EEXIST;
  if (!there && exchange) return ENOENT;
  if (from != to && moved->is_directory() && stands_in(moved, to)) return EINVAL;
  if (from != to && exchange && there->is_directory() && stands_in(there, from)) return EINVAL;
  if (there && !exchange) {
    if (const int code = check_replaced(*moved, *there)) return code;
  }
  if (moved == there) return 0;
  from->children.erase(name);
  to->children[new_name] = moved;
  if (moved->is_directory()) --from->links, ++to->links;
  if (exchange) {
    from->children[name] = there;
    if (there->is_directory()) --to->links, ++from->links;
  } else if (there) {
    there->links = there->is_directory() ? 0 : there->links - 1;
    if (there->is_directory()) --to->links;
  }
  return 0;
}

namespace {

std::string attributes_difference(Tree& tree, const ReferenceNode& reference) {
  for (const auto& [name, value] : reference.attributes) {
    const auto stored = tree.get_xattr(reference.node, name);
    if (!stored.ok() || *stored != value) return "attribute " + name;
  }
  std::string names = must(tree.list_xattr(reference.node));
  if (std::count(names.begin(), names.end(), '\0') !=
      static_cast<std::ptrdiff_t>(reference.attributes.size())) {
    return "number of attributes";
  }
  return "";
}

std::string children_difference(Tree& tree, const ReferenceNode& reference) {
  std::set<std::string> names;
  must(tree.read_directory(reference.node, 0, [&](const DirectoryItem& item) {
    if (item.name != "." && item.name != ".." && item.name != "lost+found") {
      names.emplace(item.name);
    }
    return true;
  }));
  for (const auto& [name, child] : reference.children) {
    if (names.erase(name) == 0) return "name " + name + " is missing";
    const auto found = tree.lookup(reference.node, name);
    if (!found.ok() || found->node != child->node) return "name " + name + " is another node";
    tree.forget(found->node, 1);
  }
  return names.empty() ? "" : "name " + *names.begin() + " should not be there";
}

}  // namespace

std::string difference(Tree& tree, const Reference& reference, const std::string& path) {
  const auto got = tree.attributes(reference->node);
  if (!got.ok()) return path + ": " + got.error().describe();
  if (got->mode != reference->mode) return path + ": mode " + std::to_string(got->mode);
  if (got->links != reference->links) return path + ": links " + std::to_string(got->links);
  std::string different = attributes_difference(tree, *reference);
  if (!different.empty()) return path + ": " + different;
  if (reference->is_symlink()) {
    return must(tree.read_link(reference->node)) == reference->target ? "" : path + ": target";
  }
  if (reference->is_file()) {
    if (got->size != reference->bytes.size()) return path + ": size " + std::to_string(got->size);
    const auto bytes = content_of(tree, reference->node);
    const auto at = std::mismatch(bytes.begin(), bytes.end(), reference->bytes.begin());
    if (at.first == bytes.end()) return "";
    return path + ": byte " + std::to_string(at.first - bytes.begin()) + " of " +
           std::to_string(bytes.size());
  }
  different = children_difference(tree, *reference);
  if (!different.empty()) return path + ": " + different;
  for (const auto& [name, child] : reference->children) {
    different = difference(tree, child, path + "/" + name);
    if (!different.empty()) return different;
  }
  return "";
}

void find_again(Tree& tree, const Reference& directory) {
  for (const auto& [name, child] : directory->children) {
    child->node = must(tree.lookup(directory->node, name)).node;
    if (child->is_directory()) find_again(tree, child);
  }
}

}  // namespace spindle::test
