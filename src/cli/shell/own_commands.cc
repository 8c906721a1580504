// The commands of the shell that are no programs: the list, and those about words and folders.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/shell/numbers.h"
#include "cli/shell/shell.h"
#include "cli/shell/test_command.h"
#include "spindle/base/shell_words.h"

namespace spindle::cli {

const std::vector<Shell::Own>& Shell::own_commands() {
  static const std::vector<Own> all = {
      {".", &Shell::do_source, "FILE: runs a file of the volume in this shell"},
      {":", &Shell::do_true, ": nothing, successfully"},
      {"[", &Shell::do_test, "...]: as test"},
      {"alias", &Shell::do_alias, "[NAME[=TEXT]...]: NAME stands for TEXT, from the next line on"},
      {"bg", &Shell::do_bg, "[%JOB]: a stopped job goes on in the background"},
      {"break", &Shell::do_break, "[N]: leaves the loop, or N loops"},
      {"cd", &Shell::do_cd,
       "[DIRECTORY]: to that folder of the volume; without one, to $HOME or /"},
      {"command", &Shell::do_command, "-v NAME: what NAME would run"},
      {"continue", &Shell::do_continue, "[N]: the next round of the loop"},
      {"echo", &Shell::do_echo, "[-n] [WORD...]: says them"},
      {"eval", &Shell::do_eval, "WORD...: runs them as a line"},
      {"exec", &Shell::do_exec, "[PROGRAM...]: runs it and leaves; alone: redirections stay"},
      {"exit", &Shell::do_exit, "[STATUS]: leaves the shell"},
      {"export", &Shell::do_export, "[NAME[=VALUE]...]: programs get these variables"},
      {"false", &Shell::do_false, ": nothing, with status 1"},
      {"fg", &Shell::do_fg, "[%JOB]: a job goes on in the foreground"},
      {"getopts", &Shell::do_getopts, "OPTIONS NAME [WORD...]: the next option; see sh(1)"},
      {"help", &Shell::do_help, ": this list"},
      {"history", &Shell::do_history, ": the lines by now"},
      {"jobs", &Shell::do_jobs, ": what was started and has not been waited for"},
      {"kill", &Shell::do_kill, "[-SIGNAL] %JOB|PID...: sends a signal, TERM if not given"},
      {"local", &Shell::do_local, "NAME[=VALUE]...: variables of this function alone"},
      {"nice", &Shell::do_nice, "[-n N] PROGRAM...: runs it at another priority"},
      {"pwd", &Shell::do_pwd, ": the folder"},
      {"read", &Shell::do_read,
       "[-r] [-p PROMPT] [-d END] [-n COUNT] [-t SECONDS] [-u FD] NAME...: a line, word by word"},
      {"readonly", &Shell::do_readonly, "NAME[=VALUE]...: variables that stay as they are"},
      {"return", &Shell::do_return, "[STATUS]: leaves the function"},
      {"set", &Shell::do_set, "[-efux] [+efux] [-- WORD...]: options; $1, $2...; all variables"},
      {"shift", &Shell::do_shift, "[N]: $1 is what $2 was"},
      {"source", &Shell::do_source, "FILE: as ."},
      {"test", &Shell::do_test, "EXPRESSION: of files, words and numbers; see sh(1)"},
      {"trap", &Shell::do_trap, "[COMMANDS|-] [SIGNAL|EXIT...]: what runs when they come"},
      {"true", &Shell::do_true, ": nothing, successfully"},
      {"type", &Shell::do_type, "NAME...: what each would run"},
      {"ulimit", &Shell::do_ulimit, "[-t|-f|-d|-u|-n|-v [VALUE]]: limits of what is started next"},
      {"umask", &Shell::do_umask, "[MASK]: permissions that what is made does not have, octal"},
      {"unalias", &Shell::do_unalias, "-a|NAME...: forgets aliases"},
      {"unset", &Shell::do_unset, "[-f] NAME...: forgets variables, or functions"},
      {"wait", &Shell::do_wait, "[%JOB|PID...]: until these, or all jobs, have ended"},
  };
  return all;
}

const Shell::Own* Shell::own_command(std::string_view name) {
  const auto found = std::ranges::find(own_commands(), name, &Own::name);
  return found == own_commands().end() ? nullptr : &*found;
}

int Shell::do_help(const Arguments&) {
  for (const Own& own : own_commands()) output_ += fmt::format("{} {}\n", own.name, own.help);
  output_ += "Any other command is a program on the volume, in a folder of PATH.\n";
  return 0;
}

int Shell::do_history(const Arguments&) {
  for (std::size_t i = 0; i < history_.size(); ++i)
    output_ += fmt::format("{:5}  {}\n", i + 1, history_[i]);
  return 0;
}

int Shell::do_true(const Arguments&) {
  return 0;
}

int Shell::do_false(const Arguments&) {
  return 1;
}

int Shell::do_echo(const Arguments& arguments) {
  const bool is_open = !arguments.empty() && arguments[0] == "-n";
  output_ =
      fmt::format("{}{}", fmt::join(arguments.begin() + (is_open ? 1 : 0), arguments.end(), " "),
                  is_open ? "" : "\n");
  return 0;
}

int Shell::do_pwd(const Arguments&) {
  output_ = directory_ + "\n";
  return 0;
}

int Shell::do_cd(const Arguments& arguments) {
  std::string where = arguments.empty() ? variable("HOME").value_or("/") : arguments[0];
  const bool goes_back = where == "-";
  if (goes_back) where = variable("OLDPWD").value_or(directory_);
  const std::string target = absolute(where);
  struct stat found {};
  if (::stat(session_.outside(target).c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    return say_error(fmt::format("cd: {}: there is no such folder on the volume", target));
  (void)variables_.set("OLDPWD", directory_);
  directory_ = target;
  if (goes_back) output_ = directory_ + "\n";
  return 0;
}

int Shell::do_command(const Arguments& arguments) {
  if (arguments.size() != 2 || arguments[0] != "-v")
    return say_error("command: here it only tells what a name would run: command -v NAME", 2);
  const std::string& name = arguments[1];
  if (functions_.contains(name) || own_command(name) != nullptr) {
    output_ = name + "\n";
    return 0;
  }
  const std::string path = find_program(name);
  if (path.empty()) return 1;
  output_ = path + "\n";
  return 0;
}

int Shell::do_test(const Arguments& arguments) {
  const auto outside = [this](const std::string& path, LastLink last) {
    return session_.outside(absolute(path), last);
  };
  // "[" is told from "test" by its last word, which only the former needs to have.
  Arguments words = arguments;
  if (!words.empty() && words.back() == "]") words.pop_back();
  const auto answer = evaluate_test(words, outside);
  if (!answer.ok()) return say_error(fmt::format("test: {}", answer.error().what), 2);
  return *answer ? 0 : 1;
}

int Shell::do_ulimit(const Arguments& arguments) {
  constexpr std::string_view kNames = "tfdunv";
  if (arguments.empty()) {
    for (const auto& [name, value] : limits_) output_ += fmt::format("-{} {}\n", name, value);
    return 0;
  }
  const std::string& option = arguments[0];
  if (option.size() != 2 || option[0] != '-' || kNames.find(option[1]) == kNames.npos)
    return say_error("ulimit: the limits are -t, -f, -d, -u, -n and -v", 2);
  const std::string name = option.substr(1);
  if (arguments.size() == 1) {
    const auto found = limits_.find(name);
    output_ = found == limits_.end() ? "not set\n" : found->second + "\n";
    return 0;
  }
  const bool is_value = arguments[1] == "unlimited" || number_of(arguments[1]).value_or(-1) >= 0;
  if (!is_value) return say_error("ulimit: a limit is a number, or unlimited", 2);
  limits_[name] = arguments[1];
  return 0;
}

}  // namespace spindle::cli
