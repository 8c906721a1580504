// A textbook's exercise, as a scenario of the machine, has the solver's answer.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>

#include "spindle/json/json.h"
#include "spindle/machine/scenario.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

Json read_cases() {
  std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/simulation-cases.json");
  return Json::parse(file);
}

const std::set<std::string> kAlgorithms = {
    "FCFS",      "SJF",        "SRTF",           "LJF",         "LRTF", "RR",
    "PRIORITY",  "PRIORITY-P", "PRIORITY-AGING", "PRIORITY-RR", "HRRN", "VRR",
    "FEEDBACK",  "MLQ",        "LOTTERY",        "STRIDE",      "CFS",  "EEVDF",
    "FAIR-SHARE"};

std::string policy_of(std::string algorithm) {
  if (algorithm == "PRIORITY-P") return "priority-preemptive";
  for (char& c : algorithm) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return algorithm;
}

std::string fourth_of(const std::string& algorithm) {
  if (algorithm == "FAIR-SHARE") return "group";
  const bool weighs =
      algorithm == "LOTTERY" || algorithm == "STRIDE" || algorithm == "CFS" || algorithm == "EEVDF";
  return weighs ? "weight" : "priority";
}

/// A number, which some cases give as text.
std::string number(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// How many units there are of a resource: free, and held.
int total_of(const Json& input, std::size_t resource) {
  int total = input["available"][resource];
  for (const Json& row : input["allocation"]) total += row[resource].get<int>();
  return total;
}

/// The machine refuses at once a request for more than there is. A process that asks, together with
/// what it holds, for all of it cannot be served while others hold some.
Json within_what_there_is(Json problem) {
  Json& input = problem["input"];
  for (std::size_t r = 0; r < input["available"].size(); ++r)
    for (std::size_t p = 0; p < input["request"].size(); ++p) {
      const int most = total_of(input, r) - input["allocation"][p][r].get<int>();
      input["request"][p][r] = std::min(input["request"][p][r].get<int>(), most);
    }
  return problem;
}

/// The case as somebody would type it; empty for cases that the machine treats differently.
std::string scenario_of(const Json& problem) {
  const std::string algorithm = problem["algorithm"];
  if (!kAlgorithms.contains(algorithm)) return "";
  // The exercises' defaults.
  std::map<std::string, std::string> given = {{"tie", "'arrival'"},
                                              {"latency", "48"},
                                              {"granularity", "6"},
                                              {"aging_interval", "10"},
                                              {"quantum", "1"}};
  for (const auto& [key, value] : problem["parameters"].items()) {
    // Of the machine, what arrives comes before what returns from a device.
    if (key == "same_instant" && value == Json({"preempted", "arrival", "io"})) {
      given["requeue"] = "'preempted-first'";
      continue;
    }
    if (key == "devices" || key == "same_instant") return "";
    std::string text = value.is_string() ? "'" + value.get<std::string>() + "'" : value.dump();
    if (value.is_array()) text = "{" + text.substr(1, text.size() - 2) + "}";
    given[key] = text;
  }
  std::string text = "machine { policy = '" + policy_of(algorithm) + "', costs = 'none'";
  for (const auto& [key, value] : given) text += ", " + key + " = " + value;
  text += " }\n";
  for (const Json& process : problem["input"]["processes"]) {
    std::string burst = number(process[2]);
    if (process[2].is_array()) burst = "{" + burst.substr(1, burst.size() - 2) + "}";
    text += "process { '" + process[0].get<std::string>() + "', at = " + number(process[1]) +
            ", burst = " + burst;
    if (process.size() > 3) text += ", " + fourth_of(algorithm) + " = " + process[3].dump();
    text += " }\n";
  }
  return text;
}

double ms(VirtualTime time) {
  return static_cast<double>(time.ns) / 1e6;
}

/// What the solver calls them.
Json answer_of(const ScenarioRun& run) {
  Json answer;
  for (const CpuSpan& span : run.spans)
    answer["gantt"].push_back({span.name, ms(span.from), ms(span.to)});
  for (const ProcessRecord& record : run.machine->records()) {
    const VirtualTime turnaround = record.end - record.arrival;
    answer["completion"][record.name] = ms(record.end);
    answer["turnaround"][record.name] = ms(turnaround);
    answer["waiting"][record.name] =
        ms(turnaround - (record.cpu - record.switching) - record.blocked);
    answer["response"][record.name] = ms(record.first_run - record.arrival);
  }
  return answer;
}

TEST(MachineAndSolver, AgreeOnEverySchedule) {
  int compared = 0;
  for (const Json& problem : read_cases()) {
    if (problem["domain"] != "cpu" && problem["domain"] != "cpu-io") continue;
    const std::string text = scenario_of(problem);
    if (text.empty()) continue;
    SCOPED_TRACE(problem["id"].get<std::string>() + "\n" + text);
    std::string message;
    const auto scenario = read_scenario(text, "test", {}, message);
    ASSERT_TRUE(scenario.ok()) << message;
    const auto run = run_scenario(*scenario, message);
    ASSERT_TRUE(run.ok()) << message;
    const Json answer = answer_of(*run);
    Json plain = problem;
    plain.erase("expected");
    const Json solved = solve_cases(Json::array({plain}))[0]["answer"];
    for (const char* quantity : {"completion", "turnaround", "waiting", "response", "gantt"})
      EXPECT_EQ(answer[quantity], solved[quantity]) << quantity;
    EXPECT_EQ(run->machine->snapshot_system().switches, solved["switches"]);
    ++compared;
  }
  EXPECT_GE(compared, 58);
}

/// A process that claims and asks for that many of R0, R1 ... The second a while after the first.
std::string process_with(const std::string& name, const Json& claims, const Json& holds,
                         const Json& wants, std::size_t while_ms = 1) {
  std::string code;
  for (std::size_t r = 0; r < claims.size(); ++r)
    code += "claim('R" + std::to_string(r) + "', " + claims[r].dump() + ") ";
  for (const Json& amounts : {holds, wants}) {
    std::string list;
    for (std::size_t r = 0; r < amounts.size(); ++r)
      if (amounts[r] != 0)
        list += (list.empty() ? "'R" : ", 'R") + std::to_string(r) + "', " + amounts[r].dump();
    if (!list.empty()) code += "request(" + list + ") ";
    code += "sleep(" + std::to_string(while_ms) + ") ";
  }
  return "process { '" + name + "', code = [[" + code + " sleep(1000000) ]] }\n";
}

std::string resources_of(const Json& input, const std::string& strategy) {
  std::string code;
  for (std::size_t r = 0; r < input["available"].size(); ++r) {
    code += "resource('R" + std::to_string(r) + "', " + std::to_string(total_of(input, r)) + ") ";
  }
  return "machine { costs = 'none', policy = 'fcfs', deadlock = '" + strategy +
         "' }\nprocess { 'opens', code = [[" + code + "]] }\n";
}

ScenarioRun run_text(const std::string& text) {
  std::string message;
  auto scenario = read_scenario(text + "run { seconds = 1 }", "test", {}, message);
  EXPECT_TRUE(scenario.ok()) << message << "\n" << text;
  auto run = run_scenario(*scenario, message);
  EXPECT_TRUE(run.ok()) << message;
  return std::move(run).take();
}

ScenarioRun run_of(const std::string& text) {
  std::string message;
  const Scenario scenario = read_scenario(text, "test", {}, message).take();
  return run_scenario(scenario, message).take();
}

/// C comes while the CPU changes to B, and takes it at once when the change is over. But who only
/// grew better meanwhile, as Q did, waits for somebody to come.
TEST(MachineAndSolver, LookAtTheEndOfAChangeOnlyIfSomebodyHasCome) {
  for (const char* text :
       {R"({"domain": "cpu", "algorithm": "SRTF", "parameters": {"context_switch": 2},
            "input": {"processes": [["A", 0, 3], ["B", 1, 9], ["C", 4, 1]]},
            "gantt": [["A", 0, 3], ["C", 7, 8], ["B", 10, 19]]})",
        R"({"domain": "cpu", "algorithm": "PRIORITY-AGING",
            "parameters": {"context_switch": 2, "aging_interval": 1},
            "input": {"processes": [["Q", 0, 5, 1], ["R", 0, 4, 1], ["S", 1, 7, 3]]},
            "gantt": [["Q", 0, 1], ["R", 3, 7], ["Q", 9, 13], ["S", 15, 22]]})"}) {
    Json problem = Json::parse(text);
    const Json gantt = problem["gantt"];
    problem.erase("gantt");
    EXPECT_EQ(answer_of(run_of(scenario_of(problem)))["gantt"], gantt);
    EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["gantt"], gantt);
  }
}

