// spindle: one program, a subcommand for each thing to do.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "cli/commands.h"
#include "spindle/command_line/checked_output.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {
namespace {

using AddCommand = void (*)(const Command& program, int& status);

struct NamedCommand {
  std::string_view name;
  AddCommand add;
};

/// In the order in which `spindle --help` lists them; the faces of the solver come after them.
constexpr NamedCommand kCommands[] = {
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

/// Adds the command that is asked for, none to tell the version, or all commands if none has that
/// name: to describe a hundred options takes longer than most commands need for their work.
void add_commands(const Command& program, std::string_view asked_for, int& status) {
  if (asked_for == "--version" || asked_for == "-V") return;
  const auto found = std::ranges::find(kCommands, asked_for, &NamedCommand::name);
  if (found != std::end(kCommands)) return found->add(program, status);
  for (const NamedCommand& command : kCommands) command.add(program, status);
  add_face_commands(program, status);
}

int run(int argc, char** argv) {
  CommandLine line("spindle", "spindle " SPINDLE_VERSION,
                   "Spindle: a file system that shows everything that happens under it.\n"
                   "Make a volume with mkfs.spindle, check it with fsck.spindle.");
  line.require_subcommand();
  int status = 0;
  add_commands(line, argc > 1 ? argv[1] : "", status);
  if (argc > 1 && argv[1][0] != '-' && !line.has_subcommand(argv[1])) {
    tell_error("spindle",
               fmt::format("there is no command '{}'; `spindle --help` lists them", argv[1]));
    return 1;
  }
  if (const std::optional<int> ended = line.parse(argc, argv, 1)) return *ended;
  // If a policy misbehaved, another one has given the answer: that is a failure, except for a
  // mount, which goes on with the other policy.
  const bool is_answer = std::string_view(argv[1]) != "mount";
  return status == 0 && is_answer && last_policy_fault() ? 1 : status;
}

}  // namespace
}  // namespace spindle::cli

int main(int argc, char** argv) {
  return spindle::with_checked_output("spindle", 1, [&] { return spindle::cli::run(argc, argv); });
}
