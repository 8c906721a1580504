// Shell: the shell of the simulated machine. Its commands are programs on the volume.
//
//   Shell shell(session, Shell::Mode::kScript);
//   shell.run("for i in 1 2 3; do cat notes; done | sort >sorted && echo done");
//   return shell.status();
//
// A text is read line by line (syntax.h); a command that begins in a line is read to its end before
// it runs. Programs, and pipelines of them, are processes of the machine, which the shell watches:
// while one runs in the foreground, its output goes to descriptors 1 and 2 of ours, what comes from
// descriptor 0 is typed to it when it reads, and Ctrl-C and Ctrl-Z reach it. What shells do in a
// process of their own, such as ( ), $( ) and loops in a pipeline, is done in a child of ours,
// which has a terminal of the machine of its own. Not locked.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/shell/expansion.h"
#include "cli/shell/redirected.h"
#include "cli/shell/session.h"
#include "cli/shell/syntax.h"
#include "cli/shell/variables.h"

namespace spindle::cli {

class Shell final : public ShellScope {
 public:
  /// Who gives the commands: a person at a terminal, or a text.
  enum class Mode : std::uint8_t { kInteractive, kScript };

  Shell(ShellSession& session, Mode mode, std::vector<std::string> arguments = {});

  /// Runs the text. If it ends in the middle of a command and `more_may_come`, nothing is done and
  /// the answer is false.
  bool run(const std::string& text, bool more_may_come = false);
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool is_leaving() const { return flow_ == Flow::kLeave; }
  /// Reports the jobs that ended meanwhile, and shows what programs in the background wrote.
  void report_jobs();
  /// Ends the shell: the commands of `trap ... EXIT` run, once.
  void end();
  /// Adds a line to the history.
  void remember(const std::string& line) { history_.push_back(line); }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const ShellSession& session() const { return session_; }
  /// The path from "/" on, without "." and "..".
  [[nodiscard]] std::string absolute(const std::string& path) const;
  /// The folders in which programs are looked for.
  [[nodiscard]] std::vector<std::string> program_folders() const;
  /// The shell's own commands, and the functions that are defined now.
  [[nodiscard]] std::vector<std::string> own_names() const;

  // The words' view of the shell (ShellScope).
  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const override;
  Result<> set_variable(std::string_view name, std::string value) override;
  [[nodiscard]] const std::vector<std::string>& positional() const override { return arguments_; }
  Result<std::string> output_of(const std::string& commands) override;
  [[nodiscard]] std::vector<std::string> names(const std::string& pattern) const override;
  [[nodiscard]] bool wants_variables() const override { return options_.contains('u'); }

 private:
  /// Processes of the machine, or children of ours that run a part of the script.
  struct Job {
    struct Child {
      pid_t number = 0;
      ProcessStatus status;
    };
    int number = 0;
    std::vector<int> processes;
    std::vector<Child> children;
    std::string text;
    ProcessStatus status;  ///< running if any process runs; otherwise that of the last one
  };
  /// Why the commands that follow are skipped.
  enum class Flow : std::uint8_t { kNone, kBreak, kContinue, kReturn, kAbort, kLeave };
  /// Commands of a pipeline that run together: one of any kind, or programs in a row.
  using Segment = std::vector<ShellCommandPtr>;
  using Arguments = std::vector<std::string>;
  struct Own {
    std::string_view name;
    int (Shell::*run)(const Arguments& arguments);
    std::string_view help;
  };
  /// Whether the shell waits for a job, and passes keys on to it.
  enum class Ground : bool { kForeground, kBackground };
  struct ChildPlace {
    int input = -1;
    int output = -1;
    std::vector<int> others = {};  ///< descriptors that the child must not hold
    Ground ground = Ground::kForeground;
    pid_t group = 0;
  };
  static const std::vector<Own>& own_commands();
  static const Own* own_command(std::string_view name);

  int say_error(const std::string& what, int status = 1);
  int say_error(const Error& error, const std::string& about, int status = 2);
  void write_out(std::string_view text);
  /// Says what the parser finds wrong with the text.
  void refuse(const ShellParser& parser, const std::string& text, const Error& error);

  // Commands (shell.cc).
  int execute(const ShellCommand& command);
  int execute_kind(const ShellCommand& command);
  int execute_tested(const ShellCommand& command);
  int run_sequence(const ShellCommand& command);
  int run_if(const ShellCommand& command);
  int run_loop(const ShellCommand& command);
  int run_for(const ShellCommand& command);
  int run_case(const ShellCommand& command);
  int run_redirected(const ShellCommand& command, const std::function<int()>& body);
  int run_simple(const ShellCommand& command);
  int run_assignments(const ShellCommand& command);
  int run_own(const Own& own, const ShellCommand& command, const Arguments& words);
  int run_function(const ShellCommand& function, const ShellCommand& command, Arguments words);
  Result<> assign(const ShellCommand& command);
  Result<> redirect(const Redirection& redirection, Redirected& redirected);
  void trace(const Arguments& words);
  /// Whether a loop goes on after a round of its body.
  bool goes_on();
  void leave_if_ended();
  void run_traps();
  void run_trap(int signal);

