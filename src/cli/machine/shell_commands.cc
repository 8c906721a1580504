// The commands of the shell that are no programs.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "cli/machine/shell.h"
#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

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

const std::vector<Shell::Own>& Shell::own_commands() {
  static const std::vector<Own> all = {
      {"bg", &Shell::do_bg, "[%JOB]: a stopped job goes on in the background"},
      {"cd", &Shell::do_cd, "[DIRECTORY]: to that folder of the volume; without one, to /"},
      {"echo", &Shell::do_echo, "[WORD...]: says them"},
      {"exit", &Shell::do_exit, "[STATUS]: leaves the shell"},
      {"fg", &Shell::do_fg, "[%JOB]: a job goes on in the foreground"},
      {"help", &Shell::do_help, ": this list"},
      {"jobs", &Shell::do_jobs, ": what was started and has not been waited for"},
      {"kill", &Shell::do_kill, "[-SIGNAL] %JOB|PID...: sends a signal, TERM if not given"},
      {"nice", &Shell::do_nice, "[-n N] PROGRAM...: runs it at another priority"},
      {"pwd", &Shell::do_pwd, ": the folder"},
      {"ulimit", &Shell::do_ulimit, "[-t|-f|-d|-u|-n|-v [VALUE]]: limits of what is started next"},
      {"unset", &Shell::do_unset, "NAME...: forgets variables"},
      {"wait", &Shell::do_wait, "[%JOB|PID...]: until these, or all jobs, have ended"},
  };
  return all;
}

std::vector<std::string> own_command_names() {
  std::vector<std::string> names;
  for (const auto& own : Shell::own_commands()) names.emplace_back(own.name);
  return names;
}

// "%2" or the number of one of its processes; "" is the latest.
Shell::Job* Shell::find_job(const std::string& name) {
  if (name.empty() || name == "%%" || name == "%+") return jobs_.empty() ? nullptr : &jobs_.back();
  const bool is_job = name.starts_with('%');
  const auto number = number_of(std::string_view(name).substr(is_job ? 1 : 0));
  const auto found = std::ranges::find_if(jobs_, [&](const Job& job) {
    return number && (is_job ? job.number == *number
                             : std::ranges::find(job.processes, *number) != job.processes.end());
  });
  return found == jobs_.end() ? nullptr : &*found;
}

int Shell::do_bg(const Arguments& arguments) {
  Job* job = find_job(arguments.empty() ? "" : arguments[0]);
  if (job == nullptr) return say_error("bg: there is no such job");
  return tell(*job, "kill CONT");
}

int Shell::do_fg(const Arguments& arguments) {
  Job* found = find_job(arguments.empty() ? "" : arguments[0]);
  if (found == nullptr) return say_error("fg: there is no such job");
  Job job = std::move(*found);
  jobs_.erase(jobs_.begin() + (found - jobs_.data()));
  fmt::print("{}\n", job.text);
  tell(job, "kill CONT");
  return wait_for(std::move(job));
}

int Shell::do_cd(const Arguments& arguments) {
  const std::string target = absolute(arguments.empty() ? "/" : arguments[0]);
  struct stat found {};
  if (::stat(session_.outside(target).c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    return say_error(fmt::format("cd: {}: there is no such folder on the volume", target));
  directory_ = target;
  return 0;
}

int Shell::do_echo(const Arguments& arguments) {
  output_ = fmt::format("{}\n", fmt::join(arguments, " "));
  return 0;
}

int Shell::do_exit(const Arguments& arguments) {
  const auto status = arguments.empty() ? std::optional(status_) : number_of(arguments[0]);
  if (!status || *status < 0 || *status > 255) return say_error("exit: a status is 0 to 255", 2);
  is_leaving_ = true;
  return *status;
}

int Shell::do_help(const Arguments&) {
  for (const Own& own : own_commands()) output_ += fmt::format("  {} {}\n", own.name, own.help);
  output_ +=
      fmt::format("Every other command is a program on the volume, in {}: NAME or NAME.lua.\n",
                  fmt::join(program_folders(), ", "));
  return 0;
}

int Shell::do_jobs(const Arguments&) {
  for (Job& job : jobs_) {
    update(job);
    output_ += fmt::format("[{}] {}  {}  (process {})\n", job.number, state_of(job.status),
                           job.text, fmt::join(job.processes, ", "));
  }
  return 0;
}

std::vector<int> Shell::processes_of(const std::string& name) {
  if (name.starts_with('%')) {
    const Job* job = find_job(name);
    return job == nullptr ? std::vector<int>() : job->processes;
  }
  const auto number = number_of(name);
  return number && *number > 0 ? std::vector{*number} : std::vector<int>();
}

int Shell::do_kill(const Arguments& arguments) {
  std::string signal = "TERM";
  std::size_t first = 0;
  if (!arguments.empty() && arguments[0].starts_with('-')) {
    signal = arguments[0].substr(1);
    first = 1;
  }
  if (!signal_of(signal)) return say_error(fmt::format("kill: {} is no signal", signal), 2);
  if (first == arguments.size()) return say_error("kill: which job or process?", 2);
  int status = 0;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const std::vector<int> processes = processes_of(arguments[i]);
    if (processes.empty())
      status = say_error(fmt::format("kill: {}: there is no such job or process", arguments[i]));
    for (const int process : processes) {
      const std::string refusal = session_.tell(process, "kill " + signal);
      if (!refusal.empty()) status = say_error(fmt::format("kill: {}: {}", arguments[i], refusal));
    }
  }
  return status;
}

int Shell::do_nice(const Arguments&) {
  return say_error("nice: which program?", 2);
}

int Shell::do_pwd(const Arguments&) {
  output_ = directory_ + "\n";
  return 0;
}

int Shell::do_ulimit(const Arguments& arguments) {
  constexpr std::string_view kNames = "tfdunv";
  if (arguments.empty()) {
    for (const auto& [name, value] : limits_) output_ += fmt::format("-{} {}\n", name, value);
    return 0;
  }
  const std::string& option = arguments[0];
  if (option.size() != 2 || option[0] != '-' || kNames.find(option[1]) == kNames.npos)
    return say_error("ulimit: the limits are -t, -f, -d, -u, -n and -v", 2);
  const std::string name = option.substr(1);
  if (arguments.size() == 1) {
    const auto found = limits_.find(name);
    output_ = found == limits_.end() ? "not set\n" : found->second + "\n";
    return 0;
  }
  const bool is_value = arguments[1] == "unlimited" || number_of(arguments[1]).value_or(-1) >= 0;
  if (!is_value) return say_error("ulimit: a limit is a number, or unlimited", 2);
  limits_[name] = arguments[1];
  return 0;
}

int Shell::do_unset(const Arguments& arguments) {
  for (const std::string& name : arguments) variables_.erase(name);
  return 0;
}

int Shell::do_wait(const Arguments& arguments) {
  int status = 0;
  const auto wait = [&](const Job* found) {
    Job job = *found;
    jobs_.erase(jobs_.begin() + (found - jobs_.data()));
    status = wait_for(std::move(job));
  };
  if (arguments.empty()) {
    while (!jobs_.empty() && !is_leaving_) {
      update(jobs_.front());
      if (jobs_.front().status.kind == ProcessStatus::Kind::kStopped)
        return say_error("wait: a job is stopped");
      wait(&jobs_.front());
    }
    return 0;
  }
  for (const std::string& name : arguments) {
    const Job* job = find_job(name);
    if (job == nullptr)
      status = say_error(fmt::format("wait: {}: there is no such job", name), 127);
    else
      wait(job);
  }
  return status;
}

}  // namespace spindle::cli
