// `spindle run`: a simulated machine and its workload, from one file, without a mount.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/machine/run_answer.h"
#include "cli/words.h"
#include "spindle/base/json_text.h"
#include "spindle/base/whole_file.h"
#include "spindle/command_line/command_line.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/policy/policy_library.h"
#include "spindle/procfs/event_text.h"

namespace spindle::cli {
namespace {

struct RunRequest {
  std::string scenario;
  std::optional<std::string> policy;
  bool all_policies = false;
  std::optional<std::uint64_t> seed;
  bool json = false;
  std::string svg;
  std::string curves;
  std::string arm;
  std::string memory;
  std::string trace;
};

int write_file(const std::string& option, const std::string& path, const std::string& text) {
  const Result<> written = write_whole_file(path, text);
  return written.ok() ? 0 : fail("run", option + ": " + path + ": " + written.error().describe());
}

constexpr const char* kTerminal = "-";  // instead of a file

bool goes_to_file(const std::string& path) {
  return !path.empty() && path != kTerminal;
}

/// Writes the pictures and the trace that are asked for.
int write_files(const RunRequest& request, const Scenario& scenario, const ScenarioRun& run) {
  int status = 0;
  if (!request.svg.empty())
    status |= write_file("--svg", request.svg, run_svg(scenario, run, request.scenario));
  if (goes_to_file(request.curves))
    status |= write_file("--curves", request.curves, curves_svg(run, request.scenario));
  if (goes_to_file(request.arm)) status |= write_file("--arm", request.arm, arm_svg(run));
  if (goes_to_file(request.memory))
    status |= write_file("--memory", request.memory, memory_svg(run));
  if (request.trace.empty()) return status;
  const EventRing& events = run.machine->events();
  const std::uint32_t cpus = scenario.configuration.cpus;
  const bool is_chrome = request.trace.ends_with(".json");
  return status | write_file("--trace", request.trace,
                             is_chrome ? procfs::chrome_trace(events, cpus)
                                       : procfs::ftrace_text(events, cpus));
}

int run_one(const RunRequest& request, const Scenario& scenario, const std::string& text) {
  std::string message;
  const auto run = run_scenario(scenario, message);
  if (!run.ok()) return fail("run", message.empty() ? run.error().what : message);
  if (const int status = write_files(request, scenario, *run); status != 0) return status;
  if (request.json) {
    fmt::print("{}\n", json_text(run_json(scenario, *run, request.scenario, text), 2));
    return 0;
  }
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  fmt::print("{}", run_text(scenario, *run, style));
  if (request.curves == kTerminal) fmt::print("{}", curves_text(*run, style));
  if (request.arm == kTerminal) fmt::print("{}", arm_text(*run, style));
  if (request.memory == kTerminal) fmt::print("{}", memory_text(*run, style));
  return 0;
}

int run_all(const RunRequest& request, Scenario scenario, const std::string& text) {
  std::vector<PolicyResult> results;
  for (const std::string_view policy : cpu_policy_names()) {
    scenario.configuration.cpu_policy = policy;
    std::string message;
    const auto run = run_scenario(scenario, message);
    if (!run.ok()) return fail("run", message.empty() ? run.error().what : message);
    results.push_back({std::string(policy), run_json(scenario, *run, request.scenario, text)});
  }
  // The order is that of `spindle cpu --all`.
  std::ranges::stable_sort(results, {}, [](const PolicyResult& result) {
    return result.answer["avg_waiting"].get<double>();
  });
  if (!request.json) {
    fmt::print("{}", comparison_text(results, chart::terminal_style(STDOUT_FILENO)));
    return 0;
  }
  nlohmann::json all = nlohmann::json::array();
  for (PolicyResult& result : results) all.push_back(std::move(result.answer));
  fmt::print("{}\n", json_text(all, 2));
  return 0;
}

/// Loads policies of libraries, which then go by their names. A path in the scenario is relative to
/// the scenario's folder.
Result<> load_policies(MachineConfiguration& configuration, const std::filesystem::path& folder) {
  const auto load = [&folder](PolicyKind kind, std::string& name) -> Result<> {
    if (is_policy_library(name)) name = TRY(load_policy(kind, (folder / name).string()));
    return {};
  };
  TRY(load(PolicyKind::kCpu, configuration.cpu_policy));
  TRY(load(PolicyKind::kArm, configuration.arm_policy));
  TRY(load(PolicyKind::kReplacement, configuration.memory.replacement));
  return load(PolicyKind::kFit, configuration.memory.fit);
}

int run(const RunRequest& request) {
  const auto text = whole_file(request.scenario);
  if (!text.ok()) return fail("run", request.scenario + ": " + text.error().describe());
  const std::filesystem::path folder = std::filesystem::path(request.scenario).parent_path();
  const auto read_beside = [&](const std::string& name) { return whole_file(folder / name); };
  std::string message;
  auto scenario = read_scenario(*text, request.scenario, read_beside, message);
  if (!scenario.ok()) return fail("run", message);
  if (request.seed) scenario->configuration.seed = *request.seed;
  if (request.policy)
    scenario->configuration.cpu_policy = is_policy_library(*request.policy)
                                             ? std::filesystem::absolute(*request.policy).string()
                                             : *request.policy;
  if (const auto loaded = load_policies(scenario->configuration, folder); !loaded.ok())
    return fail("run", loaded.error().what);
  if (const auto names = cpu_policy_names();
      std::ranges::find(names, scenario->configuration.cpu_policy) == names.end())
    return fail("run", fmt::format("no CPU policy has the name '{}'; there are {}",
                                   scenario->configuration.cpu_policy,
                                   listed({names.begin(), names.end()})));
  // The trace has all events, up to a number that other programs can read.
  if (!request.trace.empty()) scenario->configuration.event_capacity = 1'000'000;
  if (request.all_policies && request.policy && !is_policy_library(*request.policy))
    return fail("run", "--all-policies compares all; --policy can only add one of a library");
  if (!request.all_policies) return run_one(request, *scenario, *text);
  const std::string pictures =
      request.svg + request.curves + request.arm + request.memory + request.trace;
  if (!pictures.empty())
    return fail("run", "--all-policies compares in a table; pictures and traces are of one policy");
  return run_all(request, *std::move(scenario), *text);
}

}  // namespace

void add_run_command(const Command& program, int& status) {
  auto request = std::make_shared<RunRequest>();
  const Command command =
      program.subcommand("run", "Run a scenario on a simulated machine, without a mount.");
  command.option("SCENARIO", request->scenario, "a Lua file; see spindle-run(1)").required();
  command
      .option(
          "--policy", [request](const std::string& name) { request->policy = name; },
          "CPU policy instead of the scenario's: a name, or a library with one (./mine.so)")
      .type_name("NAME");
  command.flag("--all-policies", request->all_policies,
               "compare all CPU policies, best first, and the library that --policy names");
  command.option("--seed", request->seed, "seed instead of the scenario's");
  command.flag("--json", request->json, "print everything as JSON");
  command.option("--svg", request->svg, "write the Gantt chart to this file").type_name("FILE");
  command
      .option("--curves", request->curves,
              "draw CPU use and page faults over time; - prints the curves")
      .type_name("FILE");
  command.option("--arm", request->arm, "draw the path of the disk's arm; - prints it")
      .type_name("FILE");
  command.option("--memory", request->memory, "draw the layout of memory; - prints it")
      .type_name("FILE");
  command
      .option("--trace", request->trace,
              "write all events: FILE.json for Perfetto, otherwise as ftrace's text")
      .type_name("FILE");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
