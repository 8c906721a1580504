// ControlTree: the files of MOUNT/.spindle, a table of {path, read, write}.
//
//   tree.add_file("disk/scheduler", {.read = [&] { ... return text; }, .write =
//   [&](std::string_view text) { ... }});
//
// A file's text is made when it is opened and stays the same until it is closed, so a reader never
// sees half of two states. A write hands over the text without its line end; an Error refuses it
// (EINVAL and the like reach the writer's write(2)), and its reason goes to `on_refused`. Folders
// come into being with the files in them. Nothing can be created, renamed or removed by the reader;
// nothing is ever cached by the kernel.
//
// Used by the runtime's threads. Files are added before the mount answers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "spindle/fs/tree.h"

namespace spindle {

struct ControlFile {
  std::function<Result<std::string>()> read = {};             ///< empty: cannot be read
  std::function<Result<>(std::string_view text)> write = {};  ///< empty: cannot be written
};

class ControlTree final : public Tree {
 public:
  ControlTree();

  /// Adds a file at a path such as "cache/policy". The path must be new.
  void add_file(std::string_view path, ControlFile file);
  /// Told of each refused write, in words: "disk/scheduler: no arm policy has that name".
  void on_refused(std::function<void(std::string text)> told) { refused_ = std::move(told); }

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
  void release(NodeId node, std::uint64_t handle) override;
  Result<> read(NodeId node, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                const Take& take) override;
  Result<std::size_t> write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                            std::span<const std::byte> bytes, bool clear_setuid) override;
  Result<> sync(NodeId node, bool data_only) override;
  Result<> sync_directory(NodeId node) override;
  Result<> sync_all() override;
  Result<> allocate(NodeId node, int mode, std::uint64_t offset, std::uint64_t length) override;
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

 private:
  struct Entry {
    std::string path;
    bool is_directory = false;
    ControlFile file;
    std::size_t parent = 0;
    std::map<std::string, std::size_t, std::less<>> children;
  };

  std::size_t folder_of(std::string_view path);
  std::size_t add_entry(std::size_t parent, std::string_view name, Entry entry);
  Result<const Entry*> entry(NodeId node) const;
  [[nodiscard]] Attributes attributes_of(std::size_t index) const;
  static NodeId node_of(std::size_t index) { return kControlBit | (index + 1); }

  std::deque<Entry> entries_;  // entry 0 is the root of the tree
  std::unordered_map<std::uint64_t, std::string> open_texts_;
  std::uint64_t next_handle_ = 1;
  std::function<void(std::string)> refused_;
  Timestamp made_;
};

}  // namespace spindle
