#include "spindle/control/control_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace spindle {
namespace {

const Error kNotPermitted{EPERM, "control files cannot be made, renamed or removed"};
const Error kNotSupported{EOPNOTSUPP, "control files do not have that"};

constexpr std::size_t kLongestWrite = 4096;

}  // namespace

ControlTree::ControlTree() : made_(wall_time()) {
  Entry root;
  root.is_directory = true;
  entries_.push_back(std::move(root));
}

std::size_t ControlTree::add_entry(std::size_t parent, std::string_view name, Entry entry) {
  entry.parent = parent;
  entries_.push_back(std::move(entry));
  const std::size_t index = entries_.size() - 1;
  const bool is_new = entries_[parent].children.emplace(name, index).second;
  CHECK(is_new);
  return index;
}

// The folder in which a path's last part stands; made on the way if need be.
std::size_t ControlTree::folder_of(std::string_view path) {
  std::size_t folder = 0;
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const auto name = path.substr(0, slash);
    const auto& children = entries_[folder].children;
    if (const auto found = children.find(name); found != children.end()) {
      folder = found->second;
    } else {
      Entry made;
      made.is_directory = true;
      folder = add_entry(folder, name, std::move(made));
    }
    path.remove_prefix(slash + 1);
  }
  return folder;
}

void ControlTree::add_file(std::string_view path, ControlFile file) {
  Entry entry;
  entry.path = path;
  entry.file = std::move(file);
  const std::size_t folder = folder_of(path);
  add_entry(folder, path.substr(path.rfind('/') + 1), std::move(entry));
}

Result<const ControlTree::Entry*> ControlTree::entry(NodeId node) const {
  const std::uint64_t index = (node & ~kControlBit) - 1;
  if (index >= entries_.size()) return Error{ENOENT, "there is no such control file"};
  return &entries_[index];
}

Attributes ControlTree::attributes_of(std::size_t index) const {
  const Entry& entry = entries_[index];
  Attributes attributes;
  attributes.node = node_of(index);
  if (entry.is_directory) {
    attributes.mode = S_IFDIR | 0555;
    attributes.links = 2;
  } else {
    attributes.mode = S_IFREG;
    if (entry.file.read) attributes.mode |= 0444;
    if (entry.file.write) attributes.mode |= 0200;
    attributes.links = 1;
  }
  attributes.uid = ::geteuid();
  attributes.gid = ::getegid();
  attributes.block_size = 4096;
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = made_;
  return attributes;
}

Result<Attributes> ControlTree::lookup(NodeId directory, std::string_view name) {
  const Entry* folder = TRY(entry(directory));
  if (!folder->is_directory) return Error{ENOTDIR};
  if (name == ".") return attributes(directory);
  if (name == "..") return attributes_of(folder->parent);
  const auto found = folder->children.find(name);
  if (found == folder->children.end()) return Error{ENOENT, "there is no such control file"};
  return attributes_of(found->second);
}

void ControlTree::forget(NodeId, std::uint64_t) {}

Result<Attributes> ControlTree::attributes(NodeId node) {
  TRY(entry(node));
  return attributes_of((node & ~kControlBit) - 1);
}

// The shell's `>` truncates before it writes: accepted, and without effect.
Result<Attributes> ControlTree::set_attributes(const Caller&, NodeId node,
                                               const AttributeChange& change) {
  if (change.mode || change.uid || change.gid) return kNotPermitted;
  return attributes(node);
}

Result<std::string> ControlTree::read_link(NodeId) {
  return Error{EINVAL, "it is not a symbolic link"};
}

Result<Attributes> ControlTree::create(const Caller&, NodeId, std::string_view, std::uint32_t) {
  return kNotPermitted;
}
Result<Attributes> ControlTree::make_node(const Caller&, NodeId, std::string_view, std::uint32_t,
                                          std::uint32_t, std::uint32_t) {
  return kNotPermitted;
}
Result<Attributes> ControlTree::make_directory(const Caller&, NodeId, std::string_view,
                                               std::uint32_t) {
  return kNotPermitted;
}
Result<Attributes> ControlTree::symlink(const Caller&, NodeId, std::string_view, std::string_view) {
  return kNotPermitted;
}
Result<Attributes> ControlTree::link(NodeId, NodeId, std::string_view) {
  return kNotPermitted;
}
Result<Attributes> ControlTree::temporary_file(const Caller&, NodeId, std::uint32_t) {
  return kNotSupported;
}
Result<> ControlTree::unlink(NodeId, std::string_view) {
  return kNotPermitted;
}
Result<> ControlTree::remove_directory(NodeId, std::string_view) {
  return kNotPermitted;
}
Result<> ControlTree::rename(const Caller&, NodeId, std::string_view, NodeId, std::string_view,
                             std::uint32_t) {
  return kNotPermitted;
}

