// The part of the shell that starts programs of the volume, and children that run parts of a
// script.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/shell/keys.h"
#include "cli/shell/shell.h"
#include "spindle/base/shell_words.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostOutput = std::size_t{16} << 20;  // of $(...)

bool is_file(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

/// Commands that other shells have and this one lacks.
bool is_unknown_here(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"declare", "disown",  "hash",
                                                      "let",     "typeset", "times"};
  return std::ranges::find(kNames, name) != kNames.end();
}

/// Whether the word means the same whenever its command runs.
bool is_literal(std::string_view word) {
  return word.find_first_of("$`'\"\\*?[~") == word.npos;
}

}  // namespace

std::string Shell::find_program(const std::string& name) const {
  std::vector<std::string> folders = program_folders();
  if (name.find('/') != std::string::npos) folders = {directory_};
  for (const std::string& folder : folders) {
    const std::string path =
        name.starts_with('/') ? name : absolute(fmt::format("{}/{}", folder, name));
    for (const char* ending : {"", ".lua"})
      if (is_file(session_.outside(path + ending))) return path + ending;
  }
  return {};
}

bool Shell::is_program(const ShellCommand& command) const {
  if (command.kind != ShellCommand::Kind::kSimple || command.words.empty()) return false;
  const std::string& name = command.words.front();
  if (!is_literal(name) || functions_.contains(name) || is_of_shell(command)) return false;
  if (name == "nice") return command.words.size() > 1;
  return own_command(name) == nullptr || !find_program(name).empty();
}

bool Shell::can_follow(const ShellCommand& command) const {
  const bool has_document = std::ranges::find(command.redirections, Redirection::Kind::kHere,
                                              &Redirection::kind) != command.redirections.end();
  const bool is_for_all = has_document || !command.assignments.empty() ||
                          (!command.words.empty() && command.words.front() == "nice");
  return !is_for_all && is_program(command);
}

// Whether the command is redirected to something that only the shell knows. Then the shell's own
// descriptors are redirected as long as the program runs.
bool Shell::is_of_shell(const ShellCommand& command) {
  return std::ranges::any_of(command.redirections, [](const Redirection& redirection) {
    const bool is_duplicate = redirection.kind == Redirection::Kind::kDuplicate;
    return redirection.kind != Redirection::Kind::kHere &&
           (redirection.descriptor > 2 ||
            (is_duplicate && (redirection.descriptor == 0 ||
                              (redirection.word != "1" && redirection.word != "2"))));
  });
}

// Takes out of the words those that say how the programs are to be started.
std::string Shell::run_options(Arguments& words) const {
  std::string options = fmt::format("-d {}", quoted_shell_word(directory_));
  if (session_.error_terminal() >= 0) options += fmt::format(" -e {}", session_.error_terminal());
  options += fmt::format(" -m {:o}", mask_);
  for (const auto& [name, value] : limits_) options += fmt::format(" -l {}={}", name, value);
  if (!words.empty() && words.front() == "nice") {
    words.erase(words.begin());
    std::string nice = "10";
    if (words.size() > 1 && words[0] == "-n") {
      nice = words[1];
      words.erase(words.begin(), words.begin() + 2);
    }
    options += " -n " + quoted_shell_word(nice);
  }
  for (const auto& [name, value] : variables_.exported())
    options += fmt::format(" {}={}", name, quoted_shell_word(value));
  return options;
}

Result<std::string> Shell::redirection_words(const Redirection& redirection) {
  using Kind = Redirection::Kind;
  const std::string word = TRY(ShellExpansion(*this).text(redirection.word));
  const std::string number =
      redirection.descriptor == 1 ? "" : std::to_string(redirection.descriptor);
  switch (redirection.kind) {
    case Kind::kHere:
      return std::string();  // of the shell itself, which types it
    case Kind::kDuplicate:
      if (word == number || (number.empty() && word == "1")) return std::string();
      return fmt::format(" {}>&{}", redirection.descriptor, word);
    case Kind::kRead:
      if (redirection.descriptor != 0)
        return Error{EINVAL, "a program reads only from descriptor 0"};
      return fmt::format(" <{}", quoted_shell_word(absolute(word)));
    default:
      if (redirection.descriptor == 0)
        return Error{EINVAL, "a program writes only to descriptors 1 and 2"};
      return fmt::format(" {}{}{}", number, redirection.kind == Kind::kWrite ? ">" : ">>",
                         quoted_shell_word(absolute(word)));
  }
}