TEST(MachineAndSolver, CountSwitchesOfEachProcessorAndBeyondTheChart) {
  const ScenarioRun two = run_of(
      "machine { cpus = 2, policy = 'fcfs', costs = 'none' }"
      "process { 'P', burst = 5, count = 4 }");
  EXPECT_EQ(two.all_spans, 4u);
  EXPECT_EQ(two.machine->snapshot_system().switches, 2u);
  const ScenarioRun many = run_of(
      "machine { policy = 'rr', quantum = 1, costs = 'none' }"
      "process { 'P', burst = 110000, count = 2 }");
  EXPECT_EQ(many.all_spans, 220'000u);
  EXPECT_EQ(many.machine->snapshot_system().switches, 219'999u);
  EXPECT_EQ(many.spans.size(), ScenarioRun::kMostSpans);
}

TEST(MachineAndSolver, AgreeOnWhatTheBankerGrants) {
  int compared = 0;
  for (const Json& problem : read_cases()) {
    if (problem["algorithm"] != "BANKER" || !problem["expected"].contains("safe")) continue;
    if (problem["input"].contains("request")) continue;
    SCOPED_TRACE(problem["id"].get<std::string>());
    const Json& input = problem["input"];
    std::string text = resources_of(input, "banker");
    for (std::size_t p = 0; p < input["max"].size(); ++p)
      text += process_with("P" + std::to_string(p), input["max"][p], input["allocation"][p], {});
    const ScenarioRun run = run_text(text);
    bool all_have = true;
    for (const ObjectSnapshot& object : run.machine->snapshot_system().objects)
      all_have = all_have && object.waiting.empty();
    EXPECT_EQ(all_have, problem["expected"]["safe"].get<bool>());
    ++compared;
  }
  EXPECT_GE(compared, 3);
}

/// A process that must wait for its request does so in the solver's answer and in the machine.
TEST(MachineAndSolver, AgreeOnEachRequestToTheBanker) {
  int compared = 0;
  for (const Json& problem : read_cases()) {
    const Json& input = problem["input"];
    if (problem["algorithm"] != "BANKER" || !input.contains("requests")) continue;
    SCOPED_TRACE(problem["id"].get<std::string>());
    std::map<std::size_t, Json> wants;
    for (const Json& request : input["requests"])
      ASSERT_TRUE(wants.emplace(request[0], request[1]).second) << "one asks twice";
    std::string text = resources_of(input, "banker");
    for (std::size_t p = 0; p < input["max"].size(); ++p) {
      // When all hold what they do, they ask in the order of the case.
      std::size_t turn = 0;
      while (turn < input["requests"].size() && input["requests"][turn][0] != p) ++turn;
      text += process_with("P" + std::to_string(p), input["max"][p], input["allocation"][p],
                           wants.contains(p) ? wants[p] : Json(), 10 + turn);
    }
    const ScenarioRun run = run_text(text);
    std::set<std::string> waiting;
    for (const ObjectSnapshot& object : run.machine->snapshot_system().objects)
      for (const ProcessRecord& record : run.machine->records())
        if (std::ranges::find(object.waiting, record.id) != object.waiting.end())
          waiting.insert(record.name);
    Json plain = problem;
    plain.erase("expected");
    const Json answers = solve_cases(Json::array({plain}))[0]["answer"]["answers"];
    for (std::size_t r = 0; r < answers.size(); ++r) {
      const std::string who = "P" + std::to_string(input["requests"][r][0].get<int>());
      EXPECT_EQ(waiting.contains(who), answers[r] != "granted") << who << ": " << answers[r];
      ++compared;
    }
  }
  EXPECT_GE(compared, 5);
}

TEST(MachineAndSolver, AgreeOnWhoIsDeadlocked) {
  int compared = 0;
  for (const Json& problem : read_cases()) {
    if (problem["algorithm"] != "DETECTION") continue;
    SCOPED_TRACE(problem["id"].get<std::string>());
    Json asked = within_what_there_is(problem);
    asked.erase("expected");
    const Json& input = asked["input"];
    const Json solved = solve_cases(Json::array({asked}))[0]["answer"]["deadlocked"];
    EXPECT_EQ(solved, problem["expected"]["deadlocked"]);
    std::string text = resources_of(input, "detection");
    for (std::size_t p = 0; p < input["request"].size(); ++p)
      text +=
          process_with("P" + std::to_string(p), {}, input["allocation"][p], input["request"][p]);
    const ScenarioRun run = run_text(text);
    Json found = Json::array();
    const auto& deadlocks = run.machine->snapshot_system().deadlocks;
    if (!deadlocks.empty())
      for (const ProcessNumber number : deadlocks.back().threads)
        for (const ProcessRecord& record : run.machine->records())
          if (record.id == number) found.push_back(std::stoi(record.name.substr(1)));
    EXPECT_EQ(found, solved);
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

TEST(MachineAndSolver, FindWaitForCycles) {
  int compared = 0;
  for (const Json& problem : read_cases()) {
    if (problem["algorithm"] != "WAIT-FOR-CYCLE") continue;
    SCOPED_TRACE(problem["id"].get<std::string>());
    // Resources point to who holds them, processes to what they want.
    std::map<std::string, std::pair<std::string, std::string>> locks;
    if (problem["input"]["edges"][0][0] != "R") continue;  // the others have no resources
    const std::string processes = "ABCDEFG";
    for (const Json& edge : problem["input"]["edges"]) {
      const std::string from = edge[0], to = edge[1];
      if (processes.find(from) != std::string::npos)
        locks[from].second += "mutex_lock('" + to + "') ";
      else
        locks[to].first += "mutex_lock('" + from + "') ";
    }
    std::string text = "machine { costs = 'none', policy = 'fcfs' }\n";
    for (const auto& [name, code] : locks)
      text += "process { '" + name + "', code = [[" + code.first + " sleep(1) " + code.second +
              "]] }\n";
    const ScenarioRun run = run_text(text);
    EXPECT_EQ(!run.machine->snapshot_system().deadlocks.empty(),
              problem["expected"]["deadlock"].get<bool>());
    ++compared;
  }
  EXPECT_GE(compared, 1);
}

}  // namespace
}  // namespace spindle
