// The subcommands of `spindle`, one function each: it adds itself to the program's command line,
// with its options and what runs when it is chosen. What it returns goes to `status`, the program's
// exit status.
#pragma once

namespace CLI {
class App;
}

namespace spindle::cli {

void add_mount_command(CLI::App& app, int& status);
void add_umount_command(CLI::App& app, int& status);
void add_enter_command(CLI::App& app, int& status);
void add_shell_command(CLI::App& app, int& status);
void add_inspect_command(CLI::App& app, int& status);
void add_crash_command(CLI::App& app, int& status);
void add_damage_command(CLI::App& app, int& status);
void add_undo_command(CLI::App& app, int& status);
void add_map_command(CLI::App& app, int& status);
void add_age_command(CLI::App& app, int& status);
void add_defrag_command(CLI::App& app, int& status);
void add_picture_command(CLI::App& app, int& status);
void add_trace_command(CLI::App& app, int& status);
void add_experiment_command(CLI::App& app, int& status);
void add_watch_command(CLI::App& app, int& status);
void add_record_command(CLI::App& app, int& status);
void add_replay_command(CLI::App& app, int& status);
void add_solve_command(CLI::App& app, int& status);
void add_run_command(CLI::App& app, int& status);
/// Those of the solver that need no mount: cpu, disk and so on, one for each face.
void add_face_commands(CLI::App& app, int& status);

}  // namespace spindle::cli
