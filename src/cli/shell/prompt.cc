#include "cli/shell/prompt.h"

#include <editline/readline.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace spindle::cli {
namespace {

/// The shell that the library's callbacks serve: it passes them no argument.
const Shell* completed_shell = nullptr;
std::vector<std::string> candidates;

/// Adds the files in the folder whose names begin so; folders get a slash behind.
void add_files(const std::string& folder, const std::string& before, const std::string& beginning,
               bool are_programs) {
  std::error_code error;
  const auto outside = completed_shell->session().outside(folder);
  for (const auto& entry : std::filesystem::directory_iterator(outside, error)) {
    std::string name = entry.path().filename().string();
    if (are_programs && name.ends_with(".lua")) name.resize(name.size() - 4);
    if (!name.starts_with(beginning) || (name.starts_with('.') && beginning.empty())) continue;
    candidates.push_back(before + name + (!are_programs && entry.is_directory(error) ? "/" : ""));
  }
}

void find_candidates(const std::string& word, bool is_command) {
  candidates.clear();
  const std::size_t slash = word.rfind('/');
  if (slash != std::string::npos || !is_command) {
    const std::string before = slash == std::string::npos ? "" : word.substr(0, slash + 1);
    add_files(completed_shell->absolute(before.empty() ? "." : before), before,
              word.substr(before.size()), false);
  } else {
    for (const std::string& name : completed_shell->own_names())
      if (name.starts_with(word)) candidates.push_back(name);
    for (const std::string& folder : completed_shell->program_folders())
      add_files(folder, "", word, true);
  }
  std::ranges::sort(candidates);
}

char* next_candidate(const char*, int state) {
  static std::size_t next = 0;
  if (state == 0) next = 0;
  return next < candidates.size() ? ::strdup(candidates[next++].c_str()) : nullptr;
}

/// The first word of the line, or behind an operator, is completed to a command, others to files.
char** complete(const char* word, int start, int) {
  const std::string_view before(rl_line_buffer, static_cast<std::size_t>(start));
  const std::size_t last = before.find_last_not_of(' ');
  const bool is_command =
      last == before.npos || std::string_view("|;&").find(before[last]) != std::string_view::npos;
  find_candidates(word, is_command);
  rl_attempted_completion_over = 1;
  rl_completion_append_character =
      candidates.size() == 1 && candidates.front().ends_with('/') ? 0 : ' ';
  return rl_completion_matches(word, next_candidate);
}

volatile std::sig_atomic_t was_interrupted = 0;
void note_interrupt(int) {
  was_interrupted = 1;
}

/// While a line is typed, Ctrl-C drops the line and not the shell.
class InterruptDropsLine {
 public:
  InterruptDropsLine() {
    was_interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = note_interrupt;
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InterruptDropsLine() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptDropsLine(const InterruptDropsLine&) = delete;
  InterruptDropsLine& operator=(const InterruptDropsLine&) = delete;

 private:
  struct sigaction before_ = {};
};

}  // namespace

ShellPrompt::ShellPrompt(const Shell& shell) : shell_(shell) {
  completed_shell = &shell;
  rl_readline_name = "spindle";
  rl_initialize();
  rl_attempted_completion_function = complete;
  using_history();
  stifle_history(1000);
  if (const char* home = std::getenv("HOME"))
    history_file_ = fmt::format("{}/.spindle_history", home);
  if (!history_file_.empty()) read_history(history_file_.c_str());
}

ShellPrompt::~ShellPrompt() {
  if (!history_file_.empty()) write_history(history_file_.c_str());
  completed_shell = nullptr;
}

std::optional<std::string> ShellPrompt::ask(const std::string& prompt) {
  const InterruptDropsLine drops_line;
  char* const text = readline(prompt.c_str());
  if (text == nullptr) {
    fmt::print("\n");
    std::fflush(stdout);
    return was_interrupted != 0 ? std::optional<std::string>("") : std::nullopt;
  }
  std::string line(text);
  std::free(text);
  if (line.find_first_not_of(' ') != std::string::npos) add_history(line.c_str());
  return line;
}

std::optional<std::string> ShellPrompt::read_line() {
  return ask(fmt::format("machine:{}$ ", shell_.directory()));
}

std::optional<std::string> ShellPrompt::read_more() {
  const auto line = ask("> ");
  return was_interrupted != 0 ? std::nullopt : line;
}

}  // namespace spindle::cli
