// .spindle/proc: the simulated machine as Linux's procfs shows a machine.
//
// A node's number says whose it is: the process, the thread (0: none), the kind of file, and a
// number among its kind. A process that asks for /proc/<own process number> finds an alias of
// `self` that no list shows: ps and its like look themselves up there.
#pragma once

#include "control/machine_access.h"
#include "spindle/control/virtual_folder.h"
#include "spindle/procfs/process_files.h"

namespace spindle::control {

class ProcessFolder final : public VirtualFolder {
 public:
  /// `mount_point`: where a real process finds the volume's root.
  ProcessFolder(MachineAccess machine, std::string mount_point)
      : machine_(machine), mount_point_(std::move(mount_point)) {}

  Result<Node> lookup(const Caller& caller, Id folder, std::string_view name) override;
  Result<Node> node(Id id) override;
  Result<std::vector<Item>> list(Id folder) override;
  Result<std::string> target(Id link) override;
  Result<ControlFile> open(Id file) override;

  /// What a number says.
  struct Place {
    std::uint32_t process = 0;
    std::uint32_t thread = 0;  ///< kMainThread: the main thread, under the name of its process
    std::uint32_t kind = 0;
    std::uint32_t number = 0;
    bool is_alias = false;  ///< of `self`, under the asker's own number
    [[nodiscard]] Id id() const;
    static Place of(Id id);
    /// Another place of the same process or thread.
    [[nodiscard]] Place with(std::uint32_t other_kind, std::uint32_t other_number = 0) const {
      return {process, thread, other_kind, other_number, is_alias};
    }
  };

 private:
  /// A process with what one of its files needs to know beside it.
  struct Found {
    ProcessSnapshot process;
    ThreadSnapshot thread;
    ProcessNumber shown = 0;
    std::uint32_t cpus = 1;
  };

  /// ESRCH if there is no such process or thread.
  [[nodiscard]] Result<Found> find(const Place& place, WithAreas areas = WithAreas::kNo) const;
  /// The same; ESRCH also if the process is no longer the one that started then.
  [[nodiscard]] Result<Found> find_again(const Place& place, VirtualTime started,
                                         WithAreas areas = WithAreas::kNo) const;
  [[nodiscard]] Result<Node> node_of(const Place& place, const Found& found) const;
  [[nodiscard]] Result<Node> lookup_process(const Caller& caller, std::string_view name) const;
  [[nodiscard]] Result<std::string> target_of(const Place& place, const Found& found) const;
  [[nodiscard]] Result<std::string> file_text(const procfs::ProcessFile& file, const Place& place,
                                              VirtualTime started) const;
  [[nodiscard]] Result<std::string> text_of(const Place& place, VirtualTime started) const;
  [[nodiscard]] Result<ControlFile> open_top(std::uint32_t number);
  [[nodiscard]] Result<std::vector<Item>> list_top() const;
  /// The items of a folder of the process; ENOTDIR if the place is no folder.
  static Result<std::vector<Item>> items_of(const Place& place, const ProcessSnapshot& process);
  static std::vector<Item> list_path(const Place& place);
  static std::vector<Item> list_process(const Place& place, const ProcessSnapshot& process);
  static std::vector<Item> list_threads(const Place& place, const ProcessSnapshot& process);
  static std::vector<Item> list_numbers(const Place& place, const ProcessSnapshot& process);
  [[nodiscard]] ControlFile command_file(const Place& place, VirtualTime started) const;

  /// Of the volume's files: `maps` shows the one that stat(2) tells a real process.
  [[nodiscard]] std::string_view device() const;

  MachineAccess machine_;
  std::string mount_point_;
  mutable std::string device_;  ///< as long as nobody has asked: empty
};

}  // namespace spindle::control
