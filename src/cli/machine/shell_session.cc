#include "cli/machine/shell_session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

bool write_all(int fd, std::string_view text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The text of a file that is made anew when it is read from its start.
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
  if (word == "running") return {Kind::kRunning, 0};
  if (word == "stopped") return {Kind::kStopped, 0};
  if (word == "exit") return {Kind::kEnded, std::stoi(value)};
  if (word == "signal") return {Kind::kEnded, 128 + signal_of(value).value_or(0)};
  return {Kind::kEnded, 127};
}

constexpr std::string_view kEndOfTransmission = "\4";
constexpr std::string_view kCancel = "\x18";

}  // namespace

ShellSession::ShellSession(const std::string& mount, Complaint& complaint)
    : control_(mount, complaint), mount_(mount) {
  if (complaint.made()) return;
  terminal_ = open("machine/terminal", O_RDWR | O_NONBLOCK);
  run_ = open("machine/run", O_RDWR);
  status_ = open("machine/status", O_RDWR);
  std::array<char, 32> first{};
  if (terminal_ < 0 || run_ < 0 || status_ < 0 || ::read(terminal_, first.data(), 31) <= 0) {
    complaint.make(
        fmt::format("{}: the simulated machine cannot be used ({})", mount, std::strerror(errno)));
    return;
  }
  terminal_number_ = std::atoi(first.data());
}

ShellSession::~ShellSession() {
  for (const int fd : {terminal_, run_, status_})
    if (fd >= 0) ::close(fd);
}

int ShellSession::open(const std::string& name, int flags) const {
  return ::open(outside("/.spindle/" + name).c_str(), flags | O_CLOEXEC);
}

// The volume says what it refused, and why.
std::string ShellSession::refusal(int error) const {
  if (error != EINVAL) return std::strerror(error);
  const std::string said = control_.value("last_error");
  constexpr std::string_view kBefore = "is refused: ";
  const std::size_t reason = said.rfind(kBefore);
  return reason == std::string::npos ? said : said.substr(reason + kBefore.size());
}

std::string ShellSession::start(const std::string& line, std::vector<int>& processes) {
  if (!write_all(run_, fmt::format("-t {} {}\n", terminal_number_, line))) return refusal(errno);
  std::istringstream numbers(read_again(run_));
  for (int number = 0; numbers >> number;) processes.push_back(number);
  return {};
}

std::vector<ProcessStatus> ShellSession::statuses(const std::vector<int>& processes) {
  std::vector<ProcessStatus> all;
  if (write_all(status_, fmt::format("{}\n", fmt::join(processes, " ")))) {
    std::istringstream lines(read_again(status_));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string number, word, value;
      words >> number >> word >> value;
      all.push_back(status_of(word, value));
    }
  }
  // Of a volume that is gone nobody knows anything any more.
  all.resize(processes.size(), {ProcessStatus::Kind::kEnded, 127});
  return all;
}

std::string ShellSession::tell(int process, const std::string& verb) {
  const int fd = open(fmt::format("proc/{}/ctl", process), O_WRONLY);
  if (fd < 0) return errno == ENOENT ? "there is no such process" : std::strerror(errno);
  const bool done = write_all(fd, verb);
  const int error = errno;
  ::close(fd);
  return done ? std::string() : refusal(error);
}

void ShellSession::show_output() {
  std::array<char, 65536> part;
  for (ssize_t got = 0; (got = ::read(terminal_, part.data(), part.size())) > 0;)
    std::fwrite(part.data(), 1, static_cast<std::size_t>(got), stdout);
  std::fflush(stdout);
}

std::size_t ShellSession::type(std::string_view text) {
  const ssize_t typed = ::write(terminal_, text.data(), text.size());
  return typed < 0 ? 0 : static_cast<std::size_t>(typed);
}

void ShellSession::type_end() {
  type(kEndOfTransmission);
}

void ShellSession::forget_typed() {
  type(kCancel);
}

}  // namespace spindle::cli
