#include "cli/machine/enter_supervisor.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "spindle/base/host_proc.h"
#include "spindle/machine/machine_snapshot.h"

namespace spindle::cli {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

/// The calls whose first argument is a process. 0 means the caller, and is left to the kernel.
constexpr int kOfAnother[] = {
    __NR_prlimit64,          __NR_sched_setaffinity,  __NR_sched_getaffinity,
    __NR_sched_setscheduler, __NR_sched_getscheduler, __NR_sched_setparam,
    __NR_sched_getparam,     __NR_sched_setattr,      __NR_sched_getattr};
constexpr int kAlways[] = {__NR_kill,
                           __NR_tkill,
                           __NR_tgkill,
                           __NR_rt_sigqueueinfo,
                           __NR_rt_tgsigqueueinfo,
                           __NR_pidfd_send_signal,
                           __NR_setpriority,
                           __NR_getpriority,
                           __NR_ioprio_set,
                           __NR_ioprio_get};

/// The first 48 bytes of the structure of sched_setattr(2).
struct SchedulerAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
static_assert(sizeof(SchedulerAttributes) == 48);

constexpr std::array<std::string_view, 6> kClasses = {"other", "fifo", "rr", "batch", "", "idle"};

std::string scheduling_line(std::uint32_t policy, std::int64_t priority) {
  if (policy >= kClasses.size() || kClasses[policy].empty()) return {};
  return fmt::format("sched {} {}", kClasses[policy], priority);
}

std::vector<sock_filter> filter_program() {
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  constexpr auto kArch = static_cast<std::uint32_t>(offsetof(seccomp_data, arch));
  constexpr auto kFirst = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  const auto load = [](std::uint32_t at) -> sock_filter {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
  };
  const auto answer = [](std::uint32_t value) -> sock_filter {
    return BPF_STMT(BPF_RET | BPF_K, value);
  };
  // Skips the next `count` instructions unless equal.
  const auto unless = [](std::uint32_t value, std::uint8_t count) -> sock_filter {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
  };
  std::vector<sock_filter> program = {load(kArch),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
                                      answer(SECCOMP_RET_ALLOW), load(kNumber)};
  for (const int number : kAlways) {
    program.push_back(unless(static_cast<std::uint32_t>(number), 1));
    program.push_back(answer(SECCOMP_RET_USER_NOTIF));
  }
  for (const int number : kOfAnother) {
    program.push_back(unless(static_cast<std::uint32_t>(number), 4));
    program.push_back(load(kFirst));
    program.push_back(unless(0, 1));
    program.push_back(answer(SECCOMP_RET_ALLOW));
    program.push_back(answer(SECCOMP_RET_USER_NOTIF));
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  return program;
}

/// While it lives, this thread writes as the asking user, no matter who runs the supervisor.
class AsUser {
 public:
  explicit AsUser(pid_t process) {
    if (::geteuid() != 0) return;
    const std::string ids = host_proc_field(fmt::format("{}/status", process), "Uid:");
    unsigned real = 0, effective = 0;
    if (std::sscanf(ids.c_str(), "%u %u", &real, &effective) == 2) ::setfsuid(effective);
  }
  ~AsUser() {
    if (::geteuid() == 0) ::setfsuid(0);
  }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
};

std::int64_t signed_argument(std::uint64_t argument) {
  return static_cast<std::int32_t>(argument);
}

}  // namespace

int install_filter() {
  std::vector<sock_filter> program = filter_program();
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return static_cast<int>(
      ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

void Supervisor::serve(int until) {
  pollfd watched[2] = {{listener_, POLLIN, 0}, {until, POLLIN, 0}};
  while (true) {
    if (::poll(watched, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (watched[1].revents != 0) return;
    if ((watched[0].revents & POLLIN) != 0) {
      answer_one();
    } else if (watched[0].revents != 0) {
      watched[0].fd = -1;  // nobody with the filter is left
    }
  }
}

void Supervisor::answer_one() {
  seccomp_notif call{};
  if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
  Answer result;
  {
    const AsUser as_user(static_cast<pid_t>(call.pid));
    result = answer(call);
  }
  seccomp_notif_resp response{};
  response.id = call.id;
  if (!result) {
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else if (*result < 0) {
    response.error = static_cast<std::int32_t>(*result);
  } else {
    response.val = *result;
  }
  // ENOENT means that the asking process was killed meanwhile.
  (void)::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

Supervisor::Answer Supervisor::answer(const seccomp_notif& call) {
  const auto& arguments = call.data.args;
  switch (call.data.nr) {
    case __NR_kill:
    case __NR_rt_sigqueueinfo:
    case __NR_tkill:
      return signal(signed_argument(arguments[0]), signed_argument(arguments[1]));
    case __NR_tgkill:
    case __NR_rt_tgsigqueueinfo:
      return signal(signed_argument(arguments[1]), signed_argument(arguments[2]));
    case __NR_pidfd_send_signal:
      return signal_descriptor(call);
    case __NR_setpriority:
    case __NR_getpriority:
      return priority(call);
    case __NR_sched_setaffinity:
      return set_affinity(call);
    case __NR_sched_getaffinity:
      return get_affinity(call);
    case __NR_sched_setscheduler:
    case __NR_sched_setparam:
      return set_scheduler(call);
    case __NR_sched_getscheduler:
    case __NR_sched_getparam:
      return get_scheduler(call);
    case __NR_sched_setattr:
      return set_attributes(call);
    case __NR_sched_getattr:
      return get_attributes(call);
    case __NR_prlimit64:
      return limit(call);
    case __NR_ioprio_set:
    case __NR_ioprio_get:
      return io_priority(call);
    default:
      return {};
  }
}

Supervisor::Answer Supervisor::command(std::int64_t process, const std::string& line) {
  const std::string folder = folder_of(process);
  if (folder.empty()) return {};
  const int ctl = ::openat(proc_, (folder + "/ctl").c_str(), O_WRONLY | O_CLOEXEC);
  if (ctl < 0) return -errno;
  const ssize_t written = ::write(ctl, line.data(), line.size());
  const int error = errno;
  ::close(ctl);
  return written < 0 ? -error : 0;
}

Supervisor::Answer Supervisor::command_all(const std::vector<std::int64_t>& chosen,
                                           const std::string& line) {
  bool did = false;
  std::int64_t error = -ESRCH;
  for (const std::int64_t process : chosen) {
    const Answer answer = command(process, line);
    if (answer == 0) did = true;
    if (answer && *answer < 0) error = *answer;
  }
  return did ? 0 : error;
}

std::string Supervisor::folder_of(std::int64_t process) {
  if (process <= 0) return {};
  std::string folder = fmt::format("{}", process);
  if (::faccessat(proc_, (folder + "/ctl").c_str(), F_OK, 0) == 0) return folder;
  for (const std::int64_t group : processes()) {
    folder = fmt::format("{}/task/{}", group, process);
    if (::faccessat(proc_, (folder + "/ctl").c_str(), F_OK, 0) == 0) return folder;
  }
  return {};
}

std::string Supervisor::read_file(const std::string& path) const {
  const int fd = ::openat(proc_, path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[8192];
  std::string text;
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

std::optional<std::int64_t> Supervisor::stat_field(const std::string& folder, int number) const {
  const std::string stat = read_file(folder + "/stat");
  auto at = stat.rfind(')');
  if (at == stat.npos) return {};
  at += 2;
  for (int field = 3; field < number; ++field) {
    at = stat.find(' ', at);
    if (at == stat.npos) return {};
    ++at;
  }
  return std::strtoll(stat.c_str() + at, nullptr, 10);
}

std::vector<std::int64_t> Supervisor::processes() const {
  std::vector<std::int64_t> found;
  const int fd = ::openat(proc_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return found;
  DIR* folder = ::fdopendir(fd);
  while (const dirent* entry = ::readdir(folder)) {
    char* end = nullptr;
    const long number = std::strtol(entry->d_name, &end, 10);
    if (number > 0 && *end == '\0') found.push_back(number);
  }
  ::closedir(folder);
  return found;
}

std::vector<std::int64_t> Supervisor::group_of(std::int64_t group) const {
  constexpr int kGroupField = 5;
  std::vector<std::int64_t> members = processes();
  std::erase_if(members, [&](std::int64_t process) {
    return stat_field(fmt::format("{}", process), kGroupField) != group;
  });
  return members;
}

std::vector<std::int64_t> Supervisor::processes_of_user(std::int64_t uid) const {
  std::vector<std::int64_t> members = processes();
  std::erase_if(members, [&](std::int64_t process) {
    struct stat owner {};
    const std::string folder = fmt::format("{}", process);
    return ::fstatat(proc_, folder.c_str(), &owner, 0) != 0 || owner.st_uid != uid;
  });
  return members;
}

// The user of the asking process, outside of its namespaces.
std::int64_t Supervisor::real_user(const seccomp_notif& call) {
  return std::strtoll(host_proc_field(fmt::format("{}/status", call.pid), "Uid:").c_str(), nullptr,
                      10);
}

Supervisor::Answer Supervisor::signal(std::int64_t process, std::int64_t signal) {
  const std::string line = fmt::format("kill {}", signal);
  if (process > 0) return command(process, line);
  if (process == 0) return {};
  if (process == -1) {
    // -1 means everybody but init, as in kill(2).
    auto everybody = processes();
    std::erase(everybody, 1);
    return command_all(everybody, line);
  }
  const auto members = group_of(-process);
  if (members.empty()) return {};
  return command_all(members, line);
}

// killall opens the process's folder in /proc and uses it as the descriptor.
Supervisor::Answer Supervisor::signal_descriptor(const seccomp_notif& call) {
  const std::string link = fmt::format("{}/fd/{}", call.pid, signed_argument(call.data.args[0]));
  const auto target = read_host_proc_link(link);
  struct stat ours {};
  struct stat theirs {};
  if (!target.ok() || ::fstat(proc_, &ours) != 0 || !stat_host_proc(link, theirs) ||
      ours.st_dev != theirs.st_dev) {
    return {};
  }
  const auto name = target->substr(target->rfind('/') + 1);
  return signal(std::strtoll(name.c_str(), nullptr, 10), signed_argument(call.data.args[1]));
}

std::optional<std::vector<std::int64_t>> Supervisor::meant_by(const seccomp_notif& call,
                                                              std::int64_t which,
                                                              std::int64_t who) {
  if (which == PRIO_USER) return processes_of_user(who != 0 ? who : real_user(call));
  if (who == 0) return {};
  std::vector<std::int64_t> chosen;
  if (which == PRIO_PROCESS && !folder_of(who).empty()) chosen = {who};
  if (which == PRIO_PGRP) chosen = group_of(who);
  return chosen.empty() ? std::nullopt : std::optional(std::move(chosen));
}

constexpr int kNiceField = 19;

Supervisor::Answer Supervisor::priority(const seccomp_notif& call) {
  const auto chosen =
      meant_by(call, signed_argument(call.data.args[0]), signed_argument(call.data.args[1]));
  if (!chosen) return {};
  if (chosen->empty()) return -ESRCH;
  if (call.data.nr == __NR_getpriority) return best_priority(*chosen);
  return set_nice(*chosen, signed_argument(call.data.args[2]));
}

Supervisor::Answer Supervisor::set_nice(const std::vector<std::int64_t>& processes,
                                        std::int64_t nice) {
  return command_all(processes, fmt::format("nice {}", std::clamp<std::int64_t>(nice, -20, 19)));
}

// As the system call has it: 20 less the lowest nice value.
std::int64_t Supervisor::best_priority(const std::vector<std::int64_t>& processes) {
  std::int64_t lowest = 20;
  for (const std::int64_t process : processes) {
    lowest = std::min(lowest, stat_field(folder_of(process), kNiceField).value_or(20));
  }
  return 20 - lowest;
}

constexpr int kIoClassShift = 13;  // of ioprio_set(2)

Supervisor::Answer Supervisor::io_priority(const seccomp_notif& call) {
  // IOPRIO_WHO_PROCESS is 1 where PRIO_PROCESS is 0, and so on.
  const auto chosen =
      meant_by(call, signed_argument(call.data.args[0]) - 1, signed_argument(call.data.args[1]));
  if (!chosen) return {};
  if (chosen->empty()) return -ESRCH;
  if (call.data.nr == __NR_ioprio_get) return best_io_priority(*chosen);
  return set_io_priority(*chosen, static_cast<std::uint64_t>(signed_argument(call.data.args[2])));
}

Supervisor::Answer Supervisor::set_io_priority(const std::vector<std::int64_t>& processes,
                                               std::uint64_t priority) {
  const std::uint64_t io_class = priority >> kIoClassShift;
  if (io_class >= IoPriority::kClassNames.size()) return -EINVAL;
  const std::uint64_t level = priority & ((1u << kIoClassShift) - 1);
  return command_all(processes,
                     fmt::format("ionice {} {}", IoPriority::kClassNames[io_class], level));
}

// Of several the highest priority; a process without one counts as best effort.
std::int64_t Supervisor::best_io_priority(const std::vector<std::int64_t>& processes) {
  std::int64_t best = INT64_MAX;
  for (const std::int64_t process : processes) {
    const std::int64_t has = io_priority_of(process);
    if (best == INT64_MAX || (has != 0 && has < best)) best = has;
  }
  return best;
}

std::int64_t Supervisor::io_priority_of(std::int64_t process) {
  const std::string settings = read_file(folder_of(process) + "/ctl");
  constexpr std::string_view kKey = "\nionice ";
  const auto at = settings.find(kKey);
  if (at == settings.npos) return 0;
  char name[32] = "";
  unsigned level = 0;
  (void)std::sscanf(settings.c_str() + at + kKey.size(), "%31s %u", name, &level);
  const auto* const known = std::ranges::find(IoPriority::kClassNames, std::string_view(name));
  return (known - IoPriority::kClassNames.begin()) << kIoClassShift | level;
}

Supervisor::Answer Supervisor::set_affinity(const seccomp_notif& call) {
  const std::int64_t process = signed_argument(call.data.args[0]);
  if (folder_of(process).empty()) return {};
  std::uint64_t mask = 0;
  const std::size_t size = std::min<std::size_t>(call.data.args[1], sizeof mask);
  if (!read_memory(call, call.data.args[2], &mask, size)) return -EFAULT;
  std::string list;
  for (unsigned cpu = 0; cpu < 64; ++cpu) {
    if ((mask >> cpu & 1) != 0) list += fmt::format("{}{}", list.empty() ? "" : ",", cpu);
  }
  return command(process, "cpus " + list);
}

Supervisor::Answer Supervisor::get_affinity(const seccomp_notif& call) {
  const std::string folder = folder_of(signed_argument(call.data.args[0]));
  if (folder.empty()) return {};
  std::uint64_t mask = 0;
  if (call.data.args[1] < sizeof mask) return -EINVAL;
  const std::string status = read_file(folder + "/status");
  constexpr std::string_view kKey = "\nCpus_allowed:\t";
  const auto at = status.find(kKey);
  if (at == status.npos) return -ESRCH;
  mask = std::strtoull(status.c_str() + at + kKey.size(), nullptr, 16);
  if (!write_memory(call, call.data.args[2], &mask, sizeof mask)) return -EFAULT;
  return sizeof mask;
}

constexpr int kPriorityField = 40, kPolicyField = 41;

Supervisor::Answer Supervisor::set_scheduler(const seccomp_notif& call) {
  const std::int64_t process = signed_argument(call.data.args[0]);
  const std::string folder = folder_of(process);
  if (folder.empty()) return {};
  const bool keeps_policy = call.data.nr == __NR_sched_setparam;
  sched_param parameters{};
  const std::uint64_t address = call.data.args[keeps_policy ? 1 : 2];
  if (!read_memory(call, address, &parameters, sizeof parameters)) return -EFAULT;
  const std::int64_t policy = keeps_policy
                                  ? stat_field(folder, kPolicyField).value_or(0)
                                  : signed_argument(call.data.args[1]) & ~SCHED_RESET_ON_FORK;
  const std::string line =
      scheduling_line(static_cast<std::uint32_t>(policy), parameters.sched_priority);
  return line.empty() ? Answer(-EINVAL) : command(process, line);
}

Supervisor::Answer Supervisor::get_scheduler(const seccomp_notif& call) {
  const std::string folder = folder_of(signed_argument(call.data.args[0]));
  if (folder.empty()) return {};
  if (call.data.nr == __NR_sched_getscheduler) return stat_field(folder, kPolicyField);
  sched_param parameters{};
  parameters.sched_priority = static_cast<int>(stat_field(folder, kPriorityField).value_or(0));
  return write_memory(call, call.data.args[1], &parameters, sizeof parameters) ? 0 : -EFAULT;
}

Supervisor::Answer Supervisor::set_attributes(const seccomp_notif& call) {
  const std::int64_t process = signed_argument(call.data.args[0]);
  if (folder_of(process).empty()) return {};
  SchedulerAttributes attributes{};
  if (!read_memory(call, call.data.args[1], &attributes, sizeof attributes)) return -EFAULT;
  const std::string line = scheduling_line(attributes.policy, attributes.priority);
  if (line.empty()) return -EINVAL;
  const bool is_ordinary = attributes.policy == SCHED_OTHER || attributes.policy == SCHED_BATCH;
  return command(process, is_ordinary ? fmt::format("{}\nnice {}", line, attributes.nice) : line);
}

Supervisor::Answer Supervisor::get_attributes(const seccomp_notif& call) {
  const std::string folder = folder_of(signed_argument(call.data.args[0]));
  if (folder.empty()) return {};
  SchedulerAttributes attributes{};
  attributes.size = sizeof attributes;
  if (call.data.args[2] < sizeof attributes) return -EINVAL;
  attributes.policy = static_cast<std::uint32_t>(stat_field(folder, kPolicyField).value_or(0));
  attributes.nice = static_cast<std::int32_t>(stat_field(folder, kNiceField).value_or(0));
  attributes.priority = static_cast<std::uint32_t>(stat_field(folder, kPriorityField).value_or(0));
  return write_memory(call, call.data.args[1], &attributes, sizeof attributes) ? 0 : -EFAULT;
}

/// The names of a limit: the letter of `ulimit`, and the line in /proc/PID/limits.
struct NamedLimit {
  int resource;
  std::string_view letter;
  std::string_view line;
};
constexpr NamedLimit kLimits[] = {
    {RLIMIT_CPU, "t", "Max cpu time"},      {RLIMIT_FSIZE, "f", "Max file size"},
    {RLIMIT_DATA, "d", "Max data size"},    {RLIMIT_STACK, "s", "Max stack size"},
    {RLIMIT_RSS, "m", "Max resident set"},  {RLIMIT_NPROC, "u", "Max processes"},
    {RLIMIT_NOFILE, "n", "Max open files"}, {RLIMIT_AS, "v", "Max address space"},
};

// The limit in the line of proc/PID/limits that has this name. What the machine does not limit is
// unlimited.
rlimit64 limit_in(const std::string& limits, std::string_view line) {
  const auto at = line.empty() ? limits.npos : limits.find(line);
  if (at == limits.npos) return {RLIM64_INFINITY, RLIM64_INFINITY};
  char soft[32] = "", hard[32] = "";
  (void)std::sscanf(limits.c_str() + at + line.size(), "%31s %31s", soft, hard);
  const auto value = [](const char* text) -> rlim64_t {
    return std::strcmp(text, "unlimited") == 0 ? RLIM64_INFINITY : std::strtoull(text, nullptr, 10);
  };
  return {value(soft), value(hard)};
}

Supervisor::Answer Supervisor::limit(const seccomp_notif& call) {
  const std::int64_t process = signed_argument(call.data.args[0]);
  const std::string folder = folder_of(process);
  if (folder.empty()) return {};
  const auto* named = std::find_if(std::begin(kLimits), std::end(kLimits), [&](const auto& known) {
    return known.resource == signed_argument(call.data.args[1]);
  });
  const bool is_known = named != std::end(kLimits);
  if (const std::uint64_t old = call.data.args[3]; old != 0) {
    const rlimit64 present =
        limit_in(read_file(folder + "/limits"), is_known ? named->line : std::string_view());
    if (!write_memory(call, old, &present, sizeof present)) return -EFAULT;
  }
  if (call.data.args[2] == 0) return 0;
  if (!is_known) return -EINVAL;
  rlimit64 wanted{};
  if (!read_memory(call, call.data.args[2], &wanted, sizeof wanted)) return -EFAULT;
  const std::string value = wanted.rlim_cur == RLIM64_INFINITY ? std::string("unlimited")
                                                               : fmt::format("{}", wanted.rlim_cur);
  return command(process, fmt::format("limit {} {}", named->letter, value));
}

bool Supervisor::still_asks(const seccomp_notif& call) const {
  return ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id) == 0;
}

bool Supervisor::read_memory(const seccomp_notif& call, std::uint64_t address, void* to,
                             std::size_t size) {
  const iovec here{to, size};
  const iovec there{reinterpret_cast<void*>(address), size};
  const auto process = static_cast<pid_t>(call.pid);
  const ssize_t got = ::process_vm_readv(process, &here, 1, &there, 1, 0);
  return got == static_cast<ssize_t>(size) && still_asks(call);
}

bool Supervisor::write_memory(const seccomp_notif& call, std::uint64_t address, const void* from,
                              std::size_t size) {
  if (!still_asks(call)) return false;
  const iovec here{const_cast<void*>(from), size};
  const iovec there{reinterpret_cast<void*>(address), size};
  const auto process = static_cast<pid_t>(call.pid);
  return ::process_vm_writev(process, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}

}  // namespace spindle::cli
