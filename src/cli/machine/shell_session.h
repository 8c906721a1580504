// ShellSession: a person's sitting at a terminal of the simulated machine of a mount.
//
//   ShellSession session("m", complaint);       // complains unless a volume is mounted there
//   std::vector<int> processes;
//   const std::string refusal = session.start("/bin/hog.lua", processes);     // "" if it started
//   session.show_output();                      // to standard output, what was written by now
//
// All goes through the files of MOUNT/.spindle; nothing here waits for the machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/mount_control.h"

namespace spindle::cli {

/// How a process fares.
struct ProcessStatus {
  enum class Kind : std::uint8_t { kRunning, kStopped, kEnded };
  Kind kind = Kind::kRunning;
  int exit_status = 0;  ///< as a shell has it: 128 + the signal that ended it
};

class ShellSession {
 public:
  ShellSession(const std::string& mount, Complaint& complaint);
  ~ShellSession();
  ShellSession(const ShellSession&) = delete;
  ShellSession& operator=(const ShellSession&) = delete;

  /// Starts what the line says (as machine/run takes it) at this terminal. Answers why not.
  std::string start(const std::string& line, std::vector<int>& processes);
  [[nodiscard]] std::vector<ProcessStatus> statuses(const std::vector<int>& processes);
  /// A verb of proc/PID/ctl. Answers why not.
  std::string tell(int process, const std::string& verb);
  void show_output();
  /// To whoever reads from the terminal. Answers how much was typed.
  std::size_t type(std::string_view text);
  void type_end();
  /// What was typed and nobody read is gone.
  void forget_typed();
  /// Where the file of the volume is for us.
  [[nodiscard]] std::string outside(const std::string& path) const { return mount_ + path; }

 private:
  [[nodiscard]] std::string refusal(int error) const;
  [[nodiscard]] int open(const std::string& name, int flags) const;

  MountControl control_;
  std::string mount_;
  int terminal_ = -1;
  int run_ = -1;
  int status_ = -1;
  int terminal_number_ = -1;
};

}  // namespace spindle::cli
