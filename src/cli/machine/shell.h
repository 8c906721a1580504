// Shell: the shell of the simulated machine. Its commands are programs on the volume.
//
//   Shell shell(session, Shell::Mode::kScript);
//   shell.run_line("cat <notes | wc >count && echo done");
//   return shell.status();
//
// A line is read twice: first for its syntax, so that nothing of a wrong one is run; then command
// by command, each with what variables hold by then. While a program of the foreground runs, its
// output is shown, what comes from standard input is typed to it (unless the script itself does),
// and Ctrl-C and Ctrl-Z reach it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/machine/shell_session.h"
#include "spindle/base/shell_words.h"

namespace spindle::cli {

class Shell {
 public:
  /// Where lines come from: a person; a file, so that standard input is the programs'; or standard
  /// input itself, so that programs have none.
  enum class Mode : std::uint8_t { kInteractive, kScript, kInput };

  Shell(ShellSession& session, Mode mode, std::vector<std::string> arguments = {});

  void run_line(const std::string& line);
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool is_leaving() const { return is_leaving_; }
  /// What ended meanwhile, and what programs of the background wrote.
  void report_jobs();
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const ShellSession& session() const { return session_; }
  /// Absolute, without "." and "..".
  [[nodiscard]] std::string absolute(const std::string& path) const;
  /// The folders in which programs are looked for.
  [[nodiscard]] std::vector<std::string> program_folders() const;

 private:
  struct Job {
    int number = 0;
    std::vector<int> processes;
    std::string text;
    ProcessStatus status;  ///< of all: running if one runs; ended with the last one's exit status
  };
  /// Up to the next ; & && ||.
  struct Command {
    std::vector<ShellWord> words;
    std::string end;
  };
  using Arguments = std::vector<std::string>;
  struct Own {
    std::string_view name;
    int (Shell::*run)(const Arguments& arguments);
    std::string_view help;
  };
  static const std::vector<Own>& own_commands();
  friend std::vector<std::string> own_command_names();

  static Result<Command> next_command(ShellWords& words);
  [[nodiscard]] std::string variable(std::string_view name) const;
  int say_error(const std::string& what, int status = 1);
  int run_command(Command command);
  bool assign(const std::vector<ShellWord>& words);
  /// Of one of the shell's own commands, if it is one that stands alone.
  int run_own(const Own& own, const std::vector<ShellWord>& words);
  int run_programs(std::vector<ShellWord> words, bool in_background);
  std::string find_program(const std::string& name) const;
  std::string run_options(std::vector<ShellWord>& words) const;
  int launch(const std::string& line, const std::string& text, bool in_background);
  int wait_for(Job job);
  void update(Job& job);
  void pass_keys(const Job& job);
  void pass_input();
  Job* find_job(const std::string& name);
  std::vector<int> processes_of(const std::string& name);
  int tell(const Job& job, const std::string& verb);

  int do_bg(const Arguments& arguments);
  int do_cd(const Arguments& arguments);
  int do_echo(const Arguments& arguments);
  int do_exit(const Arguments& arguments);
  int do_fg(const Arguments& arguments);
  int do_help(const Arguments& arguments);
  int do_jobs(const Arguments& arguments);
  int do_kill(const Arguments& arguments);
  int do_nice(const Arguments& arguments);
  int do_pwd(const Arguments& arguments);
  int do_ulimit(const Arguments& arguments);
  int do_unset(const Arguments& arguments);
  int do_wait(const Arguments& arguments);

  ShellSession& session_;
  Mode mode_;
  std::vector<std::string> arguments_;
  std::map<std::string, std::string, std::less<>> variables_{{"PATH", "/bin"}};
  std::map<std::string, std::string, std::less<>> limits_;
  std::vector<Job> jobs_;
  std::string directory_ = "/";
  std::string output_;   ///< of the shell's own command
  std::string untyped_;  ///< came from standard input, and found no room yet
  bool input_ended_ = false;
  int last_background_ = 0;
  int status_ = 0;
  bool is_leaving_ = false;
};

/// For completion.
std::vector<std::string> own_command_names();

}  // namespace spindle::cli
