// MachineHost: through it a simulated machine reaches its files.
//
// The machine's paths begin with '/', the root of the volume. The machine decides when virtual time
// passes for a transfer; the host only moves bytes, at once, as long as that may take in the real
// world. It is called by the one kernel thread that runs the machine, and never while that thread
// is answering somebody else.
//
//   MemoryHost host;
//   host.add("/bin/hog.lua", "compute(1000)");
//   auto machine = TRY(Machine::create({}, host));
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/path_links.h"
#include "spindle/base/result.h"

namespace spindle {

struct HostFile {
  std::uint64_t id = 0;  ///< the same for every name of the file; never 0
  std::string path;      ///< where it was found, without symbolic links
  std::uint64_t size = 0;
  bool is_directory = false;
  std::uint64_t version = 0;  ///< another one after each change
  bool may_read = true;       ///< whoever `as_user` named
  bool may_write = true;
  std::uint32_t mode = 0100644;  ///< as in stat(2)
  std::uint32_t links = 1;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t modified_s = 0;  ///< since 1970
};

class MachineHost {
 public:
  virtual ~MachineHost() = default;

  /// What follows is done for this user, without the permissions of `umask` for what is made: paths
  /// are walked, and names added and removed, with no more than the user's permissions (EACCES).
  void as_user(std::uint32_t uid, std::uint32_t gid, std::uint32_t umask = 022) {
    uid_ = uid;
    gid_ = gid;
    umask_ = umask;
  }

  /// ENOENT, ENOTDIR; symbolic links are followed inside the volume, and so is the last name if it
  /// is one, unless it is to be kept.
  virtual Result<HostFile> lookup(std::string_view path, LastLink last) = 0;
  Result<HostFile> lookup(std::string_view path) { return lookup(path, LastLink::kFollowed); }
  /// A new, empty file with the user as its owner, where a link leads if the name is one; EEXIST if
  /// there is such a file.
  virtual Result<HostFile> create(std::string_view path, std::uint32_t mode) = 0;
  virtual Result<> make_directory(std::string_view path, std::uint32_t mode) = 0;
  virtual Result<> remove(std::string_view path) = 0;
  virtual Result<> rename(std::string_view from, std::string_view to) = 0;
  /// Another name of the file; EPERM for a directory.
  virtual Result<> link(std::string_view from, std::string_view to) = 0;
  /// EEXIST; that the target is there is not asked.
  virtual Result<> make_link(std::string_view target, std::string_view path) = 0;
  /// The link's target; EINVAL for what is no link.
  virtual Result<std::string> read_link(std::string_view path) = 0;
  /// EPERM unless it is the user's own.
  virtual Result<> change_mode(std::string_view path, std::uint32_t permissions) = 0;
  /// Nothing: now; then whoever may write may do it.
  virtual Result<> set_modified(std::string_view path, std::optional<std::int64_t> seconds) = 0;
  /// Names in the directory, in order, without "." and "..".
  virtual Result<std::vector<std::string>> list(std::string_view path) = 0;

  /// Of the file with that id; fewer bytes at its end.
  virtual Result<std::size_t> read(std::uint64_t id, std::uint64_t offset,
                                   std::span<std::byte> bytes) = 0;
  virtual Result<> write(std::uint64_t id, std::uint64_t offset,
                         std::span<const std::byte> bytes) = 0;
  virtual Result<std::uint64_t> size(std::uint64_t id) = 0;
  virtual Result<> truncate(std::uint64_t id, std::uint64_t size) = 0;

  /// The path under which a real process finds the file.
  [[nodiscard]] virtual std::string real_path(std::string_view path) const {
    return std::string(path);
  }

 protected:
  std::uint32_t uid_ = 0;
  std::uint32_t gid_ = 0;
  std::uint32_t umask_ = 022;
};

/// The whole of a file, up to `most` bytes; EFBIG if there are more.
Result<std::string> read_whole(MachineHost& host, std::string_view path, std::size_t most);

/// A volume in memory. Folders come into being with the files in them. What is made and written
/// takes no more than kMostBytes (ENOSPC); what was `add`ed does not count.
class MemoryHost final : public MachineHost {
 public:
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

  /// Adds or replaces a file.
  void add(std::string_view path, std::string_view content);

  using MachineHost::lookup;
  Result<HostFile> lookup(std::string_view path, LastLink last) override;
  Result<HostFile> create(std::string_view path, std::uint32_t mode) override;
  Result<> make_directory(std::string_view path, std::uint32_t mode) override;
  Result<> remove(std::string_view path) override;
  Result<> rename(std::string_view from, std::string_view to) override;
  Result<> link(std::string_view from, std::string_view to) override;
  Result<> make_link(std::string_view target, std::string_view path) override;
  Result<std::string> read_link(std::string_view path) override;
  Result<> change_mode(std::string_view path, std::uint32_t permissions) override;
  Result<> set_modified(std::string_view path, std::optional<std::int64_t> seconds) override;
  Result<std::vector<std::string>> list(std::string_view path) override;
  Result<std::size_t> read(std::uint64_t id, std::uint64_t offset,
                           std::span<std::byte> bytes) override;
  Result<> write(std::uint64_t id, std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<std::uint64_t> size(std::uint64_t id) override;
  Result<> truncate(std::uint64_t id, std::uint64_t size) override;

 private:
  struct Node {
    bool is_directory = false;
    bool is_link = false;
    std::string content;  ///< for a link its target
    std::uint64_t version = 0;
    std::uint32_t permissions = 0;
    std::uint32_t links = 1;
    std::int64_t modified_s = 0;
  };
  std::uint64_t add_node(Node node);
  Result<> resize(Node& node, std::uint64_t size);
  void add_name(std::string path, std::uint64_t id);
  [[nodiscard]] Result<std::string> resolved(std::string_view path, LastLink last) const;
  /// The path of a name that may not be there yet.
  [[nodiscard]] Result<std::string> new_path(std::string_view path, LastLink last) const;
  Result<Node*> named(std::string_view path, LastLink last);
  void drop_name(std::map<std::string, std::uint64_t, std::less<>>::iterator name);
  Result<Node*> file(std::uint64_t id);
  Result<> can_add(std::string_view path) const;

  std::map<std::string, std::uint64_t, std::less<>> names_;  ///< by path; the root has none
  std::map<std::string, std::uint64_t> links_;               ///< the names of symbolic links
  std::map<std::uint64_t, Node> nodes_;  ///< also files that have no name any more
  std::uint64_t next_id_ = 2;
  std::uint64_t bytes_ = 0;  ///< made and written
};

}  // namespace spindle
