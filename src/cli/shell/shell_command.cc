// `spindle shell`: a shell of the simulated machine of a mount.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "cli/commands.h"
#include "cli/shell/prompt.h"
#include "cli/shell/shell.h"
#include "cli/words.h"
#include "spindle/base/whole_file.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

struct Options {
  std::string mount;
  std::string command;
  bool has_command = false;
  std::vector<std::string> script;  ///< and its arguments
};

int run_text(Shell& shell, const std::string& text) {
  shell.run(text);
  shell.report_jobs();
  shell.end();
  return shell.status();
}

/// Runs a line, together with the lines that it needs to be complete.
void run_line(Shell& shell, std::string line, const std::function<bool(std::string& more)>& next) {
  std::string more;
  bool has_more = true;
  while (!shell.run(line + "\n", has_more)) {
    has_more = next(more);
    if (has_more) line += "\n" + more;
  }
}

int run_prompt(Shell& shell) {
  ShellPrompt prompt(shell);
  // Ctrl-Z is meant for what runs; and while the shell takes the terminal back, it is itself in the
  // background.
  for (const int signal : {SIGTSTP, SIGTTOU, SIGTTIN}) std::signal(signal, SIG_IGN);
  while (!shell.is_leaving()) {
    shell.report_jobs();
    const auto line = prompt.read_line();
    if (!line) break;
    if (line->find_first_not_of(' ') != std::string::npos) shell.remember(*line);
    run_line(shell, *line, [&](std::string& more) {
      const auto read = prompt.read_more();
      more = read.value_or("");
      return read.has_value();
    });
  }
  shell.end();
  return shell.status();
}

/// Runs commands from standard input; a program that reads there would take commands away.
int run_input(Shell& shell) {
  const int commands = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (commands < 0 || nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0)
    return fail("shell", std::strerror(errno));
  ::close(nothing);
  FILE* const lines = ::fdopen(commands, "r");
  char* text = nullptr;
  std::size_t room = 0;
  const auto next = [&](std::string& line) {
    const ssize_t length = ::getline(&text, &room, lines);
    if (length < 0) return false;
    line.assign(text, static_cast<std::size_t>(length));
    if (line.ends_with('\n')) line.pop_back();
    return true;
  };
  for (std::string line; !shell.is_leaving() && next(line);) run_line(shell, line, next);
  std::free(text);
  std::fclose(lines);
  shell.report_jobs();
  shell.end();
  return shell.status();
}

int run(const Options& options) {
  Complaint complaint;
  ShellSession session(options.mount, complaint);
  if (complaint.made()) return fail("shell", complaint.what());
  if (options.has_command) {
    std::vector<std::string> arguments = options.script;
    Shell shell(session, Shell::Mode::kScript, std::move(arguments));
    return run_text(shell, options.command);
  }
  if (!options.script.empty()) {
    const Result<std::string> text = whole_file(options.script.front());
    if (!text.ok()) {
      fail("shell", options.script.front(), std::strerror(text.code()));
      return 127;
    }
    Shell shell(session, Shell::Mode::kScript, options.script);
    return run_text(shell, *text);
  }
  if (::isatty(STDIN_FILENO) == 0) {
    Shell shell(session, Shell::Mode::kScript);
    return run_input(shell);
  }
  Shell shell(session, Shell::Mode::kInteractive);
  return run_prompt(shell);
}

}  // namespace

void add_shell_command(const Command& program, int& status) {
  auto options = std::make_shared<Options>();
  const Command command = program.subcommand(
      "shell",
      "Run a shell of the simulated machine: its commands are programs on the volume. It runs\n"
      "SCRIPT, or reads commands from standard input, with a prompt if that is a terminal.");
  command.option("MOUNT", options->mount, "where the volume is mounted").required();
  command.option("SCRIPT", options->script, "a file of commands, and its arguments $1...");
  const Option text = command.option("-c,--command", options->command,
                                     "run the commands in TEXT; the arguments are $0, $1...");
  command.footer("In the shell, type help for its built-in commands.");
  command.callback([options, text, &status] {
    options->has_command = text.is_given();
    status = run(*options);
  });
}

}  // namespace spindle::cli
