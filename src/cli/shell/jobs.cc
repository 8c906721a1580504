// The part of the shell that watches what it started.

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "cli/shell/keys.h"
#include "cli/shell/shell.h"
#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

using StatusKind = ProcessStatus::Kind;

constexpr int kShortestLookMs = 1;  // how often the machine is asked how its processes fare
constexpr int kLongestLookMs = 8;

ProcessStatus status_of(int wait_status) {
  if (WIFSTOPPED(wait_status)) return {.kind = StatusKind::kStopped};
  if (WIFCONTINUED(wait_status)) return {.kind = StatusKind::kRunning};
  return {.kind = StatusKind::kEnded,
          .exit_status =
              WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status)};
}

ProcessStatus status_of(const std::vector<ProcessStatus>& all) {
  ProcessStatus status = all.back();
  const auto some_is = [&](StatusKind kind) {
    return std::ranges::find(all, kind, &ProcessStatus::kind) != all.end();
  };
  status.kind = some_is(StatusKind::kRunning)   ? StatusKind::kRunning
                : some_is(StatusKind::kStopped) ? StatusKind::kStopped
                                                : StatusKind::kEnded;
  status.is_reading = std::ranges::any_of(all, &ProcessStatus::is_reading);
  return status;
}

}  // namespace

int Shell::start_job(Job job, Ground ground) {
  if (ground == Ground::kForeground) return wait_for(std::move(job));
  job.number = jobs_.empty() ? 1 : jobs_.back().number + 1;
  last_background_ = job.processes.empty() ? job.children.back().number : job.processes.back();
  if (mode_ == Mode::kInteractive)
    write_out(fmt::format("[{}] {}\n", job.number, last_background_));
  jobs_.push_back(std::move(job));
  return 0;
}

void Shell::update(Job& job) {
  if (!job.processes.empty()) {
    job.status = status_of(session_.statuses(job.processes));
    return;
  }
  std::vector<ProcessStatus> all;
  for (Job::Child& child : job.children) {
    int wait_status = 0;
    if (child.status.kind != StatusKind::kEnded &&
        ::waitpid(child.number, &wait_status, WNOHANG | WUNTRACED | WCONTINUED) > 0)
      child.status = status_of(wait_status);
    all.push_back(child.status);
  }
  job.status = status_of(all);
}

int Shell::has_stopped(Job job) {
  if (job.number == 0) job.number = jobs_.empty() ? 1 : jobs_.back().number + 1;
  write_out(fmt::format("[{}] stopped  {}\n", job.number, job.text));
  jobs_.push_back(std::move(job));
  return 128 + SIGTSTP;
}

int Shell::wait_for(Job job) {
  const int status = job.processes.empty() ? wait_for_children(job) : wait_for_processes(job);
  if (job.status.kind == StatusKind::kStopped) return has_stopped(std::move(job));
  if (job.status.kind == StatusKind::kRunning) {  // a trap has ended the wait
    jobs_.push_back(std::move(job));
    run_traps();
    return status;
  }
  run_traps();
  if (status != 128 + SIGINT) Keys::forget_interrupt();
  leave_if_ended();
  return flow_ == Flow::kNone ? status : status_;
}

// A child that runs a part of a script stops as long as what it waits for is stopped.
void Shell::stop_with(Job& job) {
  ::raise(SIGSTOP);
  tell(job, SIGCONT);
  for (Job::Child& child : job.children)
    if (child.status.kind == StatusKind::kStopped) child.status = {};
}

// Meanwhile the children are in front of the terminal, so that Ctrl-C and Ctrl-Z reach them.
int Shell::wait_for_children(Job& job) {
  const Keys keys(true);
  std::vector<ProcessStatus> all;
  for (Job::Child& child : job.children) {
    int wait_status = 0;
    while (child.status.kind == StatusKind::kRunning) {
      const pid_t got = ::waitpid(child.number, &wait_status, WUNTRACED);
      if (got > 0) child.status = status_of(wait_status);
      if (child.status.kind == StatusKind::kStopped && is_child_) stop_with(job);
      if (got < 0 && errno != EINTR)
        child.status = {.kind = StatusKind::kEnded, .exit_status = 127};
      if (got < 0 && ended_by_signal() != 0) ::kill(child.number, SIGTERM);
      if (ends_wait()) return job.status = {}, 128 + trapped_signal();
    }
    all.push_back(child.status);
  }
  job.status = status_of(all);
  if (mode_ == Mode::kInteractive) ::tcsetpgrp(STDERR_FILENO, ::getpgrp());
  return job.status.exit_status;
}

int Shell::wait_for_processes(Job& job) {
  const Keys keys(!is_child_ || is_foreground_child_);
  bool was_told = false;
  int look_ms = kShortestLookMs;
  while (true) {
    update(job);
    if (job.status.kind == StatusKind::kStopped && is_child_) {
      stop_with(job);
    } else if (job.status.kind != StatusKind::kRunning) {
      break;
    }
    if (!session_.show_output() && !std::exchange(was_told, true)) tell(job, kSigPipe);
    if (ended_by_signal() != 0 && !std::exchange(was_told, true)) tell(job, ended_by_signal());
    pass_keys(job);
    if (ends_wait()) return 128 + trapped_signal();
    if (job.status.is_reading && pass_input()) look_ms = 0;
    ::poll(nullptr, 0, look_ms);
    look_ms = std::min(look_ms + kShortestLookMs, kLongestLookMs);
  }
  session_.show_output();
  session_.forget_typed();  // and with it the end of input, which was this job's
  return job.status.exit_status;
}

bool Shell::ends_wait() const {
  return trap_ends_wait_ && !is_in_trap_ && trapped_signal() != 0;
}

void Shell::pass_keys(const Job& job) {
  if (Keys::take_suspension()) tell(job, SIGTSTP);
  if (Keys::take_interrupt()) tell(job, SIGINT);
}

// Types to the program that reads what a person or a file has for it; true if there was something.
bool Shell::pass_input() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, 0) != 1) return false;
  std::array<char, 16384> part;
  const ssize_t got = ::read(STDIN_FILENO, part.data(), part.size());
  if (got > 0)
    session_.type({part.data(), static_cast<std::size_t>(got)});
  else if (got == 0 || errno != EINTR)
    session_.type_end();
  return true;
}

int Shell::tell(const Job& job, int signal) {
  int status = 0;
  for (const int process : job.processes)
    if (!session_.tell(process, fmt::format("kill {}", signal)).empty()) status = 1;
  // A child passes the wish to stop on; it would not know that it was stopped by force.
  for (const Job::Child& child : job.children)
    if (::kill(child.number, signal == SIGSTOP ? SIGTSTP : signal) != 0) status = 1;
  return status;
}

void Shell::report_jobs() {
  session_.show_output();
  for (Job& job : jobs_) {
    update(job);
    if (job.status.kind != StatusKind::kEnded || mode_ != Mode::kInteractive) continue;
    write_out(fmt::format("[{}] exit {}  {}\n", job.number, job.status.exit_status, job.text));
  }
  session_.show_output();
  if (mode_ != Mode::kInteractive) return;
  std::erase_if(jobs_, [](const Job& job) { return job.status.kind == StatusKind::kEnded; });
}

}  // namespace spindle::cli
