// `spindle mount`: what is asked for, and the daemon that serves it in the background.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "cli/commands.h"
#include "cli/mount/mounted_volume.h"
#include "cli/mount/remount.h"
#include "cli/words.h"
#include "spindle/base/log.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

/// What the command line asks for.
struct MountCommand {
  MountRequest request;
  std::vector<std::string> option_texts;
  bool foreground = false;
};

/// The daemon leaves the terminal once the mount answers.
void leave_terminal() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  ::close(null);
}

/// The parent returns when the child says, through a pipe, that the mount answers, or why it does
/// not: the child's message is one byte if all is well, a sentence if not, nothing if it died.
int serve_in_background(const MountRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail("mount", std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0)
    return fail("mount",
                fmt::format("the host gives no process for the daemon ({})", std::strerror(errno)));
  if (child == 0) {
    ::close(ends[0]);
    ::setsid();
    ::signal(SIGPIPE, SIG_IGN);  // somebody may have killed the parent
    const auto tell = [&](std::string_view text) {
      if (ends[1] < 0) return;
      (void)!::write(ends[1], text.data(), text.size());
      ::close(ends[1]);
      ends[1] = -1;
    };
    const auto ready = [&] {
      if (::chdir("/") != 0) log(LogLevel::kWarning, "the daemon cannot change its directory to /");
      log_to_syslog();
      leave_terminal();
      tell("\n");
    };
    // The system takes all memory back at once, sooner than destructors give it piece by piece.
    const auto ended = [] { std::_Exit(0); };
    const std::string problem = serve_volume(request, {.ready = ready, .ended = ended});
    if (ends[1] < 0) log(LogLevel::kError, problem);
    tell(problem);
    std::_Exit(1);
  }
  ::close(ends[1]);
  std::string message;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    message.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  if (message == "\n") return 0;
  return fail("mount", message.empty() ? "the daemon died before the mount answered" : message);
}

/// The path without symbolic links; empty, with errno, if it leads nowhere.
std::string real_path_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         std::free);
  return real ? real.get() : "";
}

/// Reads the options. The sentence that says what is wrong with them; empty: nothing is.
std::string read_mount_options(const std::vector<std::string>& texts, MountOptions& options) {
  for (const std::string& text : texts) {
    std::string reason;
    if (!parse_mount_options(text, options, reason)) return reason;
  }
  if (!options.for_remount_alone.empty() && !options.remount)
    return fmt::format("option '{}' is only for remount", options.for_remount_alone);
  if (!options.remount && options.read_only && !options.write_log.empty())
    return "the options 'ro' and 'write-log' contradict each other: nothing would be written";
  return {};
}

/// Why nothing can be mounted there; empty: nothing speaks against it. What the kernel remembers of
/// a mount whose daemon is gone does not count.
std::string why_no_mount_point(const std::string& directory) {
  struct statx info {};
  if (::statx(AT_FDCWD, directory.c_str(), AT_STATX_FORCE_SYNC, STATX_TYPE, &info) == 0)
    return S_ISDIR(info.stx_mode) ? "" : fmt::format("{} is not a directory", directory);
  if (errno != ENOTCONN) return fmt::format("{}: {}", directory, std::strerror(errno));
  return fmt::format(
      "{}: a volume is mounted there, and its daemon is gone; `spindle umount {}` "
      "removes the mount",
      directory, directory);
}

/// Makes both paths absolute. The sentence that says what is wrong with them; empty: nothing is.
std::string resolve_paths(MountRequest& request) {
  for (std::string* path : {&request.image, &request.directory}) {
    const std::string real = real_path_of(*path);
    if (real.empty()) return fmt::format("{}: {}", *path, std::strerror(errno));
    *path = real;
  }
  return why_no_mount_point(request.directory);
}

/// Why this user cannot mount with FUSE; empty: nothing speaks against it.
std::string why_no_fuse() {
  if (::access("/dev/fuse", R_OK | W_OK) == 0) return {};
  const char* const why = errno == EACCES ? "is not open to this user: root must chmod a+rw it"
                                          : "cannot be used: is the fuse module loaded?";
  return fmt::format("/dev/fuse {} ({})", why, std::strerror(errno));
}

/// The exit status; a problem is said first.
int mount_status(const std::string& problem) {
  return problem.empty() ? 0 : fail("mount", problem);
}

int run(MountCommand command) {
  MountRequest& request = command.request;
  if (const int failed = mount_status(read_mount_options(command.option_texts, request.options)))
    return failed;
  if (request.options.remount) return mount_status(remount(request.directory, request.options));
  if (const int failed = mount_status(resolve_paths(request))) return failed;
  if (const int failed = mount_status(why_no_fuse())) return failed;
  ::signal(SIGXFSZ, SIG_IGN);  // under `ulimit -f` a write to the image fails instead
  return command.foreground ? mount_status(serve_volume(request, {}))
                            : serve_in_background(request);
}

}  // namespace

void add_mount_command(const Command& program, int& status) {
  auto asked = std::make_shared<MountCommand>();
  const Command command = program.subcommand("mount", "Mount the volume in IMAGE at DIR.");
  command.option("IMAGE", asked->request.image, "image file or block device").required();
  command.option("DIR", asked->request.directory, "directory on which it is mounted").required();
  command
      .option("-o,--options", asked->option_texts,
              "ro, allow_other, nodefault_permissions, noatime, nodiratime, relatime, strictatime, "
              "sync, dirsync, data=ordered|journal, cache=SIZE, cache-policy=POLICY, arm=POLICY, "
              "disk=PRESET, pace=FACTOR, fit=POLICY, cpu=POLICY, commit=SECONDS, write-log=FILE; a "
              "POLICY is a name, or a library with one (./mine.so)")
      .type_name("OPT,...");
  command.flag("-f,--foreground", asked->foreground, "stay in the foreground");
  command.flag("--debug", asked->request.debug, "show every request (with -f)");
  command.callback([asked, &status] { status = run(*asked); });
}

}  // namespace spindle::cli
