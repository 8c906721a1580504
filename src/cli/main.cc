// spindle: one program, a subcommand for each thing to do.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

int main(int argc, char** argv) {
  CLI::App app{
      "Spindle: a file system that shows everything that happens under it.\n"
      "Make a volume with mkfs.spindle, check it with fsck.spindle."};
  app.name("spindle");
  app.set_version_flag("--version,-V", "spindle " SPINDLE_VERSION);
  app.require_subcommand(1);
  int status = 0;
  spindle::cli::add_mount_command(app, status);
  spindle::cli::add_umount_command(app, status);
  spindle::cli::add_enter_command(app, status);
  spindle::cli::add_shell_command(app, status);
  spindle::cli::add_inspect_command(app, status);
  spindle::cli::add_damage_command(app, status);
  spindle::cli::add_undo_command(app, status);
  spindle::cli::add_map_command(app, status);
  spindle::cli::add_picture_command(app, status);
  spindle::cli::add_trace_command(app, status);
  spindle::cli::add_watch_command(app, status);
  spindle::cli::add_experiment_command(app, status);
  spindle::cli::add_record_command(app, status);
  spindle::cli::add_replay_command(app, status);
  spindle::cli::add_solve_command(app, status);
  spindle::cli::add_run_command(app, status);
  spindle::cli::add_face_commands(app, status);
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
  return status;
}
