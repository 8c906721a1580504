#include "spindle/control/control_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "spindle/base/printable.h"
#include "spindle/fs/interruption.h"

namespace spindle {
namespace {

const Error kNotPermitted{EPERM, "control files cannot be made, renamed or removed"};
const Error kNotSupported{EOPNOTSUPP, "control files do not have that"};

constexpr std::size_t kLongestWrite = 4096;

/// A node's number: which computed folder (0: the table), and the number within it.
constexpr std::uint64_t kIdMask = (std::uint64_t{1} << VirtualFolder::kIdBits) - 1;
constexpr std::size_t kMostComputed = (kControlBit >> VirtualFolder::kIdBits) - 1;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

void take_part(std::string_view text, std::uint64_t offset, std::size_t size,
               const Tree::Take& take) {
  const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset, text.size()));
  const std::span<const std::byte> pieces[] = {
      std::as_bytes(std::span<const char>(text.substr(from, size)))};
  take(pieces);
}

/// "; it takes fcfs, sstf, look", of a choice that shows "fcfs [sstf] look"; otherwise nothing.
std::string choices_of(const ControlFile& file) {
  if (!file.is_choice) return {};
  const Result<std::string> shown = file.read();
  if (!shown.ok()) return {};
  std::string choices = "; it takes ";
  for (const char letter : trimmed(shown.value())) {
    if (letter == ' ') choices += ',';
    if (letter != '[' && letter != ']') choices += letter;
  }
  return choices;
}

/// What the call returns; ENOMEM if memory runs out in it, which the rest of the mount survives.
template <class Call>
auto within_memory(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return Error{ENOMEM, "there is no memory for that"};
  }
}

std::uint32_t permissions_of(const ControlFile& file) {
  const std::uint32_t writers = file.is_for_everyone ? 0222u : 0200u;
  const std::uint32_t readers = file.is_private ? 0400u : 0444u;
  return (file.is_readable() ? readers : 0u) | (file.is_writable() ? writers : 0u);
}

}  // namespace

ControlTree::ControlTree() : made_(wall_time()) {
  Entry root;
  root.is_directory = true;
  entries_.push_back(std::move(root));
}

std::size_t ControlTree::add_child(std::size_t parent, std::string_view name, Entry entry) {
  entry.parent = parent;
  entries_.push_back(std::move(entry));
  const std::size_t index = entries_.size() - 1;
  const bool is_new = entries_[parent].children.emplace(name, index).second;
  CHECK(is_new);
  return index;
}

// The folder in which a path's last part stands; missing folders are made.
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
      folder = add_child(folder, name, std::move(made));
    }
    path.remove_prefix(slash + 1);
  }
  return folder;
}

std::size_t ControlTree::add_entry(std::string_view path, Entry entry) {
  const std::size_t folder = folder_of(path);
  return add_child(folder, path.substr(path.rfind('/') + 1), std::move(entry));
}

void ControlTree::add_file(std::string_view path, ControlFile file) {
  Entry entry;
  entry.mode = permissions_of(file);
  file.path = path;
  entry.open = [shared = std::make_shared<const ControlFile>(std::move(file))] { return shared; };
  add_entry(path, std::move(entry));
}

void ControlTree::add_file(std::string_view path, std::function<ControlFile()> open) {
  Entry entry;
  entry.mode = permissions_of(open());
  entry.open = [path = std::string(path), open = std::move(open)] {
    ControlFile file = open();
    file.path = path;
    return std::make_shared<const ControlFile>(std::move(file));
  };
  add_entry(path, std::move(entry));
}

void ControlTree::add_folder(std::string_view path, VirtualFolder& folder) {
  CHECK(computed_.size() < kMostComputed);
  Entry entry;
  entry.is_directory = true;
  entry.folder = computed_.size() + 1;
  computed_.push_back({&folder, add_entry(path, std::move(entry))});
}

// The folder's own number 0 is its entry in the table, too.
Result<ControlTree::Place> ControlTree::place_of(NodeId node) const {
  const std::uint64_t number = (node & ~kControlBit) >> VirtualFolder::kIdBits;
  const std::uint64_t id = node & kIdMask;
  if (number == 0) {
    if (id - 1 >= entries_.size()) return Error{ENOENT, "there is no such control file"};
    const std::size_t folder = entries_[id - 1].folder;
    return Place{id - 1, folder == 0 ? nullptr : &computed_[folder - 1], 0};
  }
  if (number > computed_.size()) return Error{ENOENT, "there is no such control file"};
  const ComputedFolder& computed = computed_[number - 1];
  return Place{computed.entry, &computed, id};
}

NodeId ControlTree::node_of(std::size_t index) const {
  return kControlBit | (index + 1);
}

NodeId ControlTree::node_of(const ComputedFolder& computed, VirtualFolder::Id id) const {
  if (id == 0) return node_of(computed.entry);
  const auto number = static_cast<std::uint64_t>(entries_[computed.entry].folder);
  return kControlBit | number << VirtualFolder::kIdBits | id;
}

