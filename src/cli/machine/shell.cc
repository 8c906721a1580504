#include "cli/machine/shell.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sstream>

namespace spindle::cli {
namespace {

constexpr int kLook_ms = 5;  // how often the machine is asked how its processes fare

volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t suspended = 0;

void on_key(int signal) {
  (signal == SIGINT ? interrupted : suspended) = 1;
}

// While it lives, Ctrl-C and Ctrl-Z are for the program of the foreground.
class Keys {
 public:
  Keys() {
    interrupted = 0;
    suspended = 0;
    struct sigaction action {};
    action.sa_handler = on_key;
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTSTP, &action, &suspend_);
  }
  ~Keys() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTSTP, &suspend_, nullptr);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

 private:
  struct sigaction interrupt_ {};
  struct sigaction suspend_ {};
};

bool ends_command(const ShellWord& word) {
  return word.is_operator &&
         (word.text == ";" || word.text == "&" || word.text == "&&" || word.text == "||");
}

// A pipeline as a person wrote it, but for its quotes.
std::string text_of(const std::vector<ShellWord>& words) {
  std::string text;
  for (const ShellWord& word : words) {
    if (!text.empty()) text += ' ';
    text += word.is_operator ? word.text : quoted_shell_word(word.text);
  }
  return text;
}

bool is_file(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

}  // namespace

Shell::Shell(ShellSession& session, Mode mode, std::vector<std::string> arguments)
    : session_(session), mode_(mode), arguments_(std::move(arguments)) {
  if (mode == Mode::kInput) session_.type_end();
}

int Shell::say_error(const std::string& what, int status) {
  std::fflush(stdout);
  fmt::print(stderr, "spindle shell: {}\n", what);
  return status;
}

Result<Shell::Command> Shell::next_command(ShellWords& words) {
  Command command;
  while (auto word = TRY(words.next())) {
    if (ends_command(*word)) {
      command.end = word->text;
      break;
    }
    const bool after_operator = !command.words.empty() && command.words.back().is_operator;
    const bool is_pipe = word->is_operator && word->text == "|";
    if (word->is_operator && (after_operator || (is_pipe && command.words.empty())))
      return Error{EINVAL, "a word is missing before an operator"};
    command.words.push_back(std::move(*word));
  }
  if (!command.words.empty() && command.words.back().is_operator)
    return Error{EINVAL, "a word is missing after an operator"};
  if (!command.end.empty() && command.words.empty())
    return Error{EINVAL, "a command is missing before an operator"};
  return command;
}

void Shell::run_line(const std::string& line) {
  ShellWords syntax(line);
  for (std::string end = ";"; !end.empty();) {
    const auto command = next_command(syntax);
    const bool is_missing = command.ok() && command->words.empty() && (end == "&&" || end == "||");
    if (!command.ok() || is_missing) {
      status_ = say_error(
          command.ok() ? "a command is missing after an operator" : command.error().what, 2);
      return;
    }
    end = command->end;
  }
  ShellWords words(line, [this](std::string_view name) { return variable(name); });
  std::string before = ";";
  while (!before.empty() && !is_leaving_) {
    auto command = next_command(words);
    if (!command.ok()) return;
    const std::string end = command->end;
    const bool is_wanted = before == "&&" ? status_ == 0 : before != "||" || status_ != 0;
    if (is_wanted && !command->words.empty()) status_ = run_command(std::move(*command));
    before = end;
  }
}

std::string Shell::variable(std::string_view name) const {
  if (name == "?") return std::to_string(status_);
  if (name == "!") return last_background_ == 0 ? "" : std::to_string(last_background_);
  if (name == "#") return std::to_string(arguments_.empty() ? 0 : arguments_.size() - 1);
  if (name == "PWD") return directory_;
  if (name.size() == 1 && name[0] >= '0' && name[0] <= '9') {
    const auto place = static_cast<std::size_t>(name[0] - '0');
    return place < arguments_.size() ? arguments_[place] : "";
  }
  const auto found = variables_.find(name);
  return found == variables_.end() ? "" : found->second;
}

