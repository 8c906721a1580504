// Supervisor: makes kill, renice and the like reach simulated processes, for `spindle enter`.
//
//   const int listener = install_filter();            // in the process that will run the tools
//   Supervisor supervisor(listener, machine_proc);    // in another, outside of the namespaces
//   supervisor.serve(until);
//
// The filter hands each system call that names a process to the supervisor (seccomp(2),
// SECCOMP_RET_USER_NOTIF). If the number is that of a simulated process, the supervisor does to it
// what was asked, through its ctl file and as the asking user, and answers the call; if not, the
// kernel goes on with it.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace spindle::cli {

/// Installs the filter for the calling process and all that it will run. Returns the listener, or
/// -1 with errno.
int install_filter();

class Supervisor {
 public:
  /// `machine_proc` is the folder .spindle/proc. Both descriptors still belong to the caller.
  Supervisor(int listener, int machine_proc) : listener_(listener), proc_(machine_proc) {}

  /// Answers calls until `until` is readable.
  void serve(int until);

 private:
  /// What the system call returns, or -errno; nothing: the kernel is to do it.
  using Answer = std::optional<std::int64_t>;

  void answer_one();
  Answer answer(const seccomp_notif& call);
  Answer signal(std::int64_t process, std::int64_t signal);
  Answer signal_descriptor(const seccomp_notif& call);
  /// The processes that a kind (PRIO_PROCESS ...) and a number mean; nothing if none is the
  /// machine's.
  std::optional<std::vector<std::int64_t>> meant_by(const seccomp_notif& call, std::int64_t which,
                                                    std::int64_t who);
  Answer priority(const seccomp_notif& call);
  Answer set_nice(const std::vector<std::int64_t>& processes, std::int64_t nice);
  std::int64_t best_priority(const std::vector<std::int64_t>& processes);
  Answer io_priority(const seccomp_notif& call);
  Answer set_io_priority(const std::vector<std::int64_t>& processes, std::uint64_t priority);
  std::int64_t best_io_priority(const std::vector<std::int64_t>& processes);
  std::int64_t io_priority_of(std::int64_t process);
  Answer set_affinity(const seccomp_notif& call);
  Answer get_affinity(const seccomp_notif& call);
  Answer set_scheduler(const seccomp_notif& call);
  Answer get_scheduler(const seccomp_notif& call);
  Answer set_attributes(const seccomp_notif& call);
  Answer get_attributes(const seccomp_notif& call);
  Answer limit(const seccomp_notif& call);

  /// Writes a line into the ctl of a process or thread. Returns 0 or -errno; nothing if it does not
  /// exist.
  Answer command(std::int64_t process, const std::string& line);
  /// The same for several: 0 if one of them accepted it, otherwise the last error.
  Answer command_all(const std::vector<std::int64_t>& processes, const std::string& line);
  /// The folder of a process or thread below proc, "101" or "101/task/102"; empty if there is none.
  std::string folder_of(std::int64_t process);
  std::string read_file(const std::string& path) const;
  /// Field `number` of stat, counted from 1; only those from the third on.
  std::optional<std::int64_t> stat_field(const std::string& folder, int number) const;
  std::vector<std::int64_t> processes() const;
  std::vector<std::int64_t> group_of(std::int64_t group) const;
  std::vector<std::int64_t> processes_of_user(std::int64_t uid) const;
  static std::int64_t real_user(const seccomp_notif& call);

  /// Reads the asking process's memory; false if the process is gone or the address is bad.
  bool read_memory(const seccomp_notif& call, std::uint64_t address, void* to, std::size_t size);
  bool write_memory(const seccomp_notif& call, std::uint64_t address, const void* from,
                    std::size_t size);
  bool still_asks(const seccomp_notif& call) const;

  int listener_;
  int proc_;
};

}  // namespace spindle::cli