Attributes ControlTree::attributes_of(std::size_t index) const {
  const Entry& entry = entries_[index];
  Attributes attributes;
  attributes.node = node_of(index);
  attributes.mode = entry.is_directory ? S_IFDIR | 0555 : S_IFREG | entry.mode;
  attributes.links = entry.is_directory ? 2 : 1;
  attributes.uid = ::geteuid();
  attributes.gid = ::getegid();
  attributes.block_size = 4096;
  attributes.accessed = attributes.changed = attributes.born = made_;
  attributes.modified = modified(attributes.mode);
  return attributes;
}

// The kernel keeps a listing until this time changes, and what a folder shows changes unseen.
Timestamp ControlTree::modified(std::uint32_t mode) const {
  return S_ISDIR(mode) ? wall_time() : made_;
}

Attributes ControlTree::attributes_of(const ComputedFolder& computed,
                                      const VirtualFolder::Node& node) const {
  if (node.id == 0) return attributes_of(computed.entry);
  Attributes attributes = attributes_of(computed.entry);
  attributes.node = node_of(computed, node.id);
  attributes.generation = node.generation;
  attributes.mode = node.mode;
  attributes.modified = modified(node.mode);
  attributes.links = S_ISDIR(node.mode) ? 2 : 1;
  attributes.uid = node.uid;
  attributes.gid = node.gid;
  attributes.shown_inode = node.inode;
  return attributes;
}

Result<Attributes> ControlTree::lookup(NodeId directory, std::string_view name) {
  return lookup_for({}, directory, name);
}

Result<Attributes> ControlTree::lookup_for(const Caller& caller, NodeId directory,
                                           std::string_view name) {
  const Place place = TRY(place_of(directory));
  if (name == ".") return attributes(directory);
  if (place.computed != nullptr) {
    VirtualFolder& folder = *place.computed->folder;
    if (name != "..") {
      return attributes_of(*place.computed, TRY(folder.lookup(caller, place.id, name)));
    }
    if (place.id != 0) {
      const auto node = TRY(folder.node(place.id));
      return attributes_of(*place.computed, TRY(folder.node(node.parent)));
    }
  }
  const Entry& folder = entries_[place.entry];
  if (!folder.is_directory) return Error{ENOTDIR};
  if (name == "..") return attributes_of(folder.parent);
  const auto found = folder.children.find(name);
  if (found == folder.children.end()) return Error{ENOENT, "there is no such control file"};
  return attributes_of(found->second);
}

void ControlTree::forget(NodeId, std::uint64_t) {}

Result<Attributes> ControlTree::attributes(NodeId node) {
  const Place place = TRY(place_of(node));
  if (place.id == 0) return attributes_of(place.entry);
  return attributes_of(*place.computed, TRY(place.computed->folder->node(place.id)));
}

// The shell's `>` truncates before it writes: accepted, and without effect.
Result<Attributes> ControlTree::set_attributes(const Caller&, NodeId node,
                                               const AttributeChange& change) {
  if (change.mode || change.uid || change.gid) return kNotPermitted;
  return attributes(node);
}

Result<std::string> ControlTree::read_link(NodeId node) {
  const Place place = TRY(place_of(node));
  if (place.id == 0) return Error{EINVAL, "it is not a symbolic link"};
  return place.computed->folder->target(place.id);
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
  const Place place = TRY(place_of(node));
  std::shared_ptr<const ControlFile> file;
  if (place.id != 0) {
    file = std::make_shared<const ControlFile>(TRY(place.computed->folder->open(place.id)));
  } else if (!entries_[place.entry].is_directory) {
    file = entries_[place.entry].open();
  } else {
    return Error{EISDIR};
  }
  const int access = flags & O_ACCMODE;
  if (access != O_WRONLY && !file->is_readable()) return Error{EACCES, "it can only be written"};
  if (access != O_RDONLY && !file->is_writable()) return Error{EACCES, "it can only be read"};
  const std::uint64_t handle = next_handle_++;
  handles_.emplace(handle, Handle{.file = std::move(file), .text = {}});
  return Opened{.handle = handle};
}

void ControlTree::release(NodeId, std::uint64_t handle) {
  handles_.erase(handle);
}

Result<ControlTree::Handle*> ControlTree::handle_of(std::uint64_t handle) {
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return Error{EBADF};
  return &found->second;
}

Result<> ControlTree::read(NodeId node, std::uint64_t handle, std::uint64_t offset,
                           std::size_t size, const Take& take) {
  return read_for({.may_wait = false}, node, handle, offset, size, take);
}

// The kernel keeps a handle open for as long as a request names it, so it is still there after a
// wait.
Result<> ControlTree::read_for(const Caller& caller, NodeId, std::uint64_t handle,
                               std::uint64_t offset, std::size_t size, const Take& take) {
  Handle& opened = *TRY(handle_of(handle));
  const ControlFile& file = *opened.file;
  if (file.stream.take) {
    take_part(TRY(next_of(file.stream, caller, size)), 0, size, take);
    return {};
  }
  if (!file.is_readable()) return Error{EBADF};
  if (offset == 0 || !opened.has_text) {
    opened.text =
        TRY(within_memory([&] { return file.read_for ? file.read_for(caller) : file.read(); }));
    opened.has_text = true;
  }
  take_part(opened.text, offset, size, take);
  return {};
}

