// `spindle enter`: runs a shell or a command where /proc and /sys are those of the simulated
// machine.
//
// There are three processes. The one that was started supervises (enter_supervisor.h), outside of
// the namespaces. The first inside is process 1 of a process namespace; when it ends, so does all
// that is inside. The second becomes the command. Process numbers inside begin above those of the
// machine, so that no number means two processes.

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include "cli/commands.h"
#include "cli/machine/enter_supervisor.h"
#include "cli/words.h"
#include "spindle/base/host_proc.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

constexpr int kFirstProcess = 30'000;  // of those inside; the machine's are below

/// Ends a process that could not become the command, with the reason.
[[noreturn]] void give_up(const std::string& what, int status = 1) {
  fail("enter", what);
  std::_Exit(status);
}

void must(bool ok, const char* what) {
  if (!ok) give_up(fmt::format("{}: {}", what, std::strerror(errno)));
}

void write_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool ok = fd >= 0 && ::write(fd, text.data(), text.size()) >= 0;
  must(ok, path.c_str());
  ::close(fd);
}

/// The first word of a file; empty if it has none.
std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

struct Entrance {
  std::string control;  ///< MOUNT/.spindle
  std::vector<std::string> command;
  std::string hostname;
  std::int64_t boot_offset_seconds = 0;  ///< the machine's uptime less the host's
};

/// Gives an ordinary user the rights that are needed, in a user namespace in which they keep their
/// number.
void enter_user_namespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (uid == 0) return;
  must(::unshare(CLONE_NEWUSER) == 0, "no user namespace can be made");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", uid));
  write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

/// Makes CLOCK_BOOTTIME that of the machine, for tools that ask the clock and not /proc/uptime. On
/// a kernel without time namespaces it stays the host's.
void enter_time_namespace(std::int64_t offset_seconds) {
  if (::unshare(CLONE_NEWTIME) != 0) return;
  std::ofstream("/proc/self/timens_offsets") << fmt::format("boottime {} 0\n", offset_seconds);
}

void bind_over(const std::string& from, const char* to) {
  must(::mount(from.c_str(), to, nullptr, MS_BIND, nullptr) == 0, to);
}

void enter_namespaces(const Entrance& entrance) {
  enter_user_namespace();
  must(::unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID) == 0, "no namespaces can be made");
  enter_time_namespace(entrance.boot_offset_seconds);
  must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "/");
  (void)::sethostname(entrance.hostname.data(), entrance.hostname.size());
}

void send_descriptor(int socket, int fd) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  must(::sendmsg(socket, &message, 0) == 1, "the supervisor is gone");
}

/// Returns -1 if none came.
int receive_descriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

/// Gives the terminal to the calling process's group, if `from_group` had it.
void take_terminal(pid_t from_group) {
  if (!::isatty(STDIN_FILENO) || ::tcgetpgrp(STDIN_FILENO) != from_group) return;
  ::signal(SIGTTOU, SIG_IGN);
  ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  ::signal(SIGTTOU, SIG_DFL);
}

[[noreturn]] void become_command(const Entrance& entrance, int socket) {
  const pid_t before = ::isatty(STDIN_FILENO) ? ::tcgetpgrp(STDIN_FILENO) : -1;
  const bool has_terminal = before >= 0 && before == ::getpgrp();
  ::setpgid(0, 0);
  if (has_terminal) take_terminal(before);
  const int listener = install_filter();
  must(listener >= 0, "the filter of system calls cannot be installed");
  send_descriptor(socket, listener);
  ::close(listener);
  ::close(socket);
  std::vector<char*> arguments;
  for (const std::string& word : entrance.command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  const int error = errno;
  give_up(fmt::format("{}: {}", entrance.command.front(), std::strerror(error)),
          error == ENOENT ? 127 : 126);
}

int exit_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// What process 1 of the namespace does: it waits for processes whose parents have ended, and ends
/// with the command.
[[noreturn]] void be_first(const Entrance& entrance, int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  write_file("/proc/sys/kernel/ns_last_pid", std::to_string(kFirstProcess));
  bind_over(entrance.control + "/sys", "/sys");
  bind_over(entrance.control + "/proc", "/proc");
  const pid_t command = ::fork();
  must(command >= 0, "no process can be made");
  if (command == 0) become_command(entrance, socket);
  ::close(socket);
  for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, SIG_IGN);
  int status = 0;
  while (true) {
    const pid_t ended = ::wait(&status);
    if (ended == command) std::_Exit(exit_status(status));
    if (ended < 0 && errno != EINTR) std::_Exit(1);
  }
}

