#include "cli/mount/mount_control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "spindle/base/clock.h"
#include "spindle/base/whole_file.h"
#include "spindle/command_line/tell_error.h"

namespace spindle::cli {
namespace {

/// While the command runs, what the terminal sends is for the command.
class IgnoredInterrupts {
 public:
  IgnoredInterrupts() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      before_[i] = std::signal(kSignals[i], SIG_IGN);
  }
  ~IgnoredInterrupts() { restore(); }
  void restore() const {
    for (std::size_t i = 0; i < kSignals.size(); ++i) std::signal(kSignals[i], before_[i]);
  }

 private:
  static constexpr std::array<int, 2> kSignals = {SIGINT, SIGQUIT};
  std::array<void (*)(int), 2> before_{};
};

std::string why_not(const std::string& directory, int error) {
  switch (error) {
    case EACCES:
      return "only the user who has mounted it may access it; -o allow_other allows others, too";
    case ENOTCONN:
      return fmt::format("its daemon is gone; `spindle umount {}` removes the mount", directory);
    default:
      return "no Spindle volume is mounted there";
  }
}

}  // namespace

MountControl::MountControl(std::string directory, Complaint& complaint)
    : directory_(std::move(directory)), complaint_(complaint) {
  if (::access(path("version").c_str(), R_OK) != 0)
    complaint_.make(directory_ + ": " + why_not(directory_, errno));
}

std::string MountControl::path(const std::string& name) const {
  return directory_ + "/.spindle/" + name;
}

std::string MountControl::text(const std::string& name) const {
  Result<std::string> content = whole_file(path(name));
  if (content.ok()) return std::move(content).take();
  const bool is_private = content.code() == EACCES;
  complaint_.make(
      fmt::format("{} cannot be read ({}{})", path(name), std::strerror(content.code()),
                  is_private ? ": only root and the user who has mounted may read it" : ""));
  return {};
}

std::string MountControl::value(const std::string& name) const {
  std::string content = text(name);
  while (content.ends_with('\n')) content.pop_back();
  return content;
}

Json MountControl::json(const std::string& name) const {
  const std::string content = text(name + ".json");
  Json parsed = Json::parse(content, nullptr, false);
  if (!parsed.is_discarded()) return parsed;
  complaint_.make(fmt::format("{}.json is not JSON", path(name)));
  return {};
}

std::string MountControl::chosen(const std::string& name) const {
  const std::string all = text(name);
  const std::size_t from = all.find('[');
  const std::size_t to = all.find(']');
  return from == std::string::npos || to == std::string::npos ? std::string()
                                                              : all.substr(from + 1, to - from - 1);
}

void MountControl::write(const std::string& name, const std::string& value) const {
  const int fd = ::open(path(name).c_str(), O_WRONLY | O_CLOEXEC);
  const bool written =
      fd >= 0 && ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (written) return;
  complaint_.make(error == EINVAL
                      ? this->value("last_error")
                      : fmt::format("{} cannot be set ({})", path(name), std::strerror(error)));
}

void MountControl::sync() const {
  hand_over("volume/sync");
}

void MountControl::commit() const {
  hand_over("journal/commit");
}

// It keeps the syncfs itself to itself.
void MountControl::hand_over(const char* trigger) const {
  struct statvfs about {};
  const int fd = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool handed_over = fd >= 0 && ::fstatvfs(fd, &about) == 0 && ::syncfs(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!handed_over)
    complaint_.make(fmt::format("{} cannot be synced ({})", directory_, std::strerror(error)));
  else if ((about.f_flag & ST_RDONLY) == 0)
    write(trigger, "1");
}

CommandRun run_command(const std::vector<std::string>& words, Output output, Complaint& complaint) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const IgnoredInterrupts ignored;
  const std::int64_t began_ns = monotonic_ns();
  const pid_t child = ::fork();
  if (child == 0) {
    ignored.restore();
    if (output == Output::kToError) ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execvp(arguments[0], arguments.data());
    tell_error(words[0], std::strerror(errno));
    ::_exit(127);
  }
  CommandRun run;
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    complaint.make(fmt::format("{} cannot be run ({})", words[0], std::strerror(errno)));
    return run;
  }
  run.elapsed_ns = monotonic_ns() - began_ns;
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (run.status == 127) complaint.make(fmt::format("'{}' could not be run", words[0]));
  return run;
}

void write_file(const std::string& path, std::string_view content, Complaint& complaint) {
  if (path == "-") {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return;
  }
  const Result<> written = write_whole_file(path, content);
  if (!written.ok()) complaint.make(fmt::format("{}: {}", path, written.error().describe()));
}

std::string duration_text(std::int64_t ns) {
  const double value = static_cast<double>(ns);
  if (ns < 1'000'000) return fmt::format("{:.1f} us", value / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.3f} ms", value / 1e6);
  return fmt::format("{:.3f} s", value / 1e9);
}

}  // namespace spindle::cli
