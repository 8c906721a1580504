#include "spindle/machine/machine_host.h"

#include <algorithm>
#include <cstring>

namespace spindle {
namespace {

constexpr std::uint32_t kFolder = 040000, kFile = 0100000, kSymbolicLink = 0120000;
constexpr std::uint64_t kNameBytes = 512;  ///< about what a name and its node take
constexpr std::uint32_t kFolderPermissions = 0755, kFilePermissions = 0644;

std::string_view parent_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Result<std::string> read_whole(MachineHost& host, std::string_view path, std::size_t most) {
  const HostFile file = TRY(host.lookup(path));
  if (file.is_directory) return Error{EISDIR, "it is a directory"};
  if (!file.may_read) return Error{EACCES, "the user may not read it"};
  if (file.size > most) return Error{EFBIG, "the file is too long"};
  std::string text(file.size, '\0');
  const std::size_t got =
      TRY(host.read(file.id, 0, std::as_writable_bytes(std::span(text.data(), text.size()))));
  text.resize(got);
  return text;
}

void MemoryHost::add(std::string_view path, std::string_view content) {
  for (std::string_view folder = parent_of(path); !folder.empty(); folder = parent_of(folder)) {
    if (names_.contains(folder)) break;
    names_.emplace(folder, add_node({.is_directory = true, .permissions = kFolderPermissions}));
  }
  const auto [name, is_new] = names_.try_emplace(std::string(path), next_id_);
  if (is_new) add_node({.permissions = kFilePermissions});
  Node& node = nodes_[name->second];
  node.content = content;
  ++node.version;
}

Result<std::string> MemoryHost::resolved(std::string_view path, LastLink last) const {
  return without_links(path, last, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = links_.find(name);
    return found == links_.end() ? std::nullopt : std::optional(nodes_.at(found->second).content);
  });
}

Result<HostFile> MemoryHost::lookup(std::string_view path, LastLink last) {
  const std::string real = TRY(resolved(path, last));
  if (real == "/")
    return HostFile{
        .id = 1, .path = "/", .is_directory = true, .mode = kFolder | kFolderPermissions};
  const auto found = names_.find(real);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  const Node& node = nodes_.at(found->second);
  const std::uint32_t kind = node.is_directory ? kFolder : node.is_link ? kSymbolicLink : kFile;
  return HostFile{.id = found->second,
                  .path = real,
                  .size = node.content.size(),
                  .is_directory = node.is_directory,
                  .version = node.version,
                  .mode = kind | node.permissions,
                  .links = node.links,
                  .modified_s = node.modified_s};
}

Result<> MemoryHost::can_add(std::string_view path) const {
  if (names_.contains(path)) return Error{EEXIST, "the file exists already"};
  const std::string_view folder = parent_of(path);
  if (folder.empty()) return {};
  const auto found = names_.find(folder);
  if (found == names_.end()) return Error{ENOENT, "there is no such directory"};
  if (!nodes_.at(found->second).is_directory) return Error{ENOTDIR, "it is not a directory"};
  return {};
}

Result<std::string> MemoryHost::new_path(std::string_view path, LastLink last) const {
  if (path.empty() || path.front() != '/' || path.ends_with('/'))
    return Error{EINVAL, "the path does not name a file"};
  std::string real = TRY(resolved(path, last));
  TRY(can_add(real));
  if (bytes_ > kMostBytes) return Error{ENOSPC, "the volume is full"};
  return real;
}

void MemoryHost::add_name(std::string path, std::uint64_t id) {
  bytes_ += kNameBytes + path.size();
  if (nodes_.at(id).is_link) links_.emplace(path, id);
  names_.emplace(std::move(path), id);
}

std::uint64_t MemoryHost::add_node(Node node) {
  nodes_.emplace(next_id_, std::move(node));
  return next_id_++;
}

Result<HostFile> MemoryHost::create(std::string_view path, std::uint32_t mode) {
  const std::string real = TRY(new_path(path, LastLink::kFollowed));
  add_name(real, add_node({.permissions = mode & ~umask_}));
  return lookup(real, LastLink::kKept);
}

Result<> MemoryHost::make_directory(std::string_view path, std::uint32_t mode) {
  add_name(TRY(new_path(path, LastLink::kKept)),
           add_node({.is_directory = true, .permissions = mode & ~umask_}));
  return {};
}

Result<MemoryHost::Node*> MemoryHost::named(std::string_view path, LastLink last) {
  const auto found = names_.find(TRY(resolved(path, last)));
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  return &nodes_.at(found->second);
}

Result<> MemoryHost::link(std::string_view from, std::string_view to) {
  Node* const node = TRY(named(from, LastLink::kKept));
  if (node->is_directory) return Error{EPERM, "a directory cannot have a second name"};
  const std::uint64_t id = names_.find(TRY(resolved(from, LastLink::kKept)))->second;
  add_name(TRY(new_path(to, LastLink::kKept)), id);
  ++node->links;
  return {};
}

Result<> MemoryHost::make_link(std::string_view target, std::string_view path) {
  if (target.empty()) return Error{ENOENT, "the target of a link cannot be empty"};
  const std::string real = TRY(new_path(path, LastLink::kKept));
  bytes_ += target.size();
  add_name(real, add_node({.is_link = true, .content = std::string(target), .permissions = 0777}));
  return {};
}

Result<std::string> MemoryHost::read_link(std::string_view path) {
  const Node* const node = TRY(named(path, LastLink::kKept));
  if (!node->is_link) return Error{EINVAL, "it is not a symbolic link"};
  return node->content;
}

Result<> MemoryHost::change_mode(std::string_view path, std::uint32_t permissions) {
  Node* const node = TRY(named(path, LastLink::kFollowed));
  node->permissions = permissions;
  return {};
}

Result<> MemoryHost::set_modified(std::string_view path, std::optional<std::int64_t> seconds) {
  Node* const node = TRY(named(path, LastLink::kFollowed));
  node->modified_s = seconds.value_or(0);  // it has no calendar: now is when it began
  ++node->version;
  return {};
}

// What has no name any more can be reached by its number, like an open file.
void MemoryHost::drop_name(std::map<std::string, std::uint64_t, std::less<>>::iterator name) {
  --nodes_.at(name->second).links;
  bytes_ -= std::min(bytes_, kNameBytes + name->first.size());
  links_.erase(name->first);
  names_.erase(name);
}

Result<> MemoryHost::remove(std::string_view path) {
  const std::string real = TRY(resolved(path, LastLink::kKept));
  const auto found = names_.find(real);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  if (nodes_.at(found->second).is_directory) {
    const auto next = std::next(found);
    const bool is_used = next != names_.end() && next->first.starts_with(real + "/");
    if (is_used) return Error{ENOTEMPTY, "the directory is not empty"};
  }
  drop_name(found);
  return {};
}

Result<> MemoryHost::rename(std::string_view from, std::string_view to) {
  const std::string old_path = TRY(resolved(from, LastLink::kKept));
  const std::string path = TRY(resolved(to, LastLink::kKept));
  const auto found = names_.find(old_path);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  if (old_path == path) return {};
  const std::uint64_t id = found->second;
  if (nodes_.at(id).is_directory) return Error{EISDIR, "it is a directory"};
  if (const auto old = names_.find(path); old != names_.end()) {
    if (nodes_.at(old->second).is_directory) return Error{EISDIR, "it is a directory"};
    drop_name(old);
  }
  TRY(can_add(path));
  names_.erase(names_.find(old_path));
  names_.emplace(path, id);
  if (links_.erase(old_path) != 0) links_.emplace(path, id);
  return {};
}

Result<std::vector<std::string>> MemoryHost::list(std::string_view path) {
  const HostFile folder = TRY(lookup(path));
  if (!folder.is_directory) return Error{ENOTDIR, "it is not a directory"};
  const std::string prefix = folder.path == "/" ? "/" : folder.path + "/";
  std::vector<std::string> names;
  for (auto name = names_.lower_bound(prefix); name != names_.end(); ++name) {
    if (!name->first.starts_with(prefix)) break;
    const std::string_view rest = std::string_view(name->first).substr(prefix.size());
    if (rest.find('/') == std::string_view::npos) names.emplace_back(rest);
  }
  return names;
}

Result<MemoryHost::Node*> MemoryHost::file(std::uint64_t id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return Error{ESTALE, "the file is gone"};
  if (found->second.is_directory) return Error{EISDIR, "it is a directory"};
  return &found->second;
}

Result<std::size_t> MemoryHost::read(std::uint64_t id, std::uint64_t offset,
                                     std::span<std::byte> bytes) {
  const Node* const node = TRY(file(id));
  const std::string& content = node->content;
  if (offset >= content.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(bytes.size(), content.size() - offset);
  if (count != 0) std::memcpy(bytes.data(), content.data() + offset, count);
  return count;
}

// What a file loses is free again; what it has beyond its room is the volume's.
Result<> MemoryHost::resize(Node& node, std::uint64_t size) {
  const std::uint64_t now = node.content.size();
  if (size > now && size - now > kMostBytes - std::min(kMostBytes, bytes_))
    return Error{ENOSPC, "the volume is full"};
  bytes_ = size > now ? bytes_ + (size - now) : bytes_ - std::min(bytes_, now - size);
  node.content.resize(size);
  if (size < now) node.content.shrink_to_fit();
  return {};
}

Result<> MemoryHost::write(std::uint64_t id, std::uint64_t offset,
                           std::span<const std::byte> bytes) {
  Node* const node = TRY(file(id));
  if (offset > kMostBytes || bytes.size() > kMostBytes - offset)
    return Error{EFBIG, "the file is too long"};
  if (node->content.size() < offset + bytes.size()) TRY(resize(*node, offset + bytes.size()));
  if (!bytes.empty()) std::memcpy(node->content.data() + offset, bytes.data(), bytes.size());
  ++node->version;
  return {};
}

Result<std::uint64_t> MemoryHost::size(std::uint64_t id) {
  const Node* const node = TRY(file(id));
  return std::uint64_t{node->content.size()};
}

Result<> MemoryHost::truncate(std::uint64_t id, std::uint64_t size) {
  if (size > kMostBytes) return Error{EFBIG, "the file is too long"};
  Node* const node = TRY(file(id));
  TRY(resize(*node, size));
  ++node->version;
  return {};
}

}  // namespace spindle
