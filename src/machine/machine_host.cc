#include "spindle/machine/machine_host.h"

#include <algorithm>
#include <cstring>

namespace spindle {
namespace {

constexpr std::uint32_t kFolder = 040000, kFile = 0100000;
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
    names_.emplace(folder, add_node(true, kFolderPermissions));
  }
  const auto [name, is_new] = names_.try_emplace(std::string(path), next_id_);
  if (is_new) add_node(false, kFilePermissions);
  Node& node = nodes_[name->second];
  node.content = content;
  ++node.version;
}

Result<HostFile> MemoryHost::lookup(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty())
    return HostFile{.id = 1, .is_directory = true, .mode = kFolder | kFolderPermissions};
  const auto found = names_.find(path);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  const Node& node = nodes_.at(found->second);
  return HostFile{.id = found->second,
                  .size = node.content.size(),
                  .is_directory = node.is_directory,
                  .version = node.version,
                  .mode = (node.is_directory ? kFolder : kFile) | node.permissions,
                  .links = node.links,
                  .modified_s = node.modified_s};
}

Result<> MemoryHost::can_add(std::string_view path) const {
  if (path.empty() || path.front() != '/' || path.ends_with('/'))
    return Error{EINVAL, "the path names no file"};
  if (names_.contains(path)) return Error{EEXIST, "there is such a file"};
  const std::string_view folder = parent_of(path);
  if (folder.empty()) return {};
  const auto found = names_.find(folder);
  if (found == names_.end()) return Error{ENOENT, "there is no such directory"};
  if (!nodes_.at(found->second).is_directory) return Error{ENOTDIR, "it is no directory"};
  return {};
}

std::uint64_t MemoryHost::add_node(bool is_directory, std::uint32_t permissions) {
  Node& node = nodes_[next_id_];
  node.is_directory = is_directory;
  node.permissions = permissions;
  return next_id_++;
}

Result<HostFile> MemoryHost::create(std::string_view path, std::uint32_t mode) {
  TRY(can_add(path));
  names_.emplace(path, add_node(false, mode & ~umask_));
  return lookup(path);
}

Result<> MemoryHost::make_directory(std::string_view path, std::uint32_t mode) {
  TRY(can_add(path));
  names_.emplace(path, add_node(true, mode & ~umask_));
  return {};
}

Result<MemoryHost::Node*> MemoryHost::named(std::string_view path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  return &nodes_.at(found->second);
}

Result<> MemoryHost::link(std::string_view from, std::string_view to) {
  Node* const node = TRY(named(from));
  if (node->is_directory) return Error{EPERM, "a directory has one name"};
  TRY(can_add(to));
  names_.emplace(to, names_.find(from)->second);
  ++node->links;
  return {};
}

Result<> MemoryHost::change_mode(std::string_view path, std::uint32_t permissions) {
  Node* const node = TRY(named(path));
  node->permissions = permissions;
  return {};
}

Result<> MemoryHost::set_modified(std::string_view path, std::optional<std::int64_t> seconds) {
  Node* const node = TRY(named(path));
  node->modified_s = seconds.value_or(0);  // it has no calendar: now is when it began
  ++node->version;
  return {};
}

/// What has no name any more can be reached by its number, like an open file.
void MemoryHost::drop_name(std::map<std::string, std::uint64_t, std::less<>>::iterator name) {
  --nodes_.at(name->second).links;
  names_.erase(name);
}

Result<> MemoryHost::remove(std::string_view path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  if (nodes_.at(found->second).is_directory) {
    const auto next = std::next(found);
    const bool is_used = next != names_.end() && next->first.starts_with(std::string(path) + "/");
    if (is_used) return Error{ENOTEMPTY, "the directory is not empty"};
  }
  drop_name(found);
  return {};
}

Result<> MemoryHost::rename(std::string_view from, std::string_view to) {
  const auto found = names_.find(from);
  if (found == names_.end()) return Error{ENOENT, "there is no such file"};
  if (from == to) return {};
  const std::uint64_t id = found->second;
  if (nodes_.at(id).is_directory) return Error{EISDIR, "it is a directory"};
  if (const auto old = names_.find(to); old != names_.end()) {
    if (nodes_.at(old->second).is_directory) return Error{EISDIR, "it is a directory"};
    drop_name(old);
  }
  TRY(can_add(to));
  names_.erase(names_.find(from));
  names_.emplace(to, id);
  return {};
}

Result<std::vector<std::string>> MemoryHost::list(std::string_view path) {
  const HostFile folder = TRY(lookup(path));
  if (!folder.is_directory) return Error{ENOTDIR, "it is no directory"};
  std::string prefix(path);
  while (prefix.ends_with('/')) prefix.pop_back();
  prefix += '/';
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

Result<> MemoryHost::write(std::uint64_t id, std::uint64_t offset,
                           std::span<const std::byte> bytes) {
  Node* const node = TRY(file(id));
  std::string& content = node->content;
  constexpr std::uint64_t kLargest = 1u << 30;
  if (offset > kLargest || bytes.size() > kLargest - offset)
    return Error{EFBIG, "the file is too long"};
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  if (!bytes.empty()) std::memcpy(content.data() + offset, bytes.data(), bytes.size());
  ++node->version;
  return {};
}

Result<std::uint64_t> MemoryHost::size(std::uint64_t id) {
  const Node* const node = TRY(file(id));
  return std::uint64_t{node->content.size()};
}

Result<> MemoryHost::truncate(std::uint64_t id, std::uint64_t size) {
  if (size > 1u << 30) return Error{EFBIG, "the file is too long"};
  Node* const node = TRY(file(id));
  node->content.resize(size);
  ++node->version;
  return {};
}

}  // namespace spindle
