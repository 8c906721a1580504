// ShellPrompt: asks a person at a terminal for the next line, with editing, history (kept in
// ~/.spindle_history) and completion of commands and of the volume's files.
#pragma once

#include <optional>
#include <string>

#include "cli/shell/shell.h"

namespace spindle::cli {

class ShellPrompt {
 public:
  /// There must be only one at a time.
  explicit ShellPrompt(const Shell& shell);
  ~ShellPrompt();
  ShellPrompt(const ShellPrompt&) = delete;
  ShellPrompt& operator=(const ShellPrompt&) = delete;

  /// Nothing at the end of input; "" after Ctrl-C.
  std::optional<std::string> read_line();
  /// A further line of a command that is not complete.
  std::optional<std::string> read_more();

 private:
  static std::optional<std::string> ask(const std::string& prompt);

  const Shell& shell_;
  std::string history_file_;
};

}  // namespace spindle::cli