Result<std::string> Shell::program_words(const ShellCommand& command, Arguments words,
                                         int& status) {
  if (words.empty()) return Error{EINVAL, "no program is named"};
  const std::string path = find_program(words.front());
  if (path.empty()) {
    status = 127;
    const char* const why = is_unknown_here(words.front())
                                ? "this shell has no such command"
                                : "there is no such program on the volume";
    say_error(fmt::format("{}: {}", words.front(), why));
    return std::string();
  }
  words.front() = path;
  std::string line;
  for (const std::string& word : words) line += " " + quoted_shell_word(word);
  if (is_of_shell(command)) return line;
  for (const Redirection& redirection : command.redirections)
    line += TRY(redirection_words(redirection));
  return line;
}

// The pipeline as a line for machine/run. If `status` is not 0, something was complained of
// already.
Result<std::string> Shell::run_line(const Segment& programs, Ground ground, int& status) {
  std::string line;
  for (const ShellCommandPtr& program : programs) {
    Arguments words = TRY(ShellExpansion(*this).fields(program->words));
    trace(words);
    if (line.empty()) {
      line = run_options(words);
      for (const std::string& assignment : program->assignments) {
        const std::size_t split = assignment.find('=') + 1;
        const std::string value = TRY(ShellExpansion(*this).text(assignment.substr(split)));
        line += fmt::format(" {}{}", assignment.substr(0, split), quoted_shell_word(value));
      }
    } else {
      line += " |";
    }
    const std::string part = TRY(program_words(*program, std::move(words), status));
    if (status != 0) return std::string();
    line += part;
    // Nobody types to programs in the background.
    const auto reads = [](const Redirection& r) { return r.descriptor == 0; };
    if (ground == Ground::kBackground && program == programs.front() &&
        std::ranges::none_of(program->redirections, reads))
      line += " </dev/null";
  }
  return line;
}

int Shell::run_programs(const Segment& programs, Ground ground) {
  Job job;
  for (const ShellCommandPtr& program : programs)
    job.text += (job.text.empty() ? "" : " | ") + program->text;
  Redirected redirected;
  const bool are_ours = is_of_shell(*programs.front());
  for (const Redirection& redirection : programs.front()->redirections) {
    if (redirection.kind != Redirection::Kind::kHere && !are_ours) continue;
    if (const auto done = redirect(redirection, redirected); !done.ok())
      return say_error(done.error(), job.text);
  }
  if (const auto ready = session_.open_terminals(); !ready.ok())
    return say_error(ready.error(), job.text, 126);
  int status = 0;
  const auto line = run_line(programs, ground, status);
  if (!line.ok()) return say_error(line.error(), job.text);
  if (status != 0) return status;
  const std::string refusal = session_.start(*line, job.processes);
  if (!refusal.empty()) return say_error(fmt::format("{}: {}", job.text, refusal), 126);
  return start_job(std::move(job), ground);
}

// Pipelines.

std::vector<Shell::Segment> Shell::segments_of(const ShellCommand& pipeline) const {
  std::vector<Segment> segments;
  bool was_program = false;
  for (const ShellCommandPtr& part : pipeline.parts) {
    const bool joins = was_program && can_follow(*part);
    was_program = joins || is_program(*part);
    if (joins)
      segments.back().push_back(part);
    else
      segments.push_back({part});
  }
  return segments;
}

int Shell::run_pipeline(const ShellCommand& command, Ground ground) {
  const std::vector<Segment> segments = segments_of(command);
  if (segments.size() == 1) return run_programs(segments.front(), ground);
  return run_children(segments, command.text, ground);
}

int Shell::run_segment(const Segment& segment) {
  const bool are_programs = segment.size() > 1 || is_program(*segment.front());
  if (are_programs) return run_programs(segment, Ground::kForeground);
  const ShellCommand& command = *segment.front();
  if (command.kind != ShellCommand::Kind::kSubshell) return execute(command);
  return run_redirected(command, [&] { return execute(*command.parts[0]); });  // it is in a child
}

