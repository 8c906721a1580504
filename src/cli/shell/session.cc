#include "cli/shell/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <sstream>
#include <utility>

#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

/// Writes the text with one call, as control files need it.
bool write_whole(int fd, std::string_view text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

/// The text of a control file, which is made anew when it is read from its start.
std::string read_again(int fd) {
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t got = 0;
       (got = ::pread(fd, part.data(), part.size(), static_cast<off_t>(text.size()))) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

ProcessStatus status_of(const std::string& word, const std::string& value) {
  using Kind = ProcessStatus::Kind;
  if (word == "reading") return {.is_reading = true};
  if (word == "running") return {};
  if (word == "stopped") return {.kind = Kind::kStopped};
  if (word == "exit") return {.kind = Kind::kEnded, .exit_status = std::stoi(value)};
  if (word == "signal")
    return {.kind = Kind::kEnded, .exit_status = 128 + signal_of(value).value_or(0)};
  return {.kind = Kind::kEnded, .exit_status = 127};
}

bool are_same(int one, int other) {
  struct stat first {
  }, second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/// Passes on what can be read; false if nobody takes it.
bool pass_on(int from, int to) {
  std::array<char, 65536> part;
  bool is_taken = true;
  for (ssize_t got = 0; from >= 0 && (got = ::read(from, part.data(), part.size())) > 0;)
    is_taken = is_taken && write_all(to, {part.data(), static_cast<std::size_t>(got)});
  return is_taken;
}

constexpr std::string_view kEndOfTransmission = "\4";
constexpr std::string_view kCancel = "\x18";

}  // namespace

ShellSession::ShellSession(const std::string& mount, Complaint& complaint)
    : control_(mount, complaint), mount_(mount) {
  if (complaint.made()) return;
  if (const auto ready = open_terminals(); !ready.ok())
    complaint.make(fmt::format("{}: the simulated machine cannot be used ({})", mount,
                               std::strerror(ready.error().code)));
}

ShellSession::~ShellSession() {
  leave_terminals();
}

void ShellSession::leave_terminals() {
  for (int* const fd : {&terminal_.fd, &errors_.fd, &run_, &status_})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

Result<ShellSession::Terminal> ShellSession::open_terminal() const {
  Terminal terminal{.fd = open("machine/terminal", O_RDWR | O_NONBLOCK)};
  std::array<char, 32> first{};
  if (terminal.fd < 0 || ::read(terminal.fd, first.data(), first.size() - 1) <= 0)
    return Error{errno, "there is no terminal"};
  terminal.number = std::atoi(first.data());
  return terminal;
}

Result<> ShellSession::open_terminals() {
  if (run_ < 0) {
    run_ = open("machine/run", O_RDWR);
    status_ = open("machine/status", O_RDWR);
    if (run_ < 0 || status_ < 0) return Error{errno, "the machine cannot be reached"};
    terminal_ = TRY(open_terminal());
  }
  has_errors_ = !are_same(STDOUT_FILENO, STDERR_FILENO);
  if (has_errors_ && errors_.fd < 0) errors_ = TRY(open_terminal());
  return {};
}

std::string ShellSession::outside(const std::string& path, LastLink last) const {
  const auto target_of = [this](const std::string& link) -> std::optional<std::string> {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlink((mount_ + link).c_str(), target.data(), target.size());
    if (length < 0) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(length));
  };
  // The system call that follows the path reports too many links as well.
  const auto real = without_links(path, last, target_of);
  if (!real.ok()) return mount_ + path;
  return *real == "/" ? mount_ : mount_ + *real;
}

// Opens a control file under a number that no script uses.
int ShellSession::open(const std::string& name, int flags) const {
  constexpr int kFrom = 30;
  const int low = ::open((mount_ + "/.spindle/" + name).c_str(), flags | O_CLOEXEC);
  if (low < 0) return low;
  const int fd = ::fcntl(low, F_DUPFD_CLOEXEC, kFrom);
  ::close(low);
  return fd;
}

// Why the volume refused something, as it says itself.
std::string ShellSession::refusal(int error) const {
  if (error == ENOEXEC) return control_.value("machine/last_message");
  if (error != EINVAL) return std::strerror(error);
  const std::string said = control_.value("last_error");
  constexpr std::string_view kBefore = "is refused: ";
  const std::size_t reason = said.rfind(kBefore);
  return reason == std::string::npos ? said : said.substr(reason + kBefore.size());
}

std::string ShellSession::start(const std::string& line, std::vector<int>& processes) {
  if (!write_whole(run_, fmt::format("-t {} {}\n", terminal_.number, line))) return refusal(errno);
  std::istringstream numbers(read_again(run_));
  for (int number = 0; numbers >> number;) processes.push_back(number);
  return {};
}

std::vector<ProcessStatus> ShellSession::statuses(const std::vector<int>& processes) {
  std::vector<ProcessStatus> all;
  if (write_whole(status_, fmt::format("{}\n", fmt::join(processes, " ")))) {
    std::istringstream lines(read_again(status_));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string number, word, value;
      words >> number >> word >> value;
      all.push_back(status_of(word, value));
    }
  }
  // If the volume is gone, so are its processes.
  all.resize(processes.size(), {.kind = ProcessStatus::Kind::kEnded, .exit_status = 127});
  return all;
}

std::string ShellSession::tell(int process, const std::string& verb) {
  const int fd = open(fmt::format("proc/{}/ctl", process), O_WRONLY);
  if (fd < 0) return errno == ENOENT ? "there is no such process" : std::strerror(errno);
  const bool done = write_whole(fd, verb);
  const int error = errno;
  ::close(fd);
  return done ? std::string() : refusal(error);
}

bool ShellSession::show_output() {
  const bool errors_are_taken = pass_on(errors_.fd, STDERR_FILENO);
  return pass_on(terminal_.fd, STDOUT_FILENO) && errors_are_taken;
}

std::size_t ShellSession::type(std::string_view text) {
  const ssize_t typed = ::write(terminal_.fd, text.data(), text.size());
  return typed < 0 ? 0 : static_cast<std::size_t>(typed);
}

void ShellSession::type_end() {
  type(kEndOfTransmission);
}

void ShellSession::forget_typed() {
  type(kCancel);
}

}  // namespace spindle::cli
