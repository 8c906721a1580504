#include "spindle/record/recording_tree.h"

#include "spindle/base/clock.h"

namespace spindle {
namespace {

using Kind = Operation::Kind;

void nothing_more(Operation&) {}

NodeId node_of(const Result<Attributes>& result) {
  return result.ok() ? result->node : 0;
}
template <class T>
NodeId node_of(const Result<T>&) {
  return 0;
}

}  // namespace

template <class Run, class Describe>
auto RecordingTree::record(Operation::Kind kind, NodeId node, const Run& run,
                           const Describe& describe, std::span<const std::byte> data)
    -> decltype(run()) {
  if (listeners_.empty()) return run();
  const std::int64_t began_ns = monotonic_ns();
  auto result = run();
  Operation operation;
  operation.kind = kind;
  operation.node = node;
  operation.error = result.code();
  operation.result = node_of(result);
  describe(operation);
  tell(operation, began_ns, data);
  return result;
}

void RecordingTree::tell(Operation& operation, std::int64_t began_ns,
                         std::span<const std::byte> data) {
  operation.begin_ns = began_ns;
  operation.took_ns = monotonic_ns() - began_ns;
  for (OperationListener* listener : listeners_) listener->done(operation, data);
}

Result<Attributes> RecordingTree::lookup(NodeId directory, std::string_view name) {
  return record(
      Kind::kLookup, directory, [&] { return below_.lookup(directory, name); },
      [&](Operation& o) { o.name = name; });
}

void RecordingTree::forget(NodeId node, std::uint64_t references) {
  const auto forget_it = [&]() -> Result<> {
    below_.forget(node, references);
    return {};
  };
  record(Kind::kForget, node, forget_it, [&](Operation& o) { o.size = references; }).take();
}

Result<Attributes> RecordingTree::attributes(NodeId node) {
  return record(
      Kind::kAttributes, node, [&] { return below_.attributes(node); }, nothing_more);
}

Result<Attributes> RecordingTree::set_attributes(const Caller& caller, NodeId node,
                                                 const AttributeChange& change) {
  return record(
      Kind::kSetAttributes, node, [&] { return below_.set_attributes(caller, node, change); },
      [&](Operation& o) {
        const bool times = change.accessed || change.modified || change.changed;
        o.flags = (change.mode ? 1u : 0u) | (change.size ? 2u : 0u) | (times ? 4u : 0u);
        o.mode = change.mode ? change.to.mode : 0;
        o.size = change.size ? change.to.size : 0;
      });
}

Result<std::string> RecordingTree::read_link(NodeId node) {
  return record(
      Kind::kReadLink, node, [&] { return below_.read_link(node); }, nothing_more);
}

Result<Attributes> RecordingTree::create(const Caller& caller, NodeId directory,
                                         std::string_view name, std::uint32_t mode) {
  return record(
      Kind::kCreate, directory, [&] { return below_.create(caller, directory, name, mode); },
      [&](Operation& o) {
        o.name = name;
        o.mode = mode;
      });
}

Result<Attributes> RecordingTree::make_node(const Caller& caller, NodeId directory,
                                            std::string_view name, std::uint32_t mode,
                                            std::uint32_t device_major,
                                            std::uint32_t device_minor) {
  return record(
      Kind::kMakeNode, directory,
      [&] { return below_.make_node(caller, directory, name, mode, device_major, device_minor); },
      [&](Operation& o) {
        o.name = name;
        o.mode = mode;
      });
}

Result<Attributes> RecordingTree::make_directory(const Caller& caller, NodeId directory,
                                                 std::string_view name, std::uint32_t mode) {
  return record(
      Kind::kMakeDirectory, directory,
      [&] { return below_.make_directory(caller, directory, name, mode); },
      [&](Operation& o) {
        o.name = name;
        o.mode = mode;
      });
}

Result<Attributes> RecordingTree::symlink(const Caller& caller, NodeId directory,
                                          std::string_view name, std::string_view target) {
  return record(
      Kind::kSymlink, directory, [&] { return below_.symlink(caller, directory, name, target); },
      [&](Operation& o) {
        o.name = name;
        o.new_name = target;
      });
}

Result<Attributes> RecordingTree::link(NodeId node, NodeId directory, std::string_view name) {
  for (OperationListener* listener : listeners_) listener->linking(node);
  return record(
      Kind::kLink, node, [&] { return below_.link(node, directory, name); },
      [&](Operation& o) {
        o.other = directory;
        o.name = name;
      });
}

Result<Attributes> RecordingTree::temporary_file(const Caller& caller, NodeId directory,
                                                 std::uint32_t mode) {
  return record(
      Kind::kTemporaryFile, directory,
      [&] { return below_.temporary_file(caller, directory, mode); },
      [&](Operation& o) { o.mode = mode; });
}

Result<> RecordingTree::unlink(NodeId directory, std::string_view name) {
  return record(
      Kind::kUnlink, directory, [&] { return below_.unlink(directory, name); },
      [&](Operation& o) { o.name = name; });
}

Result<> RecordingTree::remove_directory(NodeId directory, std::string_view name) {
  return record(
      Kind::kRemoveDirectory, directory, [&] { return below_.remove_directory(directory, name); },
      [&](Operation& o) { o.name = name; });
}

Result<> RecordingTree::rename(const Caller& caller, NodeId from, std::string_view name, NodeId to,
                               std::string_view new_name, std::uint32_t flags) {
  return record(
      Kind::kRename, from, [&] { return below_.rename(caller, from, name, to, new_name, flags); },
      [&](Operation& o) {
        o.name = name;
        o.other = to;
        o.new_name = new_name;
        o.flags = flags;
      });
}

Result<Opened> RecordingTree::open(NodeId node, int flags) {
  return record(
      Kind::kOpen, node, [&] { return below_.open(node, flags); },
      [&](Operation& o) { o.flags = static_cast<std::uint64_t>(flags); });
}

Result<> RecordingTree::read(NodeId node, std::uint64_t handle, std::uint64_t offset,
                             std::size_t size, const Take& take) {
  return read_for({}, node, handle, offset, size, take);
}

Result<> RecordingTree::read_for(const Caller& caller, NodeId node, std::uint64_t handle,
                                 std::uint64_t offset, std::size_t size, const Take& take) {
  return record(
      Kind::kRead, node, [&] { return below_.read_for(caller, node, handle, offset, size, take); },
      [&](Operation& o) {
        o.offset = offset;
        o.size = size;
      });
}

Result<std::size_t> RecordingTree::write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                                         std::span<const std::byte> bytes, Setuid setuid) {
  return record(
      Kind::kWrite, node, [&] { return below_.write(node, handle, offset, bytes, setuid); },
      [&](Operation& o) {
        o.offset = offset;
        o.size = bytes.size();
      },
      bytes);
}

