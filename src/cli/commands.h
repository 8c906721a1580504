// The subcommands of `spindle`, one function each: it adds itself to the program's command line,
// with its options and what runs when it is chosen. What it returns goes to `status`, the program's
// exit status.
#pragma once

namespace spindle {
class Command;
}

namespace spindle::cli {

void add_mount_command(const Command& program, int& status);
void add_umount_command(const Command& program, int& status);
void add_enter_command(const Command& program, int& status);
void add_shell_command(const Command& program, int& status);
void add_inspect_command(const Command& program, int& status);
void add_crash_command(const Command& program, int& status);
void add_damage_command(const Command& program, int& status);
void add_undo_command(const Command& program, int& status);
void add_map_command(const Command& program, int& status);
void add_age_command(const Command& program, int& status);
void add_defrag_command(const Command& program, int& status);
void add_picture_command(const Command& program, int& status);
void add_trace_command(const Command& program, int& status);
void add_experiment_command(const Command& program, int& status);
void add_watch_command(const Command& program, int& status);
void add_record_command(const Command& program, int& status);
void add_replay_command(const Command& program, int& status);
void add_solve_command(const Command& program, int& status);
void add_run_command(const Command& program, int& status);
/// Those of the solver that need no mount: cpu, disk and so on, one for each face.
void add_face_commands(const Command& program, int& status);

}  // namespace spindle::cli