Result<std::string> ControlTree::next_of(const ControlFile::Stream& stream, const Caller& caller,
                                         std::size_t size) {
  while (true) {
    std::string text = TRY(stream.take(size));
    if (!text.empty() || size == 0) return text;
    if (!caller.may_wait) return Error{EAGAIN, "nothing is there yet"};
    if (caller.interruption == nullptr) {
      stream.arrivals->wait();
    } else if (!caller.interruption->wait(*stream.arrivals)) {
      return Error{EINTR};
    }
  }
}

Result<std::size_t> ControlTree::write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                                       std::span<const std::byte> bytes, Setuid setuid) {
  return write_for({}, node, handle, offset, bytes, setuid);
}

Result<std::size_t> ControlTree::write_for(const Caller& caller, NodeId, std::uint64_t handle,
                                           std::uint64_t, std::span<const std::byte> bytes,
                                           Setuid) {
  const std::shared_ptr<const ControlFile> file = TRY(handle_of(handle))->file;
  if (!file->is_writable()) return Error{EACCES, "it can only be read"};
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (file->input) return file->input(text);
  if (text.size() > kLongestWrite) {
    return refuse(*file, text, Error{EINVAL, "the value is too long"});
  }
  if (file->command) return apply_lines(*file, caller, text);
  TRY(apply(*file, trimmed(text)));
  return bytes.size();
}

Result<> ControlTree::apply(const ControlFile& file, std::string_view text) {
  const Result<> result = within_memory([&] { return file.write(text); });
  return result.ok() ? result : refuse(file, text, result.error());
}

Result<std::size_t> ControlTree::apply_lines(const ControlFile& file, const Caller& caller,
                                             std::string_view text) {
  std::size_t done = 0;
  const bool is_blank = trimmed(text).empty();  // nothing at all is no command, and is refused
  while (done < text.size()) {
    const std::size_t end = std::min(text.find('\n', done), text.size() - 1) + 1;
    const std::string_view line = trimmed(text.substr(done, end - done));
    const bool is_skipped = line.empty() && !is_blank;
    const Result<> result = is_skipped ? Result<>() : file.command(caller, line);
    if (!result.ok()) {
      const Error error = refuse(file, line, result.error());
      if (done == 0) return error;
      return done;
    }
    done = end;
  }
  return done;
}

// Tells why, in words.
Error ControlTree::refuse(const ControlFile& file, std::string_view text, Error error) {
  if (refused_) {
    refused_(file.path + ": '" + printable(text.substr(0, 64)) + "' is refused: " +
             error.describe() + (error.code == EINVAL ? choices_of(file) : std::string()));
  }
  return error;
}

Result<> ControlTree::sync(NodeId, SyncOf) {
  return {};
}
Result<> ControlTree::sync_directory(NodeId) {
  return {};
}
Result<> ControlTree::sync_all() {
  return {};
}
Result<> ControlTree::allocate(const Caller&, NodeId, int, std::uint64_t, std::uint64_t) {
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
  const Place place = TRY(place_of(directory));
  if (place.computed != nullptr) {
    return list_computed(*place.computed, place.id, position, visit);
  }
  if (!entries_[place.entry].is_directory) return Error{ENOTDIR};
  return list_table(place.entry, position, visit);
}

Result<> ControlTree::list_table(std::size_t folder, std::int64_t position,
                                 const Visit& visit) const {
  std::int64_t next = 0;
  const auto show = [&](std::string_view name, std::size_t index) {
    ++next;
    if (next <= position) return true;
    const std::uint32_t type = entries_[index].is_directory ? S_IFDIR : S_IFREG;
    return visit({name, node_of(index), type, next});
  };
  if (!show(".", folder) || !show("..", entries_[folder].parent)) return {};
  for (const auto& [name, index] : entries_[folder].children) {
    if (!show(name, index)) return {};
  }
  return {};
}

Result<> ControlTree::list_computed(const ComputedFolder& computed, VirtualFolder::Id folder,
                                    std::int64_t position, const Visit& visit) const {
  constexpr std::int64_t kDots = 2;  // the positions of "." and ".."
  const NodeId parent = folder == 0 ? node_of(entries_[computed.entry].parent)
                                    : node_of(computed, TRY(computed.folder->node(folder)).parent);
  const auto items = TRY(computed.folder->list(folder));
  if (position < 1 && !visit({".", node_of(computed, folder), S_IFDIR, 1})) return {};
  if (position < 2 && !visit({"..", parent, S_IFDIR, kDots})) return {};
  for (const VirtualFolder::Item& item : items) {
    const std::int64_t at = kDots + item.position;
    if (at > position && !visit({item.name, node_of(computed, item.id), item.type, at})) return {};
  }
  return {};
}

// Not EOPNOTSUPP: then the kernel, which looks for an ACL, would let only the owner in.
Result<std::string> ControlTree::get_xattr(NodeId, std::string_view) {
  return Error{ENODATA, "control files have no attributes"};
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
