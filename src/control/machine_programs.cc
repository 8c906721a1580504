// machine/run starts programs; machine/status says what became of them.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "control/machine_folder.h"
#include "control/run_line.h"
#include "spindle/machine/machine_signal.h"
#include "spindle/machine/memory.h"

namespace spindle::control {
namespace {

using Numbers = std::vector<ProcessNumber>;

/// All or none: the first that cannot be started ends those before it.
Result<Numbers> start_all(Machine& machine, const RunLine& line) {
  Numbers started;
  const auto start = [&](const StartRequest& program) -> Result<> {
    started.push_back(TRY(machine.start(program)));
    for (const auto& [name, value] : line.limits)
      TRY(machine.set_limit(started.back(), name, value, program.uid));
    return {};
  };
  for (const StartRequest& program : line.programs) {
    const Result<> result = start(program);
    if (result.ok()) continue;
    for (const ProcessNumber number : started) (void)machine.kill(number, kSigKill);
    return result.error();
  }
  return started;
}

/// Whoever opens the file reads the numbers of the processes that they started themselves.
ControlFile run_file(MachineAccess machine, const std::shared_ptr<std::uint64_t>& pipes) {
  const auto started = std::make_shared<Numbers>();
  return {.read = [started]() -> Result<std::string> {
            if (started->empty()) {
              return std::string("write a program's path and arguments; then read its number\n");
            }
            return fmt::format("{}\n", fmt::join(*started, " "));
          },
          .command = [machine, started, pipes](const Caller& caller,
                                               std::string_view text) -> Result<> {
            RunLine line = TRY(parse_run_line(text, *pipes));
            for (StartRequest& program : line.programs) {
              if (caller.uid != 0 && program.nice < 0)
                return Error{EACCES, "only root may make it less nice"};
              program.uid = caller.uid;
              program.gid = caller.gid;
            }
            *started = TRY(machine.with([&](Machine& m) { return start_all(m, line); }));
            return {};
          },
          .is_for_everyone = true};
}

bool reads_terminal(const ProcessSnapshot& process) {
  return std::ranges::any_of(process.threads, [](const ThreadSnapshot& thread) {
    return thread.wait_channel == "tty_read";
  });
}

std::string status_of(const Machine& machine, ProcessNumber number) {
  if (const auto process = machine.snapshot_process(number, WithAreas::kNo); process.ok()) {
    // A process that the machine itself has stopped, for lack of memory, goes on without anybody's
    // help.
    const bool is_suspended =
        process->space && machine.memory().statistics(process->space).suspended;
    if (process->state == 'T' && !is_suspended) return "stopped";
    return reads_terminal(*process) ? "reading" : "running";
  }
  const auto& records = machine.records();
  const auto record = std::find_if(records.rbegin(), records.rend(),
                                   [&](const ProcessRecord& r) { return r.id == number; });
  if (record == records.rend() || !record->has_ended) return "unknown";
  const int signal = record->wait_status & 0x7F;
  return signal == 0 ? fmt::format("exit {}", record->wait_status >> 8)
                     : fmt::format("signal {}", signal_name(signal));
}

Result<Numbers> numbers_of(std::string_view line) {
  Numbers numbers;
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  while (at != end) {
    ProcessNumber number = 0;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return Error{EINVAL, "write the numbers of processes"};
    numbers.push_back(number);
    at = std::find_if(after, end, [](char c) { return c != ' '; });
  }
  return numbers;
}

/// The state of the processes that the opener of the file has asked for.
ControlFile status_file(MachineAccess machine) {
  const auto asked = std::make_shared<Numbers>();
  return {.read = [machine, asked]() -> Result<std::string> {
            if (asked->empty())
              return std::string("write numbers of processes; then read the state of each\n");
            return machine.with([&](Machine& m) -> Result<std::string> {
              std::string text;
              for (const ProcessNumber number : *asked)
                text += fmt::format("{} {}\n", number, status_of(m, number));
              return text;
            });
          },
          .command = [asked](const Caller&, std::string_view line) -> Result<> {
            *asked = TRY(numbers_of(line));
            return {};
          },
          .is_for_everyone = true};
}

}  // namespace

void add_machine_programs(ControlTree& tree, MachineAccess machine) {
  const auto pipes = std::make_shared<std::uint64_t>(0);
  tree.add_file("machine/run", [machine, pipes] { return run_file(machine, pipes); });
  tree.add_file("machine/status", [machine] { return status_file(machine); });
  tree.add_file("machine/last_message", {.read = [machine] {
                  return machine.with([](Machine& m) -> Result<std::string> {
                    return m.last_message().empty() ? m.last_message() : m.last_message() + "\n";
                  });
                }});
}

}  // namespace spindle::control
