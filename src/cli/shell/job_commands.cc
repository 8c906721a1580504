// The shell's own commands about jobs and processes.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "cli/shell/shell.h"
#include "spindle/base/number_text.h"
#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

std::string_view state_of(const ProcessStatus& status) {
  switch (status.kind) {
    case ProcessStatus::Kind::kRunning:
      return "running";
    case ProcessStatus::Kind::kStopped:
      return "stopped";
    default:
      return "ended";
  }
}

}  // namespace

// The job named "%2", or by the number of one of its processes; "" is the latest job.
Shell::Job* Shell::find_job(const std::string& name) {
  if (name.empty() || name == "%" || name == "%%" || name == "%+")
    return jobs_.empty() ? nullptr : &jobs_.back();
  const bool is_job = name.starts_with('%');
  const auto number = number_in(std::string_view(name).substr(is_job ? 1 : 0));
  const auto found = std::ranges::find_if(jobs_, [&](const Job& job) {
    if (!number) return is_job && job.text.starts_with(std::string_view(name).substr(1));
    if (is_job) return job.number == *number;
    return std::ranges::find(job.processes, *number) != job.processes.end() ||
           std::ranges::find(job.children, *number, &Job::Child::number) != job.children.end();
  });
  return found == jobs_.end() ? nullptr : &*found;
}

int Shell::do_bg(const Arguments& arguments) {
  Job* job = find_job(arguments.empty() ? "" : arguments[0]);
  if (job == nullptr) return say_error("bg: there is no such job");
  return tell(*job, SIGCONT);
}

int Shell::do_fg(const Arguments& arguments) {
  Job* found = find_job(arguments.empty() ? "" : arguments[0]);
  if (found == nullptr) return say_error("fg: there is no such job");
  Job job = std::move(*found);
  jobs_.erase(jobs_.begin() + (found - jobs_.data()));
  write_out(job.text + "\n");
  if (mode_ == Mode::kInteractive && !job.children.empty())
    ::tcsetpgrp(STDERR_FILENO, job.children.front().number);
  tell(job, SIGCONT);
  for (Job::Child& child : job.children)
    if (child.status.kind == ProcessStatus::Kind::kStopped) child.status = {};
  return wait_for(std::move(job));
}

int Shell::do_jobs(const Arguments&) {
  for (Job& job : jobs_) {
    update(job);
    output_ += fmt::format(
        "[{}] {}  {}  (process {})\n", job.number, state_of(job.status), job.text,
        job.processes.empty() ? fmt::format("{} of the shell", job.children.back().number)
                              : fmt::format("{}", fmt::join(job.processes, ", ")));
  }
  return 0;
}

int Shell::do_kill(const Arguments& arguments) {
  std::string signal = "TERM";
  std::size_t first = 0;
  if (!arguments.empty() && arguments[0] == "-l") {
    for (int number = 1; number <= kSigWinch; ++number)
      if (number < 16 || signal_name(number)[0] > '9')
        output_ += fmt::format("{} {}\n", number, signal_name(number));
    return 0;
  }
  if (!arguments.empty() && arguments[0].starts_with('-')) {
    const bool has_name = arguments[0] == "-s" && arguments.size() > 1;
    signal = has_name ? arguments[1] : arguments[0].substr(1);
    first = has_name ? 2 : 1;
  }
  const auto number = signal_of(signal);
  if (!number) return say_error(fmt::format("kill: {} is not a signal", signal), 2);
  if (first == arguments.size()) return say_error("kill: which job or process?", 2);
  int status = 0;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    Job* const job = find_job(name);
    const auto process = number_in(name);
    if (job != nullptr && (name.starts_with('%') || !job->children.empty())) {
      if (tell(*job, *number) != 0) status = say_error(fmt::format("kill: {}: it has ended", name));
    } else if (name.starts_with('%') || process.value_or(0) <= 0) {
      status = say_error(fmt::format("kill: {}: there is no such job or process", name));
    } else if (const std::string refusal = session_.tell(*process, fmt::format("kill {}", *number));
               !refusal.empty()) {
      status = say_error(fmt::format("kill: {}: {}", name, refusal));
    }
  }
  return status;
}

int Shell::do_nice(const Arguments&) {
  return say_error("nice: which program?", 2);
}

int Shell::do_wait(const Arguments& arguments) {
  int status = 0;
  // False if a trap has ended the wait; the job itself goes on.
  const auto wait = [&](const Job* found) {
    const std::size_t count = jobs_.size();
    Job job = *found;
    jobs_.erase(jobs_.begin() + (found - jobs_.data()));
    trap_ends_wait_ = true;
    status = wait_for(std::move(job));
    trap_ends_wait_ = false;
    return jobs_.size() < count;
  };
  if (arguments.empty()) {
    while (!jobs_.empty() && flow_ == Flow::kNone) {
      update(jobs_.front());
      if (jobs_.front().status.kind == ProcessStatus::Kind::kStopped)
        return say_error("wait: a job is stopped");
      if (!wait(&jobs_.front())) return status;
    }
    return flow_ == Flow::kNone ? 0 : status;
  }
  for (const std::string& name : arguments) {
    const Job* job = find_job(name);
    if (job == nullptr)
      status = say_error(fmt::format("wait: {}: there is no such job", name), 127);
    else if (!wait(job))
      return status;
  }
  return status;
}

}  // namespace spindle::cli