// While a listener waits, others may be added and removed.
void RecordingTree::announce_sync(NodeId node) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->syncing(node);
}

Result<> RecordingTree::sync(NodeId node, SyncOf what) {
  announce_sync(node);
  return record(
      Kind::kSync, node, [&] { return below_.sync(node, what); },
      [&](Operation& o) { o.flags = what == SyncOf::kData ? 1 : 0; });
}

Result<> RecordingTree::sync_directory(NodeId node) {
  announce_sync(node);
  return record(
      Kind::kSyncDirectory, node, [&] { return below_.sync_directory(node); }, nothing_more);
}

Result<> RecordingTree::sync_all() {
  return record(
      Kind::kSyncAll, kRootNode, [&] { return below_.sync_all(); }, nothing_more);
}

Result<> RecordingTree::allocate(const Caller& caller, NodeId node, int mode, std::uint64_t offset,
                                 std::uint64_t length) {
  return record(
      Kind::kAllocate, node, [&] { return below_.allocate(caller, node, mode, offset, length); },
      [&](Operation& o) {
        o.flags = static_cast<std::uint64_t>(mode);
        o.offset = offset;
        o.size = length;
      });
}

Result<std::uint64_t> RecordingTree::seek(NodeId node, std::uint64_t offset, int whence) {
  return record(
      Kind::kSeek, node, [&] { return below_.seek(node, offset, whence); },
      [&](Operation& o) {
        o.offset = offset;
        o.flags = static_cast<std::uint64_t>(whence);
      });
}

Result<std::size_t> RecordingTree::copy_range(NodeId from, std::uint64_t from_offset, NodeId to,
                                              std::uint64_t to_offset, std::uint64_t length) {
  return record(
      Kind::kCopyRange, from,
      [&] { return below_.copy_range(from, from_offset, to, to_offset, length); },
      [&](Operation& o) {
        o.offset = from_offset;
        o.other = to;
        o.mode = to_offset;
        o.size = length;
      });
}

Result<> RecordingTree::read_directory(NodeId directory, std::int64_t position,
                                       const Visit& visit) {
  std::uint64_t seen = 0;
  const auto counted = [&](const DirectoryItem& item) {
    ++seen;
    return visit(item);
  };
  return record(
      Kind::kReadDirectory, directory,
      [&] { return below_.read_directory(directory, position, counted); },
      [&](Operation& o) {
        o.offset = position == 0 ? 0 : 1;
        o.size = seen;
      });
}

Result<std::string> RecordingTree::get_xattr(NodeId node, std::string_view name) {
  return record(
      Kind::kGetXattr, node, [&] { return below_.get_xattr(node, name); },
      [&](Operation& o) { o.name = name; });
}

Result<> RecordingTree::set_xattr(const Caller& caller, NodeId node, std::string_view name,
                                  std::span<const std::byte> value, int flags) {
  return record(
      Kind::kSetXattr, node, [&] { return below_.set_xattr(caller, node, name, value, flags); },
      [&](Operation& o) {
        o.name = name;
        o.size = value.size();
        o.flags = static_cast<std::uint64_t>(flags);
      },
      value);
}

Result<std::string> RecordingTree::list_xattr(NodeId node) {
  return record(
      Kind::kListXattr, node, [&] { return below_.list_xattr(node); }, nothing_more);
}

Result<> RecordingTree::remove_xattr(const Caller& caller, NodeId node, std::string_view name) {
  return record(
      Kind::kRemoveXattr, node, [&] { return below_.remove_xattr(caller, node, name); },
      [&](Operation& o) { o.name = name; });
}

Result<Space> RecordingTree::space() {
  return record(
      Kind::kSpace, kRootNode, [&] { return below_.space(); }, nothing_more);
}

}  // namespace spindle
