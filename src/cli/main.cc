// spindle: one program, a subcommand for each thing to do.

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
  spindle::cli::add_inspect_command(app, status);
  spindle::cli::add_damage_command(app, status);
  spindle::cli::add_undo_command(app, status);
  spindle::cli::add_trace_command(app, status);
  spindle::cli::add_experiment_command(app, status);
  spindle::cli::add_record_command(app, status);
  spindle::cli::add_replay_command(app, status);
  spindle::cli::add_solve_command(app, status);
  spindle::cli::add_run_command(app, status);
  spindle::cli::add_face_commands(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  return status;
}
