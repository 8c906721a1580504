#include <fcntl.h>

#include <algorithm>
#include <shared_mutex>

#include "file_content.h"
#include "names.h"
#include "xattr_edit.h"

namespace spindle {
namespace {

Result<NodeRef> file(Volume& volume, NodeId id) {
  NodeRef node = TRY(volume.node(id));
  if (node->is_directory()) return Error{EISDIR, "it is a directory"};
  if (!node->is_regular()) return Error{EINVAL, "it is not a regular file"};
  return node;
}

/// Makes everything of the file durable, as fsync does.
Result<> make_durable(Volume& volume, Node& node, SyncOf what) {
  if (volume.options.read_only) return {};
  if (what == SyncOf::kFile) TRY(volume.pending_times.write(node));
  return volume.journal->sync_file(node.number,
                                   what == SyncOf::kData ? node.content_changed : node.changed);
}

}  // namespace

Result<Opened> FileSystem::open(NodeId id, int flags) {
  const auto look = [&]() -> Result<Opened> {
    const NodeRef node = TRY(volume_->node(id));
    const bool reads = (flags & O_ACCMODE) != O_WRONLY && (flags & O_NOATIME) == 0;
    if (!reads || !node->is_regular()) return Opened{};
    const std::shared_lock guard(node->lock);
    return Opened{.has_changed_times = touch_accessed(*volume_, *node)};
  };
  return volume_->told("open", look());
}

void FileSystem::release(NodeId, std::uint64_t) {}

Result<> FileSystem::read(NodeId id, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                          const Take& take) {
  return read_for({}, id, handle, offset, size, take);
}

Result<> FileSystem::read_for(const Caller& caller, NodeId id, std::uint64_t, std::uint64_t offset,
                              std::size_t size, const Take& take) {
  const auto read_from = [&]() -> Result<> {
    const NodeRef node = TRY(file(*volume_, id));
    const std::shared_lock guard(node->lock);
    TRY(read_content(*volume_, *node, offset, size, take));
    if (caller.sets_access_time) touch_accessed(*volume_, *node);
    return {};
  };
  return volume_->told("read", read_from());
}

Result<std::size_t> FileSystem::write(NodeId id, std::uint64_t, std::uint64_t offset,
                                      std::span<const std::byte> bytes, Setuid setuid) {
  const auto write_to = [&]() -> Result<> {
    const NodeRef node = TRY(file(*volume_, id));
    const auto held = TRY(hold_content(*volume_, *node));
    if (setuid != Setuid::kKeep) TRY(drop_capabilities(*volume_, *node));
    TRY(write_content(*volume_, *node, offset, bytes, setuid));
    return volume_->options.sync ? make_durable(*volume_, *node, SyncOf::kFile) : Result<>{};
  };
  const Result<> written = volume_->told("write", volume_->with_space(write_to));
  if (!written.ok()) return written.error();
  return bytes.size();
}

Result<> FileSystem::sync(NodeId id, SyncOf what) {
  const auto sync_one = [&]() -> Result<> {
    return make_durable(*volume_, *TRY(volume_->node(id)), what);
  };
  return volume_->told("sync", sync_one());
}

Result<> FileSystem::sync_directory(NodeId id) {
  return sync(id, SyncOf::kFile);
}

Result<> FileSystem::sync_all() {
  const auto sync_volume = [&]() -> Result<> {
    if (volume_->options.read_only) return {};
    TRY(volume_->pending_times.write_all());
    TRY(volume_->cache->flush_all());
    // Otherwise a replay would overwrite what is in its place now with an older copy from the log.
    TRY(volume_->journal->checkpoint());
    return volume_->cache->flush_device();
  };
  return volume_->told("sync_all", sync_volume());
}

Result<std::string> FileSystem::read_link(NodeId id) {
  const auto read_target = [&]() -> Result<std::string> {
    const NodeRef node = TRY(volume_->node(id));
    if (!node->is_symlink()) return Error{EINVAL, "it is not a symbolic link"};
    const std::shared_lock guard(node->lock);
    const std::size_t size = node->inode.size;
    std::string target;
    if (node->map_kind() == format::MapKind::kInline) {
      const auto* inline_target = reinterpret_cast<const char*>(node->inode.map_root);
      target.assign(inline_target, std::min(size, format::kMapRootSize));
    } else {
      TRY(read_content(*volume_, *node, 0, size, [&](auto pieces) {
        for (const auto& piece : pieces) {
          target.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        }
      }));
    }
    touch_accessed(*volume_, *node);
    return target;
  };
  return volume_->told("read_link", read_target());
}

}  // namespace spindle
