#include "spindle/machine/machine_event.h"

#include "spindle/base/check.h"

namespace spindle {
namespace {

constexpr std::string_view kCallNames[] = {
    "none",         "compute",       "exit",          "exit_thread",
    "fork",         "thread",        "exec",          "wait",
    "kill",         "signal",        "signal_mask",   "pause",
    "alarm",        "getpid",        "setpgid",       "setsid",
    "nice",         "sched",         "cpus",          "limit",
    "sleep",        "yield",         "time",          "open",
    "close",        "read",          "write",         "seek",
    "stat",         "truncate",      "remove",        "rename",
    "mkdir",        "list",          "chdir",         "pipe",
    "dup",          "mmap",          "munmap",        "mprotect",
    "brk",          "touch",         "load",          "store",
    "shm_open",     "shm_unlink",    "sem_open",      "sem_wait",
    "sem_trywait",  "sem_post",      "mutex_lock",    "mutex_trylock",
    "mutex_unlock", "cond_wait",     "cond_signal",   "cond_broadcast",
    "monitor",      "monitor_enter", "monitor_leave", "queue_open",
    "queue_send",   "queue_receive", "resource_open", "claim",
    "request",      "release",       "print",         "join",
    "stop",         "processes",     "dofile",        "link",
    "chmod",        "utime",         "umask",         "ionice",
    "lstat",        "symlink",       "readlink"};
static_assert(std::size(kCallNames) == static_cast<std::size_t>(SystemCall::kReadLink) + 1);

constexpr std::string_view kTooMany = "...";

}  // namespace

std::string_view name_of(SystemCall call) {
  return kCallNames[static_cast<std::size_t>(call)];
}

EventRing::EventRing(std::size_t capacity)
    : capacity_(capacity), texts_{"", std::string(kTooMany)} {
  numbers_.emplace("", 0);
}

void EventRing::record(const MachineEvent& event) {
  if (capacity_ == 0) return;
  if (events_.size() < capacity_)
    events_.push_back(event);
  else
    events_[end_ % capacity_] = event;
  ++end_;
}

std::uint32_t EventRing::intern(std::string_view text) {
  const auto found = numbers_.find(std::string(text));
  if (found != numbers_.end()) return found->second;
  if (texts_.size() >= kMostTexts) return 1;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  numbers_.emplace(texts_.back(), number);
  return number;
}

}  // namespace spindle
