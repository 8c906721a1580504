// The commands of the shell that are no programs: the list, and those about words and folders.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "cli/shell/shell.h"
#include "cli/shell/test_command.h"
#include "spindle/base/number_text.h"
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
      {"echo", &Shell::do_echo, "[-n] [WORD...]: prints them"},
      {"eval", &Shell::do_eval, "WORD...: runs them as a line"},
      {"exec", &Shell::do_exec, "[PROGRAM...]: runs it and leaves; without one: redirections stay"},
      {"exit", &Shell::do_exit, "[STATUS]: leaves the shell"},
      {"export", &Shell::do_export, "[NAME[=VALUE]...]: programs get these variables"},
      {"false", &Shell::do_false, ": nothing, with status 1"},
      {"fg", &Shell::do_fg, "[%JOB]: a job goes on in the foreground"},
      {"getopts", &Shell::do_getopts, "OPTIONS NAME [WORD...]: the next option; see sh(1)"},
      {"help", &Shell::do_help, ": this list"},
      {"history", &Shell::do_history, ": the lines entered so far"},
      {"jobs", &Shell::do_jobs, ": what was started and has not been waited for"},
      {"kill", &Shell::do_kill, "[-SIGNAL] %JOB|PID...: sends a signal, TERM if not given"},
      {"local", &Shell::do_local, "NAME[=VALUE]...: variables of this function only"},
      {"nice", &Shell::do_nice, "[-n N] PROGRAM...: runs it at another priority"},
      {"pwd", &Shell::do_pwd, ": prints the current folder"},
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
      {"ulimit", &Shell::do_ulimit,
       "-a|[-t|-f|-d|-u|-n|-v] [VALUE]: limits of programs that are started from now on"},
      {"umask", &Shell::do_umask, "[MASK]: permissions that new files do not get, in octal"},
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
  // The last word of "[" is "]"; "test" has none.
  Arguments words = arguments;
  if (!words.empty() && words.back() == "]") words.pop_back();
  const auto answer = evaluate_test(words, outside);
  if (!answer.ok()) return say_error(fmt::format("test: {}", answer.error().what), 2);
  return *answer ? 0 : 1;
}

namespace {

struct LimitKind {
  char letter;
  std::string_view what, unit;
  std::string_view line;  ///< its name in proc/PID/limits
};
constexpr LimitKind kLimitKinds[] = {{'t', "CPU time", "seconds", "Max cpu time"},
                                     {'f', "file size", "bytes", "Max file size"},
                                     {'d', "data size", "bytes", "Max data size"},
                                     {'u', "processes", "of the user", "Max processes"},
                                     {'n', "open files", "descriptors", "Max open files"},
                                     {'v', "address space", "bytes", "Max address space"}};

struct LimitBounds {
  std::string soft = "unlimited", hard = "unlimited";
};

LimitBounds bounds_in(const std::string& limits, const LimitKind& kind) {
  LimitBounds bounds;
  if (const auto at = limits.find(kind.line); at != limits.npos)
    std::istringstream(limits.substr(at + kind.line.size())) >> bounds.soft >> bounds.hard;
  return bounds;
}

/// Whether a limit of `value` is higher than one of `bound`.
bool is_above(const std::string& value, const std::string& bound) {
  if (bound == "unlimited" || value == bound) return false;
  return value == "unlimited" ||
         number_in<std::uint64_t>(value).value_or(0) > number_in<std::uint64_t>(bound).value_or(0);
}

}  // namespace

int Shell::do_ulimit(const Arguments& arguments) {
  // Programs inherit from init the limits that were not set here.
  const std::string inherited = session_.inherited_limits();
  const auto in_force = [&](const LimitKind& kind) {
    const auto found = limits_.find(std::string(1, kind.letter));
    return found == limits_.end() ? bounds_in(inherited, kind).soft : found->second;
  };
  const bool has_option = !arguments.empty() && arguments[0].starts_with('-');
  const std::string option = has_option ? arguments[0] : "-f";
  if (option == "-a" && arguments.size() == 1) {
    for (const LimitKind& kind : kLimitKinds) {
      output_ += fmt::format("{:<14}{:>20} {}\n", kind.what,
                             fmt::format("({}, -{})", kind.unit, kind.letter), in_force(kind));
    }
    return 0;
  }
  const auto* const kind = std::ranges::find_if(kLimitKinds, [&](const LimitKind& known) {
    return option == fmt::format("-{}", known.letter);
  });
  if (kind == std::end(kLimitKinds) || arguments.size() > (has_option ? 2u : 1u))
    return say_error("ulimit: it takes -a, or one of -t, -f, -d, -u, -n and -v and a value", 2);
  if (arguments.size() == (has_option ? 1u : 0u)) {
    output_ = in_force(*kind) + "\n";
    return 0;
  }
  const std::string& value = arguments.back();
  if (value != "unlimited" && !number_in<std::uint64_t>(value))
    return say_error("ulimit: a limit is a number, or unlimited", 2);
  const std::string hard = bounds_in(inherited, *kind).hard;
  if (::geteuid() != 0 && is_above(value, hard))
    return say_error(fmt::format("ulimit: only root may have more than {}", hard), 1);
  limits_[std::string(1, kind->letter)] = value;
  return 0;
}

}  // namespace spindle::cli
