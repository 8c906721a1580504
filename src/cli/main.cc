// spindle: one program, a subcommand for each thing to do.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "cli/commands.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {
namespace {

using AddCommand = void (*)(CLI::App& app, int& status);

struct Command {
  std::string_view name;
  AddCommand add;
};

// In the order in which `spindle --help` lists them; the faces of the solver come after them.
constexpr Command kCommands[] = {
    {"mount", add_mount_command},
    {"umount", add_umount_command},
    {"enter", add_enter_command},
    {"shell", add_shell_command},
    {"inspect", add_inspect_command},
    {"crash", add_crash_command},
    {"damage", add_damage_command},
    {"undo", add_undo_command},
    {"map", add_map_command},
    {"age", add_age_command},
    {"defrag", add_defrag_command},
    {"picture", add_picture_command},
    {"trace", add_trace_command},
    {"watch", add_watch_command},
    {"experiment", add_experiment_command},
    {"record", add_record_command},
    {"replay", add_replay_command},
    {"solve", add_solve_command},
    {"run", add_run_command},
};

// The one that is asked for; all, if that is none of them: to describe a hundred options takes
// longer than most commands need for their work.
void add_commands(CLI::App& app, std::string_view asked_for, int& status) {
  const auto found = std::ranges::find(kCommands, asked_for, &Command::name);
  if (found != std::end(kCommands)) return found->add(app, status);
  for (const Command& command : kCommands) command.add(app, status);
  add_face_commands(app, status);
}

}  // namespace
}  // namespace spindle::cli

int main(int argc, char** argv) {
  CLI::App app{
      "Spindle: a file system that shows everything that happens under it.\n"
      "Make a volume with mkfs.spindle, check it with fsck.spindle."};
  app.name("spindle");
  app.set_version_flag("--version,-V", "spindle " SPINDLE_VERSION);
  app.require_subcommand(1);
  int status = 0;
  spindle::cli::add_commands(app, argc > 1 ? argv[1] : "", status);
  bool is_command = false;
  for (CLI::App* command : app.get_subcommands({})) {
    command->set_version_flag("--version,-V", "spindle " SPINDLE_VERSION);
    is_command |= argc > 1 && command->get_name() == argv[1];
  }
  if (argc > 1 && argv[1][0] != '-' && !is_command) {
    fmt::print(stderr, "spindle: there is no command '{}'; `spindle --help` lists them\n", argv[1]);
    return 1;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  // An answer that another policy gave than the one asked for is none; a mount goes on with it.
  const bool is_answer = std::string_view(argv[1]) != "mount";
  return status == 0 && is_answer && spindle::last_policy_fault() ? 1 : status;
}
