// The shell's own commands about what it keeps for later: traps, aliases, the mask of files.

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/shell/keys.h"
#include "cli/shell/shell.h"
#include "control/run_line.h"
#include "spindle/base/number_text.h"
#include "spindle/base/shell_words.h"
#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

/// The number of the signal, 0 for EXIT; nothing if it is not a signal, or cannot be caught.
std::optional<int> trap_of(const std::string& name) {
  if (name == "EXIT" || name == "0") return 0;
  const auto signal = signal_of(name);
  if (!signal || *signal < 1 || *signal > SIGTTOU) return std::nullopt;
  if (*signal == SIGKILL || *signal == SIGSTOP || *signal == SIGCHLD) return std::nullopt;
  return signal;
}

}  // namespace

int Shell::do_trap(const Arguments& arguments) {
  if (arguments.empty()) {
    for (const auto& [signal, commands] : traps_)
      output_ += fmt::format("trap -- {} {}\n", quoted_shell_word(commands),
                             signal == 0 ? "EXIT" : signal_name(signal));
    return 0;
  }
  std::size_t first = arguments[0] == "--" ? 1 : 0;
  // A number as the first word resets, as a dash does.
  const bool resets = first < arguments.size() &&
                      (arguments[first] == "-" || number_in(arguments[first]).has_value());
  const std::string commands = first < arguments.size() ? arguments[first] : "";
  if (!resets || commands == "-") ++first;
  if (first >= arguments.size()) return say_error("trap: for which signal?", 2);
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const auto signal = trap_of(arguments[i]);
    if (!signal)
      return say_error(fmt::format("trap: {}: there is no such signal to catch", arguments[i]), 2);
    if (resets)
      traps_.erase(*signal);
    else
      traps_[*signal] = commands;
    if (*signal == 0) continue;
    set_trap(*signal, resets             ? TrapKind::kDefault
                      : commands.empty() ? TrapKind::kIgnored
                                         : TrapKind::kNoted);
  }
  return 0;
}

int Shell::do_alias(const Arguments& arguments) {
  const auto show = [this](const std::string& name, const std::string& text) {
    output_ += fmt::format("alias {}={}\n", name, quoted_shell_word(text));
  };
  if (arguments.empty())
    for (const auto& [name, text] : aliases_) show(name, text);
  int status = 0;
  for (const std::string& argument : arguments) {
    const std::size_t split = argument.find('=');
    const std::string name = argument.substr(0, split);
    if (split != argument.npos && split != 0) {
      aliases_[name] = argument.substr(split + 1);
    } else if (const auto known = aliases_.find(name); known != aliases_.end()) {
      show(known->first, known->second);
    } else {
      status = say_error(fmt::format("alias: {}: there is no such alias", argument));
    }
  }
  return status;
}

int Shell::do_unalias(const Arguments& arguments) {
  if (arguments.empty()) return say_error("unalias: which one?", 2);
  int status = 0;
  for (const std::string& name : arguments) {
    if (name == "-a")
      aliases_.clear();
    else if (aliases_.erase(name) == 0)
      status = say_error(fmt::format("unalias: {}: there is no such alias", name));
  }
  return status;
}

int Shell::do_umask(const Arguments& arguments) {
  if (arguments.empty()) {
    output_ = fmt::format("{:04o}\n", mask_);
    return 0;
  }
  const auto mask = control::file_mask_of(arguments[0]);
  if (!mask.ok()) return say_error(fmt::format("umask: {}", mask.error().what), 2);
  mask_ = *mask;
  ::umask(mask_);
  return 0;
}

int Shell::do_type(const Arguments& arguments) {
  int status = 0;
  for (const std::string& name : arguments) {
    if (const auto alias = aliases_.find(name); alias != aliases_.end()) {
      output_ += fmt::format("{} is an alias for {}\n", name, alias->second);
    } else if (functions_.contains(name)) {
      output_ += fmt::format("{} is a function\n", name);
    } else if (own_command(name) != nullptr) {
      output_ += fmt::format("{} is the shell's own\n", name);
    } else if (const std::string path = find_program(name); !path.empty()) {
      output_ += fmt::format("{} is {}\n", name, path);
    } else {
      status = say_error(fmt::format("type: {}: there is no such command", name));
    }
  }
  return status;
}

}  // namespace spindle::cli