bool Shell::assign(const std::vector<ShellWord>& words) {
  if (!std::ranges::all_of(words, &ShellWord::is_assignment)) return false;
  for (const ShellWord& word : words) {
    const std::size_t split = word.text.find('=');
    variables_[word.text.substr(0, split)] = word.text.substr(split + 1);
  }
  return true;
}

int Shell::run_command(Command command) {
  if (assign(command.words)) return 0;
  const bool is_pipeline = std::ranges::any_of(
      command.words, [](const ShellWord& word) { return word.is_operator && word.text == "|"; });
  const auto own = std::ranges::find(own_commands(), command.words.front().text, &Own::name);
  // `nice PROGRAM` is a pipeline as any other, at another priority.
  const bool is_own =
      own != own_commands().end() && !(own->name == "nice" && command.words.size() > 1);
  if (is_own && !is_pipeline && command.end != "&") return run_own(*own, command.words);
  return run_programs(std::move(command.words), command.end == "&");
}

int Shell::run_own(const Own& own, const std::vector<ShellWord>& words) {
  Arguments arguments;
  std::string target;
  int flags = 0;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].is_operator) {
      arguments.push_back(words[i].text);
      continue;
    }
    if (words[i].text != ">" && words[i].text != ">>")
      return say_error(fmt::format("{} takes no {}", own.name, words[i].text), 2);
    flags = O_WRONLY | O_CREAT | (words[i].text == ">" ? O_TRUNC : O_APPEND);
    target = absolute(words[++i].text);
  }
  output_.clear();
  int status = (this->*own.run)(arguments);
  const std::string output = std::move(output_);
  if (target.empty()) {
    std::fwrite(output.data(), 1, output.size(), stdout);
    std::fflush(stdout);
    return status;
  }
  const int fd = ::open(session_.outside(target).c_str(), flags | O_CLOEXEC, 0644);
  const bool is_written =
      fd >= 0 && ::write(fd, output.data(), output.size()) == static_cast<ssize_t>(output.size());
  if (!is_written) status = say_error(fmt::format("{}: {}", target, std::strerror(errno)));
  if (fd >= 0) ::close(fd);
  return status;
}