int Shell::run_background(const ShellCommand& command) {
  if (command.kind == ShellCommand::Kind::kPipeline)
    return run_pipeline(command, Ground::kBackground);
  if (is_program(command))
    return run_programs({std::make_shared<ShellCommand>(command)}, Ground::kBackground);
  return run_children({{std::make_shared<ShellCommand>(command)}}, command.text,
                      Ground::kBackground);
}

int Shell::run_children(const std::vector<Segment>& segments, const std::string& text,
                        Ground ground) {
  Job job;
  job.text = text;
  int input = -1;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::array<int, 2> pipe = {-1, -1};
    if (i + 1 < segments.size() && ::pipe2(pipe.data(), O_CLOEXEC) != 0)
      return say_error(std::strerror(errno));
    const ChildPlace place = {.input = input,
                              .output = pipe[1],
                              .others = {pipe[0]},
                              .ground = ground,
                              .group = job.children.empty() ? 0 : job.children.front().number};
    const pid_t child = fork_child(place, [&] { return run_segment(segments[i]); });
    for (const int fd : {input, pipe[1]})
      if (fd >= 0) ::close(fd);
    input = pipe[0];
    if (child < 0) return say_error(std::strerror(errno));
    job.children.push_back({child, {}});
  }
  return start_job(std::move(job), ground);
}

// Makes a copy of the shell into a child that runs a part of its script.
void Shell::begin_child(const ChildPlace& place) {
  if (mode_ == Mode::kInteractive) {
    ::setpgid(0, place.group);
    if (place.ground == Ground::kForeground) ::tcsetpgrp(STDERR_FILENO, ::getpgrp());
  }
  for (const int signal : {SIGINT, SIGTSTP, SIGTTOU, SIGTTIN, SIGQUIT}) ::signal(signal, SIG_DFL);
  if (place.ground == Ground::kBackground && mode_ == Mode::kScript) ::signal(SIGINT, SIG_IGN);
  note_ending_signals();
  if (place.ground == Ground::kBackground && place.input < 0) {
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::close(nothing);
  }
  if (place.input >= 0) ::dup2(place.input, STDIN_FILENO);
  if (place.output >= 0) ::dup2(place.output, STDOUT_FILENO);
  for (const int fd : {place.input, place.output})
    if (fd >= 0) ::close(fd);
  for (const int fd : place.others)
    if (fd >= 0) ::close(fd);
  mode_ = Mode::kScript;
  is_child_ = true;
  is_foreground_child_ = place.ground == Ground::kForeground;
  jobs_.clear();
  for (const auto& [signal, commands] : traps_)
    if (signal != 0 && !commands.empty()) set_trap(signal, TrapKind::kDefault);
  std::erase_if(traps_, [](const auto& trap) { return trap.first == 0 || !trap.second.empty(); });
  session_.leave_terminals();
}

pid_t Shell::fork_child(const ChildPlace& place, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child != 0) {
    if (child > 0 && mode_ == Mode::kInteractive)
      ::setpgid(child, place.group == 0 ? child : place.group);
    return child;
  }
  begin_child(place);
  const int status = body();
  // If the part ended with `exit`, or was asked to end, its status stands in status_ already.
  if (flow_ == Flow::kNone) status_ = status;
  end();
  ::_exit(status_);
}

Result<std::string> Shell::output_of(const std::string& commands) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Error{errno, "no pipe can be made"};
  const pid_t child = fork_child({.output = pipe[1], .others = {pipe[0]}}, [&] {
    run(commands);
    return status_;
  });
  ::close(pipe[1]);
  std::string output;
  std::array<char, 65536> part;
  while (child > 0 && output.size() <= kMostOutput) {
    const ssize_t got = ::read(pipe[0], part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    output.append(part.data(), static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  if (child < 0) return Error{EAGAIN, "no process can be made for $(...)"};
  Job job;
  job.children.push_back({child, {}});
  status_ = wait_for_children(job);
  has_substituted_ = true;
  if (output.size() > kMostOutput) return Error{EINVAL, "$(...) prints more than 16 MiB"};
  std::erase(output, '\0');
  output.erase(output.find_last_not_of('\n') + 1);
  return output;
}

}  // namespace spindle::cli
