// `spindle shell`: a shell of the simulated machine of a mount.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/machine/shell.h"
#include "cli/machine/shell_prompt.h"

namespace spindle::cli {
namespace {

struct Options {
  std::string mount;
  std::string command;
  bool has_command = false;
  std::vector<std::string> script;  ///< and its arguments
};

int fail(const std::string& what, int status = 1) {
  fmt::print(stderr, "spindle shell: {}\n", what);
  return status;
}

int run_lines(Shell& shell, std::istream& lines) {
  for (std::string line; !shell.is_leaving() && std::getline(lines, line);) shell.run_line(line);
  shell.report_jobs();
  return shell.status();
}

int run_prompt(Shell& shell) {
  ShellPrompt prompt(shell);
  while (!shell.is_leaving()) {
    shell.report_jobs();
    const auto line = prompt.read_line();
    if (!line) break;
    shell.run_line(*line);
  }
  return shell.status();
}

int run(const Options& options) {
  Complaint complaint;
  ShellSession session(options.mount, complaint);
  if (complaint.made()) return fail(complaint.what());
  if (options.has_command) {
    Shell shell(session, Shell::Mode::kScript);
    std::istringstream lines(options.command);
    return run_lines(shell, lines);
  }
  if (!options.script.empty()) {
    std::ifstream lines(options.script.front());
    if (!lines)
      return fail(fmt::format("{}: {}", options.script.front(), std::strerror(errno)), 127);
    Shell shell(session, Shell::Mode::kScript, options.script);
    return run_lines(shell, lines);
  }
  const bool is_person = ::isatty(STDIN_FILENO) != 0;
  Shell shell(session, is_person ? Shell::Mode::kInteractive : Shell::Mode::kInput);
  return is_person ? run_prompt(shell) : run_lines(shell, std::cin);
}

}  // namespace

void add_shell_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "shell",
      "A shell of the simulated machine: its commands are programs on the volume. Runs SCRIPT, or\n"
      "what standard input says; asks for commands when that is a terminal.");
  command->add_option("MOUNT", options->mount, "where the volume is mounted")->required();
  command->add_option("SCRIPT", options->script, "a file with commands, and its arguments $1...");
  CLI::Option* text = command->add_option("-c,--command", options->command, "run this line");
  command->footer("Type help in it for its own commands.");
  command->callback([options, text, &status] {
    options->has_command = text->count() > 0;
    status = run(*options);
  });
}

}  // namespace spindle::cli