/// The process that calls unshare stays outside of the new process namespace; its children are
/// inside.
[[noreturn]] void enter(const Entrance& entrance, int socket) {
  enter_namespaces(entrance);
  const pid_t first = ::fork();
  must(first >= 0, "no process can be made");
  if (first == 0) be_first(entrance, socket);
  ::close(socket);
  for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int status = 0;
  while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  std::_Exit(exit_status(status));
}

int supervise(pid_t child, int socket, int machine_proc) {
  for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, SIG_IGN);
  const pid_t own_group = ::getpgrp();
  const bool has_terminal = ::isatty(STDIN_FILENO) && ::tcgetpgrp(STDIN_FILENO) == own_group;
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  const int listener = receive_descriptor(socket);
  if (listener >= 0 && ended >= 0) Supervisor(listener, machine_proc).serve(ended);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (has_terminal) take_terminal(::tcgetpgrp(STDIN_FILENO));
  return exit_status(status);
}

/// How many seconds longer than the host the machine is up.
std::int64_t boot_offset(const std::string& control) {
  timespec host{};
  ::clock_gettime(CLOCK_BOOTTIME, &host);
  const double machine = std::strtod(first_word(control + "/proc/uptime").c_str(), nullptr);
  const double now = static_cast<double>(host.tv_sec) + static_cast<double>(host.tv_nsec) / 1e9;
  return std::llround(machine - now);
}

int run(const std::string& mount, std::vector<std::string> command) {
  open_host_proc();
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(mount.c_str(), nullptr),
                                                         std::free);
  if (!real) return fail("enter", fmt::format("{}: {}", mount, std::strerror(errno)));
  Entrance entrance;
  entrance.control = std::string(real.get()) + "/.spindle";
  const std::string proc = entrance.control + "/proc";
  const int machine_proc = ::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (machine_proc < 0 || ::faccessat(machine_proc, "stat", R_OK, 0) != 0) {
    return fail("enter",
                fmt::format("{}: there is no simulated machine ({}); is a Spindle volume mounted?",
                            mount, std::strerror(errno)));
  }
  entrance.hostname = first_word(proc + "/sys/kernel/hostname");
  entrance.boot_offset_seconds = boot_offset(entrance.control);
  if (command.empty()) {
    const char* shell = std::getenv("SHELL");
    command = {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"};
  }
  entrance.command = std::move(command);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail("enter", std::strerror(errno));
  }
  const pid_t child = ::fork();
  if (child < 0) return fail("enter", std::strerror(errno));
  if (child == 0) {
    ::close(ends[0]);
    ::close(machine_proc);
    enter(entrance, ends[1]);
  }
  ::close(ends[1]);
  return supervise(child, ends[0], machine_proc);
}

}  // namespace

void add_enter_command(const Command& program, int& status) {
  auto mount = std::make_shared<std::string>();
  const Command command = program.subcommand(
      "enter",
      "Run a shell, or COMMAND, in which /proc and /sys are those of the simulated machine:\n"
      "ps, top and similar programs show its processes; kill and renice act on these only.");
  command.option("MOUNT", *mount, "where the volume is mounted").required();
  command.leave_rest();  // what follows is the command's, with its options
  command.footer("COMMAND and its arguments follow MOUNT; without a COMMAND, $SHELL runs.");
  command.callback([command, mount, &status] { status = run(*mount, command.rest()); });
}

}  // namespace spindle::cli