  // Programs (programs.cc).
  /// Whether the machine can run the command by itself, at the beginning of a pipeline.
  [[nodiscard]] bool is_program(const ShellCommand& command) const;
  /// The same behind other programs, of which none says how all of them are started.
  [[nodiscard]] bool can_follow(const ShellCommand& command) const;
  [[nodiscard]] std::string find_program(const std::string& name) const;
  Result<std::string> run_line(const Segment& programs, Ground ground, int& status);
  Result<std::string> program_words(const ShellCommand& command, Arguments words, int& status);
  [[nodiscard]] static bool is_of_shell(const ShellCommand& command);
  Result<std::string> redirection_words(const Redirection& redirection);
  std::string run_options(Arguments& words) const;
  int run_programs(const Segment& programs, Ground ground);
  int run_pipeline(const ShellCommand& command, Ground ground);
  int run_segment(const Segment& segment);
  int run_background(const ShellCommand& command);
  std::vector<Segment> segments_of(const ShellCommand& pipeline) const;
  pid_t fork_child(const ChildPlace& place, const std::function<int()>& body);
  void begin_child(const ChildPlace& place);
  int run_children(const std::vector<Segment>& segments, const std::string& text, Ground ground);

  // Jobs (jobs.cc).
  int start_job(Job job, Ground ground);
  int wait_for(Job job);
  int wait_for_processes(Job& job);
  int wait_for_children(Job& job);
  int has_stopped(Job job);
  void stop_with(Job& job);
  void update(Job& job);
  [[nodiscard]] bool ends_wait() const;
  void pass_keys(const Job& job);
  bool pass_input();
  Job* find_job(const std::string& name);
  int tell(const Job& job, int signal);

  // Own commands (own_commands.cc, job_commands.cc, script_commands.cc, input_commands.cc,
  // trap_commands.cc).
  int do_break(const Arguments& arguments);
  int do_alias(const Arguments& arguments);
  int do_bg(const Arguments& arguments);
  int do_cd(const Arguments& arguments);
  int do_command(const Arguments& arguments);
  int do_continue(const Arguments& arguments);
  int do_echo(const Arguments& arguments);
  int do_eval(const Arguments& arguments);
  int do_exec(const Arguments& arguments);
  int do_exit(const Arguments& arguments);
  int do_export(const Arguments& arguments);
  int do_false(const Arguments& arguments);
  int do_fg(const Arguments& arguments);
  int do_getopts(const Arguments& arguments);
  int do_help(const Arguments& arguments);
  int do_history(const Arguments& arguments);
  int do_jobs(const Arguments& arguments);
  int do_kill(const Arguments& arguments);
  int do_local(const Arguments& arguments);
  int do_nice(const Arguments& arguments);
  int do_pwd(const Arguments& arguments);
  int do_read(const Arguments& arguments);
  int do_readonly(const Arguments& arguments);
  int do_return(const Arguments& arguments);
  int do_set(const Arguments& arguments);
  int do_shift(const Arguments& arguments);
  int do_source(const Arguments& arguments);
  int do_test(const Arguments& arguments);
  int do_true(const Arguments& arguments);
  int do_trap(const Arguments& arguments);
  int do_type(const Arguments& arguments);
  int do_ulimit(const Arguments& arguments);
  int do_umask(const Arguments& arguments);
  int do_unalias(const Arguments& arguments);
  int do_unset(const Arguments& arguments);
  int do_wait(const Arguments& arguments);
  int leave_loops(const Arguments& arguments, Flow flow, std::string_view name);
  int change_variables(const Arguments& arguments, std::string_view name,
                       const std::function<Result<>(const std::string& name)>& change);

  ShellSession& session_;
  Mode mode_;
  std::string name_;     ///< $0
  Arguments arguments_;  ///< $1, $2, ...
  ShellVariables variables_;
  std::map<std::string, ShellCommandPtr, std::less<>> functions_;
  std::map<std::string, std::string, std::less<>> limits_;
  ShellAliases aliases_;
  std::map<int, std::string> traps_;  ///< by signal, 0 for the end; "": the signal is ignored
  unsigned mask_ = 022;               ///< permissions that files it makes do not have
  int option_word_ = 1;               ///< the $OPTIND that getopts left
  std::size_t option_place_ = 0;      ///< where getopts is in the word of $OPTIND
  std::vector<Job> jobs_;
  std::vector<std::string> history_;
  std::set<char> options_;  ///< letters of `set`
  std::string directory_ = "/";
  std::string output_;  ///< what the shell's own command that runs has printed
  Flow flow_ = Flow::kNone;
  int flow_levels_ = 0;  ///< loops that a break or continue is still to reach
  int loops_ = 0;        ///< loops around this command
  int calls_ = 0;        ///< calls of functions, and sourced files, around this command
  int tested_ = 0;       ///< conditions around this command: set -e has no say there
  int texts_ = 0;        ///< calls of `run` that are inside one another
  int last_background_ = 0;
  int status_ = 0;
  bool is_in_trap_ = false;
  bool trap_ends_wait_ = false;       ///< the command `wait` is waiting
  bool has_substituted_ = false;      ///< the assignments had a $(...), whose status becomes theirs
  bool is_child_ = false;             ///< we are a copy of a shell, and run a part of its script
  bool is_foreground_child_ = false;  ///< we are such a copy, and Ctrl-C and Ctrl-Z are for us, too
};

}  // namespace spindle::cli
