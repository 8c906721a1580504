// Scenario: a machine, its files and what runs on it, in one Lua file; and a run of it on record.
//
//   machine { policy = "rr", quantum = 4, costs = "none" }
//   process { "P1", burst = 24 }
//   process { "P2", at = 1, burst = { 3, 10, 2 } }        -- CPU, waiting, CPU ...
//   process { "walker", program = "walker.lua", arguments = { "64" }, nice = 5 }
//   process { "P4", code = [[ mutex_lock("m") compute(3) ]] }
//   file { "/data", size = 100000 }
//   run { seconds = 60 }
//
// Times are in ms. The file is Lua without the outside: loops and functions may make processes.
// `read_scenario` executes it once; each run starts from the same plain data. spindle-run(1) lists
// the keys.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/machine/machine.h"
#include "spindle/machine/memory_statistics.h"

namespace spindle {

struct Scenario {
  MachineConfiguration configuration;
  std::vector<StartRequest> processes;
  std::vector<std::pair<std::string, std::string>> files;  ///< path and content
  VirtualTime until{3'600'000'000'000};
};

/// Reads a file that the scenario names, from beside it.
using ReadBeside = std::function<Result<std::string>(const std::string& name)>;

/// EINVAL, with `message`, for a script that fails or a key or value that is none.
Result<Scenario> read_scenario(const std::string& source, const std::string& name,
                               const ReadBeside& read, std::string& message);

/// A thread had a CPU from here to there.
struct CpuSpan {
  std::uint32_t cpu = 0;
  ProcessNumber thread = 0;
  std::string name;
  VirtualTime from;
  VirtualTime to;
};

/// How the machine stood at some instant of the run.
struct RunSample {
  VirtualTime at;
  double cpu_use = 0;        ///< share of all CPUs in use since the sample before
  std::uint64_t faults = 0;  ///< page faults since the sample before
  std::uint64_t major_faults = 0;
  std::uint64_t runnable = 0;
  std::uint64_t free_bytes = 0;
};

/// What lay in a piece of memory.
struct MemoryPiece {
  std::uint64_t from = 0;  ///< bytes
  std::uint64_t bytes = 0;
  FrameUse use = FrameUse::kFree;
  std::string owner;  ///< "hog-3"; empty: nobody, or all
};

struct ScenarioRun {
  std::unique_ptr<MemoryHost> host;
  std::unique_ptr<Machine> machine;  ///< the machine as it was at the end
  std::vector<CpuSpan> spans;        ///< in the order of their ends; the first kMostSpans
  std::uint64_t all_spans = 0;       ///< how many there were
  std::vector<RunSample> samples;    ///< a hundred or so, at equal distances
  std::vector<MemoryPiece> fullest;  ///< memory when about the least was free
  VirtualTime fullest_at;
  std::string console;
  std::uint64_t instants = 0;  ///< moments at which something happened
  bool is_stuck = false;       ///< all processes that are left wait for one another

  static constexpr std::size_t kMostSpans = 200'000;
};

/// EINVAL for a machine that cannot be built, ENOENT and the like for a program, with `message`.
Result<ScenarioRun> run_scenario(const Scenario& scenario, std::string& message);

}  // namespace spindle