Result<Opened> ControlTree::open(NodeId node, int flags) {
  const Entry* opened = TRY(entry(node));
  if (opened->is_directory) return Error{EISDIR};
  const int access = flags & O_ACCMODE;
  if (access != O_WRONLY && !opened->file.read) return Error{EACCES, "it can only be written"};
  if (access != O_RDONLY && !opened->file.write) return Error{EACCES, "it can only be read"};
  std::string text;
  if (access != O_WRONLY) text = TRY(opened->file.read());
  const std::uint64_t handle = next_handle_++;
  open_texts_.emplace(handle, std::move(text));
  return Opened{.handle = handle};
}

void ControlTree::release(NodeId, std::uint64_t handle) {
  open_texts_.erase(handle);
}

Result<> ControlTree::read(NodeId, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                           const Take& take) {
  const auto found = open_texts_.find(handle);
  if (found == open_texts_.end()) return Error{EBADF};
  const auto bytes = std::as_bytes(std::span<const char>(found->second));
  const std::uint64_t from = std::min<std::uint64_t>(offset, bytes.size());
  const std::span<const std::byte> pieces[] = {
      bytes.subspan(from, std::min<std::size_t>(size, bytes.size() - from))};
  take(pieces);
  return {};
}

Result<std::size_t> ControlTree::write(NodeId node, std::uint64_t, std::uint64_t,
                                       std::span<const std::byte> bytes, bool) {
  const Entry* written = TRY(entry(node));
  if (!written->file.write) return Error{EACCES, "it can only be read"};
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  Result<> result = bytes.size() > kLongestWrite ? Error{EINVAL, "the value is too long"}
                                                 : written->file.write(text);
  if (!result.ok()) {
    if (refused_) {
      refused_(written->path + ": '" + std::string(text.substr(0, 64)) +
               "' is refused: " + result.error().describe());
    }
    return result.error();
  }
  return bytes.size();
}

Result<> ControlTree::sync(NodeId, bool) {
  return {};
}
Result<> ControlTree::sync_directory(NodeId) {
  return {};
}
Result<> ControlTree::sync_all() {
  return {};
}
Result<> ControlTree::allocate(NodeId, int, std::uint64_t, std::uint64_t) {
  return kNotSupported;
}
Result<std::uint64_t> ControlTree::seek(NodeId, std::uint64_t, int) {
  return kNotSupported;
}
Result<std::size_t> ControlTree::copy_range(NodeId, std::uint64_t, NodeId, std::uint64_t,
                                            std::uint64_t) {
  return Error{EXDEV};
}

Result<> ControlTree::read_directory(NodeId directory, std::int64_t position, const Visit& visit) {
  const Entry* folder = TRY(entry(directory));
  if (!folder->is_directory) return Error{ENOTDIR};
  std::int64_t next = 0;
  const auto show = [&](std::string_view name, std::size_t index) {
    ++next;
    if (next <= position) return true;
    const std::uint32_t type = entries_[index].is_directory ? S_IFDIR : S_IFREG;
    return visit({name, node_of(index), type, next});
  };
  if (!show(".", (directory & ~kControlBit) - 1) || !show("..", folder->parent)) return {};
  for (const auto& [name, index] : folder->children) {
    if (!show(name, index)) return {};
  }
  return {};
}

Result<std::string> ControlTree::get_xattr(NodeId, std::string_view) {
  return kNotSupported;
}
Result<> ControlTree::set_xattr(const Caller&, NodeId, std::string_view, std::span<const std::byte>,
                                int) {
  return kNotSupported;
}
Result<std::string> ControlTree::list_xattr(NodeId) {
  return std::string();
}
Result<> ControlTree::remove_xattr(const Caller&, NodeId, std::string_view) {
  return kNotSupported;
}
Result<Space> ControlTree::space() {
  return Space{};
}

}  // namespace spindle