std::string Shell::absolute(const std::string& path) const {
  std::string whole = (std::filesystem::path(directory_) / path).lexically_normal().string();
  if (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

std::vector<std::string> Shell::program_folders() const {
  std::vector<std::string> folders;
  std::istringstream path(variable("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) folders.push_back(absolute(folder));
  return folders;
}

std::string Shell::find_program(const std::string& name) const {
  std::vector<std::string> folders = program_folders();
  if (name.find('/') != std::string::npos) folders = {directory_};
  for (const std::string& folder : folders) {
    const std::string path =
        name.starts_with('/') ? name : absolute(fmt::format("{}/{}", folder, name));
    for (const char* ending : {"", ".lua"})
      if (is_file(session_.outside(path + ending))) return path + ending;
  }
  return {};
}

// How the programs shall be started; what says so is taken from the words.
std::string Shell::run_options(std::vector<ShellWord>& words) const {
  std::string options = fmt::format("-d {}", quoted_shell_word(directory_));
  for (const auto& [name, value] : limits_)
    if (value != "unlimited") options += fmt::format(" -l {}={}", name, value);
  if (!words.empty() && words.front().text == "nice") {
    words.erase(words.begin());
    std::string nice = "10";
    if (words.size() > 1 && words[0].text == "-n") {
      nice = words[1].text;
      words.erase(words.begin(), words.begin() + 2);
    }
    options += " -n " + quoted_shell_word(nice);
  }
  for (const auto& [name, value] : variables_)
    options += fmt::format(" {}={}", name, quoted_shell_word(value));
  while (!words.empty() && words.front().is_assignment) {
    const std::size_t split = words.front().text.find('=') + 1;
    options += " " + words.front().text.substr(0, split) +
               quoted_shell_word(words.front().text.substr(split));
    words.erase(words.begin());
  }
  return options;
}

int Shell::run_programs(std::vector<ShellWord> words, bool in_background) {
  const std::string text = text_of(words);
  if (text.find('\n') != std::string::npos)
    return say_error("a word of a program cannot hold a line's end", 2);
  std::string line = run_options(words);
  if (words.empty()) return say_error("no program is named", 2);
  bool names_program = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    ShellWord& word = words[i];
    if (word.is_operator) {
      line += " " + word.text;
      if (word.text == "|")
        names_program = true;
      else
        line += " " + quoted_shell_word(absolute(words[++i].text));
      continue;
    }
    if (names_program) {
      const std::string path = find_program(word.text);
      if (path.empty())
        return say_error(fmt::format("{}: there is no such program on the volume", word.text), 127);
      word.text = path;
      names_program = false;
    }
    line += " " + quoted_shell_word(word.text);
  }
  return launch(line, text, in_background);
}

int Shell::launch(const std::string& line, const std::string& text, bool in_background) {
  Job job;
  job.number = jobs_.empty() ? 1 : jobs_.back().number + 1;
  job.text = text;
  const std::string refusal = session_.start(line, job.processes);
  if (!refusal.empty()) return say_error(fmt::format("{}: {}", text, refusal), 126);
  if (!in_background) return wait_for(std::move(job));
  last_background_ = job.processes.back();
  if (mode_ == Mode::kInteractive) fmt::print("[{}] {}\n", job.number, last_background_);
  jobs_.push_back(std::move(job));
  return 0;
}

void Shell::update(Job& job) {
  using Kind = ProcessStatus::Kind;
  const std::vector<ProcessStatus> all = session_.statuses(job.processes);
  job.status = all.back();
  const auto some_is = [&](Kind kind) {
    return std::ranges::find(all, kind, &ProcessStatus::kind) != all.end();
  };
  job.status.kind = some_is(Kind::kRunning)   ? Kind::kRunning
                    : some_is(Kind::kStopped) ? Kind::kStopped
                                              : Kind::kEnded;
}

int Shell::wait_for(Job job) {
  const Keys keys;
  for (update(job); job.status.kind == ProcessStatus::Kind::kRunning; update(job)) {
    session_.show_output();
    pass_keys(job);
    pass_input();
  }
  session_.show_output();
  if (mode_ == Mode::kInteractive) session_.forget_typed();
  if (job.status.kind == ProcessStatus::Kind::kStopped) {
    fmt::print("[{}] stopped  {}\n", job.number, job.text);
    jobs_.push_back(std::move(job));
    return 128 + SIGTSTP;
  }
  const bool was_interrupted = job.status.exit_status == 128 + SIGINT && interrupted != 0;
  if (was_interrupted && mode_ != Mode::kInteractive) is_leaving_ = true;
  return job.status.exit_status;
}

void Shell::pass_keys(const Job& job) {
  if (std::exchange(suspended, 0) != 0) tell(job, "kill TSTP");
  if (interrupted == 1) {
    interrupted = 2;  // told; the next Ctrl-C makes it 1 again
    tell(job, "kill INT");
  }
}

// What a person or a file has for the program. Comes back in kLook_ms at the latest.
void Shell::pass_input() {
  const bool has_input = mode_ != Mode::kInput && !input_ended_ && untyped_.empty();
  pollfd input{.fd = has_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, kLook_ms) == 1) {
    std::array<char, 4096> part;
    const ssize_t got = ::read(STDIN_FILENO, part.data(), part.size());
    if (got > 0) untyped_.assign(part.data(), static_cast<std::size_t>(got));
    if (got == 0) {
      session_.type_end();
      input_ended_ = mode_ != Mode::kInteractive;
    }
  }
  if (!untyped_.empty()) untyped_.erase(0, session_.type(untyped_));
}

int Shell::tell(const Job& job, const std::string& verb) {
  int status = 0;
  for (const int process : job.processes)
    if (!session_.tell(process, verb).empty()) status = 1;
  return status;
}

void Shell::report_jobs() {
  session_.show_output();
  for (Job& job : jobs_) {
    update(job);
    if (job.status.kind != ProcessStatus::Kind::kEnded || mode_ != Mode::kInteractive) continue;
    fmt::print("[{}] exit {}  {}\n", job.number, job.status.exit_status, job.text);
  }
  session_.show_output();
  if (mode_ != Mode::kInteractive) return;
  std::erase_if(jobs_,
                [](const Job& job) { return job.status.kind == ProcessStatus::Kind::kEnded; });
}

}  // namespace spindle::cli
