// RecordingTree: passes every operation on to another tree, and tells its listeners what it was.
//
//   RecordingTree tree(volume);
//   tree.add(listener);          // hears of each operation when it has ended
//
// Without listeners an operation costs one comparison more. Used by the runtime's threads.
#pragma once

#include <span>
#include <vector>

#include "spindle/fs/tree.h"
#include "spindle/record/operation.h"

namespace spindle {

class OperationListener {
 public:
  virtual ~OperationListener() = default;
  /// A sync of this file or directory is about to begin. May suspend.
  virtual void syncing(NodeId node) { static_cast<void>(node); }
  /// The file is about to get one more name. Must not suspend.
  virtual void linking(NodeId node) { static_cast<void>(node); }
  /// `data` is what was written; times are of the monotonic clock. Must not suspend.
  virtual void done(const Operation& operation, std::span<const std::byte> data) = 0;
};

class RecordingTree final : public Tree {
 public:
  explicit RecordingTree(Tree& below) : below_(below) {}

  void add(OperationListener& listener) { listeners_.push_back(&listener); }
  void remove(OperationListener& listener) { std::erase(listeners_, &listener); }

  Result<Attributes> lookup(NodeId directory, std::string_view name) override;
  void forget(NodeId node, std::uint64_t references) override;
  Result<Attributes> attributes(NodeId node) override;
  Result<Attributes> set_attributes(const Caller& caller, NodeId node,
                                    const AttributeChange& change) override;
  Result<std::string> read_link(NodeId node) override;
  Result<Attributes> create(const Caller& caller, NodeId directory, std::string_view name,
                            std::uint32_t mode) override;
  Result<Attributes> make_node(const Caller& caller, NodeId directory, std::string_view name,
                               std::uint32_t mode, std::uint32_t device_major,
                               std::uint32_t device_minor) override;
  Result<Attributes> make_directory(const Caller& caller, NodeId directory, std::string_view name,
                                    std::uint32_t mode) override;
  Result<Attributes> symlink(const Caller& caller, NodeId directory, std::string_view name,
                             std::string_view target) override;
  Result<Attributes> link(NodeId node, NodeId directory, std::string_view name) override;
  Result<Attributes> temporary_file(const Caller& caller, NodeId directory,
                                    std::uint32_t mode) override;
  Result<> unlink(NodeId directory, std::string_view name) override;
  Result<> remove_directory(NodeId directory, std::string_view name) override;
  Result<> rename(const Caller& caller, NodeId from, std::string_view name, NodeId to,
                  std::string_view new_name, std::uint32_t flags) override;
  Result<Opened> open(NodeId node, int flags) override;
  void release(NodeId node, std::uint64_t handle) override { below_.release(node, handle); }
  Result<> read(NodeId node, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                const Take& take) override;
  Result<> read_for(const Caller& caller, NodeId node, std::uint64_t handle, std::uint64_t offset,
                    std::size_t size, const Take& take) override;
  Result<std::size_t> write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                            std::span<const std::byte> bytes, Setuid setuid) override;
  Result<> sync(NodeId node, SyncOf what) override;
  Result<> sync_directory(NodeId node) override;
  Result<> sync_all() override;
  Result<> allocate(const Caller& caller, NodeId node, int mode, std::uint64_t offset,
                    std::uint64_t length) override;
  Result<std::uint64_t> seek(NodeId node, std::uint64_t offset, int whence) override;
  Result<std::size_t> copy_range(NodeId from, std::uint64_t from_offset, NodeId to,
                                 std::uint64_t to_offset, std::uint64_t length) override;
  Result<> read_directory(NodeId directory, std::int64_t position, const Visit& visit) override;
  Result<std::string> get_xattr(NodeId node, std::string_view name) override;
  Result<> set_xattr(const Caller& caller, NodeId node, std::string_view name,
                     std::span<const std::byte> value, int flags) override;
  Result<std::string> list_xattr(NodeId node) override;
  Result<> remove_xattr(const Caller& caller, NodeId node, std::string_view name) override;
  Result<Space> space() override;
  std::string path(NodeId node) override { return below_.path(node); }

 private:
  template <class Run, class Describe>
  auto record(Operation::Kind kind, NodeId node, const Run& run, const Describe& describe,
              std::span<const std::byte> data = {}) -> decltype(run());
  void tell(Operation& operation, std::int64_t began_ns, std::span<const std::byte> data);
  void announce_sync(NodeId node);

  Tree& below_;
  std::vector<OperationListener*> listeners_;
};

}  // namespace spindle
