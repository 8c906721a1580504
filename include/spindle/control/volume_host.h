// VolumeHost: the mounted volume as the files of the simulated machine.
//
//   LiveMachine live(configuration, [&] {
//     return std::make_unique<VolumeHost>(*Runtime::current(), volume, "/mnt"); });
//
// The machine calls it from its own kernel thread; each operation is done by a user-space thread of
// the volume's runtime, like a request of the kernel, while the machine waits. So nothing may block
// the runtime's kernel thread to wait for the machine. What the machine has looked up stays
// referenced, up to a bound, so that an open file outlives its last name.
//
// The permissions of the mode bits hold for the user of a simulated process; uid 0 of the machine
// may do anything within the volume.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "spindle/fs/tree.h"
#include "spindle/machine/machine_host.h"
#include "spindle/thread/runtime.h"

namespace spindle {

/// Told what the machine changes, on the machine's kernel thread: for whoever keeps a copy of some
/// of the volume.
struct VolumeListener {
  std::function<void(NodeId file)> content = {};
  std::function<void(NodeId directory, const std::string& name)> name = {};
};

class VolumeHost final : public MachineHost {
 public:
  static constexpr std::size_t kMostReferences = 4096;

  /// Both must outlive it; it goes before the runtime stops.
  VolumeHost(thread::Runtime& runtime, Tree& volume, std::string mount_point,
             VolumeListener listener = {})
      : runtime_(runtime),
        volume_(volume),
        mount_point_(std::move(mount_point)),
        listener_(std::move(listener)) {}
  ~VolumeHost() override;

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
  [[nodiscard]] std::string real_path(std::string_view path) const override;

 private:
  struct Place {
    Attributes directory;
    std::string name;
    bool operator==(const Place& other) const {
      return directory.node == other.directory.node && name == other.name;
    }
  };
  using Places = std::vector<Place>;
  struct Walked {
    Attributes file;
    std::string path;  ///< without symbolic links
  };
  /// What `work` answers, a Result, on a thread of the volume; an error if none can be made.
  template <class Work>
  std::invoke_result_t<Work> on_volume(Work work);
  [[nodiscard]] bool may(const Attributes& file, std::uint32_t bits) const;
  [[nodiscard]] Caller caller() const;
  using MakeChange = std::function<Result<AttributeChange>(const Attributes& file)>;
  Result<> change_attributes(std::string_view path, const MakeChange& make);
  [[nodiscard]] HostFile describe(const Walked& found) const;
  Result<Attributes> step(const Attributes& directory, const std::string& name);
  Result<Walked> walk(std::string_view path, LastLink last = LastLink::kFollowed);
  Result<Place> parent_of(std::string_view path);
  Result<> check_sticky(const Place& place);
  Result<HostFile> create_at(const std::string& path, std::uint32_t mode, Place& place);
  /// Makes the name, and tells of it.
  using MakeName = std::function<Result<Attributes>(const Place& place)>;
  Result<> add_name(std::string_view path, const MakeName& make);
  void keep(NodeId node);
  void note_name(const Attributes& file, const Place& place);
  /// All names of the file that somebody may have found it by.
  Places names_of(NodeId file);
  void find_names(const Attributes& file, Places& places);
  [[nodiscard]] bool is_at(NodeId file, const Place& place);
  std::vector<NodeId> linked_files_at(const Places& places);
  /// What was changed is told, under all names.
  Result<> after_change(const Result<>& changed, NodeId file, const Places& names) const;
  void tell_name(const Place& place) const;
  void tell_names(const Places& places) const;

  thread::Runtime& runtime_;
  Tree& volume_;
  std::string mount_point_;
  VolumeListener listener_;
  std::set<NodeId> kept_;
  std::map<NodeId, Places> names_;  ///< the names by which the files in `kept_` were found
  std::deque<NodeId> kept_in_order_;
};

}  // namespace spindle
