#include "cli/shell/shell.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <glob.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/shell/keys.h"
#include "spindle/base/number_text.h"
#include "spindle/base/shell_words.h"

namespace spindle::cli {
namespace {

constexpr int kDeepestCall = 200;  // texts and functions, one in another

/// A pattern for glob(3) in which all characters stand for themselves.
std::string plain_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace

Shell::Shell(ShellSession& session, Mode mode, std::vector<std::string> arguments)
    : session_(session), mode_(mode), name_("spindle shell") {
  if (!arguments.empty()) {
    name_ = arguments.front();
    arguments_.assign(arguments.begin() + 1, arguments.end());
  }
  (void)variables_.set("PATH", "/bin");
  variables_.mark_exported("PATH");
}

int Shell::say_error(const std::string& what, int status) {
  const std::string line = fmt::format("spindle shell: {}\n", what);
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  return status;
}

int Shell::say_error(const Error& error, const std::string& about, int status) {
  const bool has_name = error.code != EINVAL && error.code != EDOM && error.code != EPERM;
  return say_error(fmt::format("{}: {}", about, has_name ? std::strerror(error.code) : error.what),
                   status);
}

void Shell::write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      // If nobody reads any more, a program would be ended by SIGPIPE.
      status_ = errno == EPIPE ? 128 + SIGPIPE : say_error(std::strerror(errno));
      if (errno == EPIPE && is_child_) flow_ = Flow::kLeave;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool Shell::run(const std::string& text, bool more_may_come) {
  ShellParser parser(text, &aliases_);
  auto command = parser.next();
  if (!command.ok() && parser.is_incomplete() && more_may_come) return false;
  if (texts_ == kDeepestCall) {
    status_ = say_error("scripts are nested too deeply", 2);
    return true;
  }
  if (texts_ == 0 && flow_ == Flow::kAbort) flow_ = Flow::kNone;
  const Keys keys(mode_ == Mode::kInteractive && texts_ == 0);
  ++texts_;
  // Each command is read after those before it have run: they may change what its words mean.
  while (command.ok() && *command != nullptr && flow_ == Flow::kNone) {
    execute(**command);
    if (flow_ == Flow::kNone) command = parser.next();
  }
  --texts_;
  if (!command.ok()) refuse(parser, text, command.error());
  return true;
}

void Shell::refuse(const ShellParser& parser, const std::string& text, const Error& error) {
  const bool has_lines = text.find('\n') + 1 < text.size() && text.find('\n') != text.npos;
  const std::string where = has_lines ? fmt::format("line {}: ", parser.line()) : "";
  status_ = say_error(where + error.what, 2);
  if (mode_ == Mode::kScript && texts_ == 0) flow_ = Flow::kLeave;
}

// Words.

std::optional<std::string> Shell::variable(std::string_view name) const {
  if (name == "?") return std::to_string(status_);
  if (name == "!")
    return last_background_ == 0 ? std::nullopt : std::optional(std::to_string(last_background_));
  if (name == "#") return std::to_string(arguments_.size());
  if (name == "$") return std::to_string(::getpid());
  if (name == "-") return std::string(options_.begin(), options_.end());
  if (name == "PWD") return directory_;
  if (const auto place = number_in<std::size_t>(name)) {
    if (*place == 0) return name_;
    return *place <= arguments_.size() ? std::optional(arguments_[*place - 1]) : std::nullopt;
  }
  return variables_.value(name);
}

Result<> Shell::set_variable(std::string_view name, std::string value) {
  if (!is_variable_name(name)) return Error{EINVAL, "it is not a valid name of a variable"};
  return variables_.set(name, std::move(value));
}

std::vector<std::string> Shell::names(const std::string& pattern) const {
  if (options_.contains('f')) return {};
  const bool is_absolute = pattern.starts_with('/');
  const std::string before =
      is_absolute ? session_.outside("/") : session_.outside(directory_) + "/";
  ::glob_t found{};
  std::vector<std::string> names;
  if (::glob((plain_pattern(before) + pattern).c_str(), 0, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc; ++i)
      names.emplace_back(found.gl_pathv[i] + before.size());
  ::globfree(&found);
  return names;
}

std::string Shell::absolute(const std::string& path) const {
  std::string whole = (std::filesystem::path(directory_) / path).lexically_normal().string();
  if (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

std::vector<std::string> Shell::program_folders() const {
  std::vector<std::string> folders;
  std::istringstream path(variable("PATH").value_or(""));
  for (std::string folder; std::getline(path, folder, ':');) folders.push_back(absolute(folder));
  return folders;
}

std::vector<std::string> Shell::own_names() const {
  std::vector<std::string> names;
  for (const Own& own : own_commands()) names.emplace_back(own.name);
  for (const auto& [name, function] : functions_) names.push_back(name);
  return names;
}

// Commands.

// Runs the commands for signals that came; this happens between two commands.
void Shell::run_traps() {
  if (Keys::was_interrupted() && traps_.contains(SIGINT)) {
    Keys::forget_interrupt();
    add_trapped(SIGINT);
  }
  for (int signal = trapped_signal(); signal != 0 && !is_in_trap_; signal = trapped_signal()) {
    take_trapped(signal);
    run_trap(signal);
  }
}

void Shell::run_trap(int signal) {
  const auto trap = traps_.find(signal);
  if (trap == traps_.end()) return;
  const std::string commands = trap->second;
  const int status = status_;
  is_in_trap_ = true;
  run(commands);
  is_in_trap_ = false;
  if (flow_ == Flow::kNone) status_ = status;
}

void Shell::end() {
  flow_ = Flow::kNone;
  tested_ = 0;
  run_trap(0);
  traps_.erase(0);
}

void Shell::leave_if_ended() {
  run_traps();
  if (ended_by_signal() != 0) {
    flow_ = Flow::kLeave;
    status_ = 128 + ended_by_signal();
  } else if (Keys::was_interrupted()) {
    flow_ = mode_ == Mode::kInteractive ? Flow::kAbort : Flow::kLeave;
    status_ = 128 + SIGINT;
  }
}

int Shell::execute(const ShellCommand& command) {
  leave_if_ended();
  if (flow_ != Flow::kNone) return status_;
  using Kind = ShellCommand::Kind;
  const int status = execute_kind(command);
  if (flow_ == Flow::kNone) status_ = status;  // else whoever changed the flow has said it
  const bool may_fail = command.kind == Kind::kAnd || command.kind == Kind::kOr ||
                        command.kind == Kind::kNot || command.kind == Kind::kSequence;
  if (status_ != 0 && options_.contains('e') && tested_ == 0 && !may_fail && flow_ == Flow::kNone &&
      mode_ == Mode::kScript)
    flow_ = Flow::kLeave;
  return status_;
}

int Shell::execute_kind(const ShellCommand& command) {
  using Kind = ShellCommand::Kind;
  switch (command.kind) {
    case Kind::kSimple:
      return run_simple(command);
    case Kind::kPipeline:
      return run_pipeline(command, Ground::kForeground);
    case Kind::kNot:
      return execute_tested(*command.parts[0]) == 0 ? 1 : 0;
    case Kind::kAnd:
      return execute_tested(*command.parts[0]) == 0 ? execute(*command.parts[1]) : status_;
    case Kind::kOr:
      return execute_tested(*command.parts[0]) != 0 ? execute(*command.parts[1]) : status_;
    case Kind::kSequence:
      return run_sequence(command);
    case Kind::kBackground:
      return run_background(*command.parts[0]);
    case Kind::kFunction:
      functions_[command.words[0]] = command.parts[0];
      return 0;
    default:
      return run_redirected(command, [&] {
        switch (command.kind) {
          case Kind::kIf:
            return run_if(command);
          case Kind::kFor:
            return run_for(command);
          case Kind::kCase:
            return run_case(command);
          case Kind::kGroup:
            return execute(*command.parts[0]);
          case Kind::kSubshell:
            return run_children({{command.parts[0]}}, command.text, Ground::kForeground);
          default:
            return run_loop(command);
        }
      });
  }
}

int Shell::execute_tested(const ShellCommand& command) {
  ++tested_;
  const int status = execute(command);
  --tested_;
  return status;
}

int Shell::run_sequence(const ShellCommand& command) {
  for (const ShellCommandPtr& part : command.parts) {
    if (flow_ != Flow::kNone) break;
    execute(*part);
  }
  return status_;
}

int Shell::run_if(const ShellCommand& command) {
  std::size_t i = 0;
  for (; i + 1 < command.parts.size(); i += 2) {
    const bool is_true = execute_tested(*command.parts[i]) == 0;
    if (flow_ != Flow::kNone) return status_;
    if (is_true) return execute(*command.parts[i + 1]);
  }
  return i < command.parts.size() ? execute(*command.parts[i]) : 0;
}

bool Shell::goes_on() {
  const bool is_loops = flow_ == Flow::kBreak || flow_ == Flow::kContinue;
  if (!is_loops) return flow_ == Flow::kNone;
  if (--flow_levels_ > 0) return false;
  return std::exchange(flow_, Flow::kNone) == Flow::kContinue;
}

int Shell::run_loop(const ShellCommand& command) {
  const bool wanted = command.kind == ShellCommand::Kind::kWhile;
  int status = 0;
  ++loops_;
  while (true) {
    const bool is_true = execute_tested(*command.parts[0]) == 0;
    if (flow_ == Flow::kNone && is_true != wanted) break;
    if (flow_ == Flow::kNone) status = execute(*command.parts[1]);
    if (!goes_on()) break;
  }
  --loops_;
  return status;
}

int Shell::run_for(const ShellCommand& command) {
  Arguments words = arguments_;
  if (!command.goes_through_arguments) {
    const Arguments written(command.words.begin() + 1, command.words.end());
    auto fields = ShellExpansion(*this).fields(written);
    if (!fields.ok()) return say_error(fields.error(), command.words[0]);
    words = std::move(fields).take();
  }
  int status = 0;
  ++loops_;
  for (std::string& word : words) {
    if (const auto set = set_variable(command.words[0], std::move(word)); !set.ok()) {
      status = say_error(set.error(), command.words[0]);
      break;
    }
    status = execute(*command.parts[0]);
    if (!goes_on()) break;
  }
  --loops_;
  return status;
}

int Shell::run_case(const ShellCommand& command) {
  const auto word = ShellExpansion(*this).text(command.words[0]);
  if (!word.ok()) return say_error(word.error(), command.words[0]);
  for (const ShellCommand::Arm& arm : command.arms) {
    for (const std::string& written : arm.patterns) {
      const auto pattern = ShellExpansion(*this).pattern(written);
      if (!pattern.ok()) return say_error(pattern.error(), written);
      if (::fnmatch(pattern->c_str(), word->c_str(), 0) != 0) continue;
      return arm.body == nullptr ? 0 : execute(*arm.body);
    }
  }
  return 0;
}

Result<> Shell::redirect(const Redirection& redirection, Redirected& redirected) {
  using Kind = Redirection::Kind;
  ShellExpansion expansion(*this);
  if (redirection.kind == Kind::kHere) {
    const std::string text = redirection.is_literal
                                 ? *redirection.document
                                 : TRY(expansion.document(*redirection.document));
    return redirected.supply(redirection.descriptor, text);
  }
  const std::string word = TRY(expansion.text(redirection.word));
  if (redirection.kind == Kind::kDuplicate) {
    if (word == "-") return redirected.close(redirection.descriptor);
    const auto from = number_in(word);
    if (!from || *from < 0 || *from > Redirection::kMostDescriptor)
      return Error{EINVAL, "& must be followed by a descriptor from 0 to 9, or by -"};
    return redirected.duplicate(redirection.descriptor, *from);
  }
  const std::string path = absolute(word);
  const int flags = redirection.kind == Kind::kRead    ? O_RDONLY
                    : redirection.kind == Kind::kWrite ? O_WRONLY | O_CREAT | O_TRUNC
                                                       : O_WRONLY | O_CREAT | O_APPEND;
  return redirected.open(redirection.descriptor,
                         path == "/dev/null" ? path : session_.outside(path), flags);
}

int Shell::run_redirected(const ShellCommand& command, const std::function<int()>& body) {
  Redirected redirected;
  for (const Redirection& redirection : command.redirections)
    if (const auto done = redirect(redirection, redirected); !done.ok())
      return say_error(done.error(), redirection.word, 1);
  return body();
}

void Shell::trace(const Arguments& words) {
  if (!options_.contains('x')) return;
  std::string line = "+";
  for (const std::string& word : words) line += " " + quoted_shell_word(word);
  line += "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

Result<> Shell::assign(const ShellCommand& command) {
  for (const std::string& assignment : command.assignments) {
    const std::size_t split = assignment.find('=');
    std::string value = TRY(ShellExpansion(*this).text(assignment.substr(split + 1)));
    trace({fmt::format("{}={}", assignment.substr(0, split), value)});
    TRY(set_variable(assignment.substr(0, split), std::move(value)));
  }
  return {};
}

// Runs a command that has only assignments, or only redirections.
int Shell::run_assignments(const ShellCommand& command) {
  has_substituted_ = false;
  if (const auto done = assign(command); !done.ok()) return say_error(done.error(), command.text);
  return run_redirected(command, [this] { return has_substituted_ ? status_ : 0; });
}

int Shell::run_simple(const ShellCommand& command) {
  if (command.words.empty()) return run_assignments(command);
  const auto words = ShellExpansion(*this).fields(command.words);
  if (!words.ok()) {
    if (mode_ == Mode::kScript) flow_ = Flow::kLeave;
    return status_ = say_error(words.error(), command.text);
  }
  if (words->empty()) return run_assignments(command);
  const std::string& name = words->front();
  const auto function = functions_.find(name);
  const Own* const own = own_command(name);
  const bool starts_program = name == "nice" && words->size() > 1;
  if (function == functions_.end() && (own == nullptr || starts_program))
    return run_programs({std::make_shared<ShellCommand>(command)}, Ground::kForeground);
  trace(*words);
  if (function != functions_.end()) {
    const ShellCommandPtr body = function->second;
    return run_function(*body, command, *words);
  }
  return run_own(*own, command, *words);
}

int Shell::run_own(const Own& own, const ShellCommand& command, const Arguments& words) {
  if (const auto done = assign(command); !done.ok()) return say_error(done.error(), command.text);
  Redirected redirected;
  for (const Redirection& redirection : command.redirections)
    if (const auto done = redirect(redirection, redirected); !done.ok())
      return say_error(done.error(), redirection.word, 1);
  output_.clear();
  int status = (this->*own.run)({words.begin() + 1, words.end()});
  if (own.name == "exec" && words.size() == 1) redirected.keep();
  const std::string output = std::exchange(output_, {});
  status_ = 0;
  write_out(output);
  if (status_ == 0) status_ = status;
  return status_;
}

int Shell::run_function(const ShellCommand& function, const ShellCommand& command,
                        Arguments words) {
  if (calls_ == kDeepestCall) return say_error("functions call one another too deeply", 2);
  if (const auto done = assign(command); !done.ok()) return say_error(done.error(), command.text);
  words.erase(words.begin());
  std::swap(arguments_, words);
  variables_.push_frame();
  ++calls_;
  const int loops = std::exchange(loops_, 0);
  const int status = run_redirected(command, [&] { return execute(function); });
  loops_ = loops;
  --calls_;
  variables_.pop_frame();
  arguments_ = std::move(words);
  if (flow_ != Flow::kReturn) return status;
  flow_ = Flow::kNone;
  return status_;
}

}  // namespace spindle::cli
