// ControlTree: the files of MOUNT/.spindle, a table of {path, read, write} with folders in it whose
// names are computed.
//
//   tree.add_file("disk/scheduler", {.read = [&] { ... return text; },
//                                    .write = [&](std::string_view text) { ... }});
//   tree.add_folder("proc", processes);
//
// What a file does is said in control_file.h, what a computed folder is in virtual_folder.h. A
// refused write's reason goes to `on_refused`. Folders come into being with the files in them.
// Nothing can be created, renamed or removed by the reader; nothing is ever cached by the kernel,
// and every size is 0, as in /proc.
//
// Used by the runtime's threads. Files are added before the mount answers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "spindle/control/control_file.h"
#include "spindle/control/virtual_folder.h"
#include "spindle/fs/tree.h"

namespace spindle {

class ControlTree final : public Tree {
 public:
  ControlTree();

  /// Adds a file at a path such as "cache/policy". The path must be new.
  void add_file(std::string_view path, ControlFile file);
  /// Adds a file that `open` makes anew for each opening; it is also called once now, to know what
  /// the file can do.
  void add_file(std::string_view path, std::function<ControlFile()> open);
  /// Adds a computed folder, which must outlive the tree. The path must be new.
  void add_folder(std::string_view path, VirtualFolder& folder);
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
  Result<Attributes> lookup_for(const Caller& caller, NodeId directory,
                                std::string_view name) override;
  Result<> read_for(const Caller& caller, NodeId node, std::uint64_t handle, std::uint64_t offset,
                    std::size_t size, const Take& take) override;
  Result<std::size_t> write_for(const Caller& caller, NodeId node, std::uint64_t handle,
                                std::uint64_t offset, std::span<const std::byte> bytes,
                                Setuid setuid) override;

 private:
  using OpenFunction = std::function<std::shared_ptr<const ControlFile>()>;

  /// A folder, or a file, of the table.
  struct Entry {
    bool is_directory = false;
    std::uint32_t mode = 0;
    OpenFunction open;
    std::size_t parent = 0;
    std::size_t folder = 0;  // the number of the computed folder that stands here; 0: none does
    std::map<std::string, std::size_t, std::less<>> children;
  };
  struct ComputedFolder {
    VirtualFolder* folder;
    std::size_t entry;  // where it stands
  };
  struct Handle {
    std::shared_ptr<const ControlFile> file;
    std::string text;
    bool has_text = false;
  };
  /// A node is an entry of the table, or a number within a computed folder.
  struct Place {
    std::size_t entry = 0;
    const ComputedFolder* computed = nullptr;
    VirtualFolder::Id id = 0;
  };

  std::size_t folder_of(std::string_view path);
  std::size_t add_entry(std::string_view path, Entry entry);
  std::size_t add_child(std::size_t parent, std::string_view name, Entry entry);
  [[nodiscard]] Result<Place> place_of(NodeId node) const;
  [[nodiscard]] NodeId node_of(std::size_t index) const;
  [[nodiscard]] NodeId node_of(const ComputedFolder& computed, VirtualFolder::Id id) const;
  [[nodiscard]] Timestamp modified(std::uint32_t mode) const;
  [[nodiscard]] Attributes attributes_of(std::size_t index) const;
  [[nodiscard]] Attributes attributes_of(const ComputedFolder& computed,
                                         const VirtualFolder::Node& node) const;
  Result<> list_table(std::size_t folder, std::int64_t position, const Visit& visit) const;
  Result<> list_computed(const ComputedFolder& computed, VirtualFolder::Id folder,
                         std::int64_t position, const Visit& visit) const;
  Result<Handle*> handle_of(std::uint64_t handle);
  Result<std::string> next_of(const ControlFile::Stream& stream, const Caller& caller,
                              std::size_t size);
  Result<> apply(const ControlFile& file, std::string_view text);
  Result<std::size_t> apply_lines(const ControlFile& file, const Caller& caller,
                                  std::string_view text);
  Error refuse(const ControlFile& file, std::string_view text, Error error);

  std::deque<Entry> entries_;            // entry 0 is the root of the tree
  std::deque<ComputedFolder> computed_;  // number n stands at n - 1
  std::unordered_map<std::uint64_t, Handle> handles_;
  std::uint64_t next_handle_ = 1;
  std::function<void(std::string)> refused_;
  Timestamp made_;
};

}  // namespace spindle
