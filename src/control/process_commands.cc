#include "control/process_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "control/run_line.h"
#include "spindle/base/number_text.h"
#include "spindle/machine/machine_signal.h"
#include "spindle/procfs/process_files.h"

namespace spindle::control {
namespace {

const Error kWrongArguments{EINVAL, "the verb does not take that"};

constexpr std::array<std::string_view, 6> kClasses = {"other", "fifo", "rr", "batch", "", "idle"};

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlanks = " \t";
  for (auto at = line.find_first_not_of(kBlanks); at != line.npos;
       at = line.find_first_not_of(kBlanks, at)) {
    const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

struct Command {
  Machine& machine;
  ProcessNumber process;
  std::uint32_t by;
  std::vector<std::string_view> words;  ///< the command's, the verb first

  /// Whether the verb has `count` arguments.
  [[nodiscard]] bool has(std::size_t count) const { return words.size() == count + 1; }
};

Result<> do_kill(const Command& c) {
  const auto signal = c.has(1) ? signal_of(c.words[1]) : std::nullopt;
  if (!signal) return Error{EINVAL, "kill takes a signal, by name or number"};
  return c.machine.kill(c.process, *signal, c.by);
}

Result<> do_nice(const Command& c) {
  const auto nice = c.has(1) ? number_in<int>(c.words[1]) : std::nullopt;
  if (!nice) return Error{EINVAL, "nice takes a number"};
  return c.machine.set_nice(c.process, *nice, c.by);
}

Result<> do_sched(const Command& c) {
  if (!c.has(1) && !c.has(2)) return kWrongArguments;
  const auto priority = c.has(2) ? number_in<int>(c.words[2]) : std::optional<int>(0);
  if (!priority) return Error{EINVAL, "the priority is not a number"};
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    if (kClasses[i] != c.words[1]) continue;
    return c.machine.set_scheduling(c.process, static_cast<SchedulingClass>(i), *priority, c.by);
  }
  return Error{EINVAL, "the scheduling class is one of other, fifo, rr, batch, idle"};
}

Result<> do_ionice(const Command& c) {
  if (!c.has(1) && !c.has(2)) return kWrongArguments;
  const auto level = c.has(2) ? number_in<unsigned>(c.words[2]) : std::optional(0u);
  if (!level) return Error{EINVAL, "the I/O level is not a number"};
  const auto known = std::ranges::find(IoPriority::kClassNames, c.words[1]);
  if (known == IoPriority::kClassNames.end())
    return Error{EINVAL, "the I/O class is one of none, realtime, best-effort, idle"};
  const auto io_class = static_cast<IoPriority::Class>(known - IoPriority::kClassNames.begin());
  return c.machine.set_io_priority(c.process, {io_class, *level}, c.by);
}

Result<> do_cpus(const Command& c) {
  const auto cpus = c.has(1) ? cpu_set_of(c.words[1]) : std::nullopt;
  if (!cpus) return Error{EINVAL, "cpus takes a list such as 0-2,5"};
  return c.machine.set_cpus(c.process, *cpus, c.by);
}

Result<> do_wired(const Command& c) {
  const auto cpu = c.has(1) ? number_in<unsigned>(c.words[1]) : std::nullopt;
  if (!cpu || *cpu >= kMostCpus) return Error{EINVAL, "wired takes the number of a CPU"};
  return c.machine.set_cpus(c.process, std::uint64_t{1} << *cpu, c.by);
}

Result<> do_trace(const Command& c) {
  if (!c.has(1) || (c.words[1] != "on" && c.words[1] != "off")) {
    return Error{EINVAL, "trace takes on or off"};
  }
  return c.machine.set_traced(c.process, c.words[1] == "on", c.by);
}

Result<> do_limit(const Command& c) {
  if (!c.has(2)) return Error{EINVAL, "limit takes a name of ulimit and a number or unlimited"};
  return c.machine.set_limit(c.process, c.words[1], TRY(limit_of(c.words[2])), c.by);
}

struct Verb {
  std::string_view name;
  Result<> (*act)(const Command& command);
};

constexpr Verb kVerbs[] = {
    {"kill", do_kill},   {"nice", do_nice},   {"sched", do_sched}, {"cpus", do_cpus},
    {"wired", do_wired}, {"trace", do_trace}, {"limit", do_limit}, {"ionice", do_ionice},
};

/// Plan 9's words, and any signal's name.
std::optional<int> signal_verb(std::string_view word) {
  if (word == "stop") return kSigStop;
  if (word == "start") return kSigCont;
  if (number_in<int>(word)) return std::nullopt;  // a bare number is no verb
  return signal_of(word);
}

}  // namespace

Result<> apply_command(Machine& machine, ProcessNumber process, std::string_view line,
                       std::uint32_t by) {
  const Command command{machine, process, by, words_of(line)};
  if (command.words.empty()) return {};
  const std::string_view verb = command.words.front();
  const auto signal = signal_verb(verb);
  if (signal && command.has(0)) return machine.kill(process, *signal, by);
  for (const Verb& known : kVerbs) {
    if (known.name == verb) return known.act(command);
  }
  return Error{EINVAL,
               "the verbs are kill, stop, start, nice, ionice, sched, cpus, wired, trace, limit, "
               "and the names of signals"};
}

std::string settings_text(const ProcessSnapshot& process, const ThreadSnapshot& thread,
                          std::uint32_t cpus) {
  const std::uint64_t all = cpus >= 64 ? ~0ull : (1ull << cpus) - 1;
  return fmt::format("nice {}\nionice {} {}\nsched {} {}\ncpus {}\ntrace {}\n", thread.nice,
                     IoPriority::kClassNames[static_cast<std::size_t>(thread.io_priority.io_class)],
                     thread.io_priority.level,
                     kClasses[static_cast<std::size_t>(thread.scheduling)],
                     thread.realtime_priority, procfs::cpu_list(thread.cpus_allowed & all),
                     process.traced ? "on" : "off");
}

std::optional<std::uint64_t> cpu_set_of(std::string_view list) {
  std::uint64_t cpus = 0;
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), part.size() + 1));
    const auto dash = part.find('-');
    const auto first = number_in<unsigned>(part.substr(0, dash));
    const auto last = dash == part.npos ? first : number_in<unsigned>(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMostCpus) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus |= std::uint64_t{1} << cpu;
  }
  if (cpus == 0) return std::nullopt;
  return cpus;
}

}  // namespace spindle::control
