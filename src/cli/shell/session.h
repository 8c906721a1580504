// ShellSession: what a person has at a terminal of the simulated machine of a mount.
//
//   ShellSession session("m", complaint);       // complains unless a volume is mounted there
//   TRY(session.open_terminals());
//   std::vector<int> processes;
//   const std::string refusal = session.start("/bin/hog.lua", processes);     // "" if it started
//   session.show_output();                      // what was written by now
//
// All goes through the files of MOUNT/.spindle; nothing here waits for the machine. What programs
// write to their terminal goes to descriptor 1; where descriptor 2 stands for something else, they
// have a second terminal for errors, which goes there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/mount_control.h"
#include "spindle/base/path_links.h"
#include "spindle/base/result.h"

namespace spindle::cli {

/// The state of a process.
struct ProcessStatus {
  enum class Kind : std::uint8_t { kRunning, kStopped, kEnded };
  Kind kind = Kind::kRunning;
  int exit_status = 0;      ///< as a shell has it: 128 + the signal that ended it
  bool is_reading = false;  ///< it waits for what is typed
};

class ShellSession {
 public:
  ShellSession(const std::string& mount, Complaint& complaint);
  ~ShellSession();
  ShellSession(const ShellSession&) = delete;
  ShellSession& operator=(const ShellSession&) = delete;

  /// Opens terminals for programs, according to descriptors 1 and 2 as they stand now.
  Result<> open_terminals();
  /// Gives them up after a fork: a copy of the shell shares nothing with it.
  void leave_terminals();
  /// The number of the terminal for errors; -1: they go where all output goes.
  [[nodiscard]] int error_terminal() const { return has_errors_ ? errors_.number : -1; }

  /// Starts what the line, in the form of machine/run, says at this terminal. Returns why not, or
  /// "".
  std::string start(const std::string& line, std::vector<int>& processes);
  [[nodiscard]] std::vector<ProcessStatus> statuses(const std::vector<int>& processes);
  /// Writes the verb to proc/PID/ctl. Returns why not, or "".
  std::string tell(int process, const std::string& verb);
  /// The text of proc/PID/limits of init, from which all that is started inherits its limits.
  [[nodiscard]] std::string inherited_limits() const { return control_.text("proc/1/limits"); }
  /// Shows what programs have written. False if nobody reads it any more.
  bool show_output();
  /// Types to the process that reads from the terminal. Returns how much was typed.
  std::size_t type(std::string_view text);
  void type_end();
  /// Forgets what was typed and nobody has read.
  void forget_typed();
  /// The path of the volume's file for this process: symbolic links lead within the volume, as they
  /// do for the machine.
  [[nodiscard]] std::string outside(const std::string& path,
                                    LastLink last = LastLink::kFollowed) const;

 private:
  struct Terminal {
    int fd = -1;
    int number = -1;
  };

  [[nodiscard]] std::string refusal(int error) const;
  [[nodiscard]] int open(const std::string& name, int flags) const;
  [[nodiscard]] Result<Terminal> open_terminal() const;

  MountControl control_;
  std::string mount_;
  Terminal terminal_;
  Terminal errors_;
  bool has_errors_ = false;
  int run_ = -1;
  int status_ = -1;
};

}  // namespace spindle::cli
