// `spindle cpu`: processes on a CPU.

#include <fmt/format.h>

#include <set>
#include <tuple>

#include "cli/face/cpu_forms.h"
#include "cli/face/cpu_schedule.h"
#include "cli/face/formula.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class CpuForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "cpu"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override;
  [[nodiscard]] std::string_view row_help() const override {
    return "processes as NAME:ARRIVAL:BURST[,I/O,BURST...][:PRIORITY] or NAME:BURST";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={},span=6,high=9", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    if (!solved.answer.contains("gantt")) return {};
    return CpuSchedule(solved).timeline();
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return cpu_reasons(solved);
  }
};

const std::vector<FacePolicy>& CpuForm::policies() const {
  static const auto kPolicies = [] {
    std::vector<FacePolicy> list = {
        {"fcfs", "FCFS", "First come, first served"},
        {"sjf", "SJF", "Shortest job first", {"alpha", "first"}},
        {"srtf", "SRTF", "Shortest remaining time first", {"tie", "alpha", "first"}},
        {"rr", "RR", "Round robin", {"quantum", "requeue"}},
        {"vrr", "VRR", "Virtual round robin", {"quantum", "requeue"}},
        {"priority", "PRIORITY", "Priority", {"priority_order"}},
        {"priority-preemptive", "PRIORITY-P", "Preemptive priority", {"priority_order", "tie"}},
        {"priority-aging",
         "PRIORITY-AGING",
         "Priority with ageing",
         {"priority_order", "aging_interval"}},
        {"priority-rr",
         "PRIORITY-RR",
         "Priority with round robin",
         {"quantum", "priority_order", "requeue"}},
        {"hrrn", "HRRN", "Highest response ratio next"},
        {"mlq", "MLQ", "Multi-level queue", {"quantum", "quanta", "priority_order", "requeue"}},
        {"feedback", "FEEDBACK", "Feedback", {"quantum", "quanta", "doubling", "requeue"}},
        {"mlfq",
         "MLFQ",
         "Multi-level feedback queue",
         {"quantum", "quanta", "levels", "allotments", "boost", "stay", "io_bump", "requeue"}},
        {"lottery", "LOTTERY", "Lottery", {"quantum", "requeue", "seed"}},
        {"stride", "STRIDE", "Stride", {"quantum", "requeue"}},
        {"cfs", "CFS", "Completely fair scheduler", {"latency", "granularity"}},
        {"eevdf", "EEVDF", "Earliest eligible virtual deadline first", {"quantum", "requeue"}},
        {"fair-share", "FAIR-SHARE", "Fair share", {"quantum", "requeue"}},
        {"ljf", "LJF", "Longest job first"},
        {"lrtf", "LRTF", "Longest remaining time first", {"tie"}},
    };
    for (FacePolicy& policy : list)
      for (std::string_view common : {"context_switch", "devices", "cpus", "queues", "migration",
                                      "migration_cost", "affinity"})
        policy.parameters.push_back(common);
    return list;
  }();
  return kPolicies;
}

const std::vector<FaceParameter>& CpuForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"quantum", Kind::kNumber, "length of a time slice (ms)", "4"},
      {"context_switch", Kind::kNumber, "cost of a context switch (ms)"},
      {"priority_order",
       Kind::kChoice,
       "whether low or high numbers are better priorities",
       "",
       {"low-first", "high-first"}},
      {"tie",
       Kind::kChoice,
       "position of a preempted process among processes that rank equally",
       "",
       {"arrival", "requeue"}},
      {"requeue",
       Kind::kChoice,
       "which process is queued first if a quantum ends when another arrives",
       "",
       {"arrivals-first", "preempted-first"}},
      {"devices",
       Kind::kChoice,
       "whether each process has a device of its own",
       "",
       {"own", "single"},
       false,
       false},
      {"alpha", Kind::kNumber,
       "sjf, srtf, estimate: weight of the last burst in the estimate of the next"},
      {"first", Kind::kNumber, "sjf, srtf, estimate: estimate of the first burst (ms)"},
      {"aging_interval", Kind::kNumber,
       "priority-aging: waiting time that raises a priority by one (ms)", "10"},
      {"quanta", Kind::kNumbers,
       "mlq, feedback, mlfq, mlfq-jobs: quantum of each queue (ms); mlq: 0 for none"},
      {"doubling", Kind::kFlag,
       "feedback: whether each queue has twice the quantum of the one above", "no"},
      {"levels", Kind::kNumber, "mlfq: number of queues, if --quanta is not given", "3"},
      {"allotments", Kind::kNumbers,
       "mlfq: for each queue, how many quanta until a process moves down"},
      {"boost", Kind::kNumber,
       "mlfq: interval after which all processes move to the top (ms), 0: never", "0"},
      {"stay", Kind::kFlag, "mlfq: whether an I/O renews the allotment", "no"},
      {"io_bump", Kind::kFlag, "mlfq: whether a process back from I/O goes to the front", "no"},
      {"seed", Kind::kNumber, "lottery: seed of the draws", "1"},
      {"cpus", Kind::kNumber, "number of CPUs, at most 64", "1"},
      {"queues",
       Kind::kChoice,
       "ready queues of several CPUs",
       "",
       {"shared", "per-cpu"},
       false,
       false},
      {"migration",
       Kind::kFlag,
       "per-cpu: whether an idle CPU takes a process from the longest queue",
       "yes",
       {},
       false,
       false},
      {"migration_cost", Kind::kNumber, "what a move to another CPU costs (ms)"},
      {"affinity",
       Kind::kWords,
       "NAME+CPU+CPU,...: the CPUs on which a process may run, counted from 0",
       "",
       {},
       true},
      {"latency", Kind::kNumber, "cfs: period in which each process runs once (ms)", "48"},
      {"granularity", Kind::kNumber, "cfs: the shortest slice (ms)", "6"},
  };
  return kParameters;
}

const std::vector<Measure>& CpuForm::measures() const {
  static const std::vector<Measure> kMeasures = {{"avg_waiting", "mean waiting (ms)"},
                                                 {"avg_turnaround", "mean turnaround (ms)"},
                                                 {"avg_response", "mean response (ms)"},
                                                 {"makespan", "makespan (ms)"},
                                                 {"utilization", "utilisation", true},
                                                 {"throughput", "throughput (1/ms)", true},
                                                 {"switches", "switches"},
                                                 {"preemptions", "preemptions"},
                                                 {"longest_wait", "longest wait (ms)"},
                                                 {"jain_fairness", "fairness (Jain)", true},
                                                 {"migrations", "migrations"}};
  return kMeasures;
}

Json CpuForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                        Complaint& complaint) const {
  Json processes = Json::array();
  std::set<std::string> names;
  for (const std::vector<std::string>& row : rows) {
    if (row.size() < 2 || row.size() > 4)
      return complaint.make_malformed("processes", row, "NAME:ARRIVAL:BURST[:PRIORITY]"), Json();
    const std::string& name = row[0];
    if (!names.insert(name).second)
      complaint.make(fmt::format("processes: the name {} is used twice", name));
    const std::size_t burst_at = row.size() == 2 ? 1 : 2;
    Json process = {name, 0};
    if (row.size() > 2) process[1] = read_number(row[1], "arrival of " + name, complaint);
    Json bursts = Json::array();
    for (const std::string& burst : split(row[burst_at], ",; "))
      bursts.push_back(read_number(burst, "burst of " + name, complaint));
    process.push_back(bursts.size() == 1 ? bursts[0] : bursts);
    if (row.size() > 3)
      process.push_back(read_number(row[3], "priority of " + name, complaint, -1e9, 1e9));
    processes.push_back(std::move(process));
  }
  if (processes.empty()) complaint.make(no_input("processes", *this));
  return {{"processes", processes}};
}

Json CpuForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 5, 1, 5'000'000);
  const std::uint64_t seed = recipe.seed();
  const std::uint64_t span = recipe.natural("span", 2 * count, 0, 1'000'000'000);
  const std::uint64_t low = recipe.natural("low", 1, 1, 1'000'000);
  const std::uint64_t high =
      recipe.natural("high", std::max<std::uint64_t>(low, 10), low, 1'000'000);
  const std::uint64_t priorities = recipe.natural("priorities", 4, 1, 1'000'000);
  recipe.finish_as("uniform");
  if (complaint.made()) return {};
  Random random(seed);
  Json processes = Json::array();
  for (std::uint64_t p = 0; p < count; ++p) {
    // The first process is there from the start, so that the picture does not begin with idle time.
    const std::uint64_t arrival = p == 0 ? 0 : random.below(span + 1);
    const std::uint64_t burst = low + random.below(high - low + 1);
    processes.push_back({fmt::format("P{}", p + 1), arrival, burst, 1 + random.below(priorities)});
  }
  return {{"processes", processes}};
}

/// Makes "A+0+2" of `--affinity` into {"A": [0, 2]}, and leaves out what does not apply: queues
/// with `quanta` of their own have no common one, and with one CPU there is only one queue.
void CpuForm::complete(Json& problem, Complaint& complaint) const {
  Json& parameters = problem["parameters"];
  if (as_number(parameters.value("cpus", Json(1))) == 1)
    for (const char* name : {"cpus", "queues", "migration", "migration_cost"})
      parameters.erase(name);
  if (parameters.contains("quanta"))
    for (const char* name : {"quantum", "levels", "doubling"}) parameters.erase(name);
  Json& input = problem["input"];
  if (!input.contains("affinity") || !input["affinity"].is_array()) return;
  Json affinity = Json::object();
  for (const Json& word : input["affinity"]) {
    const std::vector<std::string> parts = split(plain(word), "+");
    if (parts.size() < 2)
      return complaint.make(fmt::format("--affinity: '{}' is not NAME+CPU+CPU...", plain(word)));
    for (std::size_t i = 1; i < parts.size(); ++i)
      affinity[parts[0]].push_back(read_number(parts[i], "--affinity", complaint, 0, 63));
  }
  input["affinity"] = affinity;
}

/// What the policy takes the fourth number of a process for.
std::string fourth_of(std::string_view policy) {
  if (policy == "lottery" || policy == "stride") return "tickets";
  if (policy == "cfs" || policy == "eevdf") return "weight";
  return policy == "fair-share" ? "user" : "priority";
}

std::string CpuForm::question(const Json& problem) const {
  const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
  chart::Table table({"process", "arrival (ms)", "burst (ms)", fourth_of(policy->name)});
  for (const Json& row : problem["input"]["processes"])
    table.add_row(
        {plain(row[0]), plain(row[1]), plain(row[2]), row.size() > 3 ? plain(row[3]) : "-"});
  std::string rule(policy->title);
  if (problem["parameters"].contains("quantum"))
    rule += fmt::format(" with a quantum of {} ms", plain(problem["parameters"]["quantum"]));
  if (std::ranges::find(policy->parameters, "priority_order") != policy->parameters.end())
    rule += " (a lower number is better)";
  return fmt::format(
      "These processes share a CPU. The rule is: {}.\n\n{}\nDraw the Gantt chart. What are the "
      "turnaround and the waiting time of each process, and their means?",
      rule, table.text({}));
}

chart::Table CpuForm::table(const Solved& solved) const {
  const CpuSchedule schedule(solved);
  const bool has_priority =
      std::ranges::any_of(schedule.processes, &CpuSchedule::Process::has_priority);
  std::vector<std::string> titles = {"process",         "arrival (ms)",    "CPU time (ms)",
                                     "completion (ms)", "turnaround (ms)", "waiting (ms)",
                                     "response (ms)"};
  if (has_priority) titles.insert(titles.begin() + 3, fourth_of(solved.policy->name));
  chart::Table table(titles);
  if (!solved.answer.contains("completion")) return table;
  for (const CpuSchedule::Process& p : schedule.processes) {
    std::vector<std::string> row = {p.name,
                                    shown(p.arrival),
                                    shown(p.cpu_time()),
                                    shown(p.completion),
                                    shown(p.turnaround),
                                    shown(p.waiting),
                                    shown(p.response)};
    if (has_priority) row.insert(row.begin() + 3, shown(p.priority));
    table.add_row(row);
  }
  const auto mean = [&](const char* key) {
    return shown(number_of(solved.answer, key).value_or(0));
  };
  std::vector<std::string> last = {
      "mean", "", "", "", mean("avg_turnaround"), mean("avg_waiting"), mean("avg_response")};
  if (has_priority) last.insert(last.begin() + 3, "");
  table.set_last_row(last);
  return table;
}

Facts CpuForm::facts(const Solved& solved) const {
  const Json& answer = solved.answer;
  const auto number = [&](const char* key) { return number_of(answer, key).value_or(0); };
  Facts facts;
  if (!answer.contains("completion"))
    for (const Measure& measure : measures())
      if (measure.key.starts_with("avg"))
        facts.emplace_back(measure.title, shown(number(measure.key.data())));
  facts.emplace_back("makespan", shown(number("makespan")) + " ms");
  facts.emplace_back("CPU in use", shown(100 * number("utilization")) + " %");
  // The solver rounds its quantities to four digits, too few where bursts are long.
  const double makespan = number("makespan");
  const auto processes = static_cast<double>(solved.input()["processes"].size());
  const double a_second = makespan > 0 ? 1000 * processes / makespan : 0;
  const std::string rate = a_second < 0.1 ? fmt::format("{:.3g}", a_second) : shown(a_second);
  facts.emplace_back("throughput", rate + " processes a second");
  facts.emplace_back("changes of process", shown(number("switches")));
  for (const auto& [key, title, unit] : {std::tuple("preemptions", "preemptions", ""),
                                         {"longest_wait", "longest wait", " ms"},
                                         {"jain_fairness", "fairness (Jain)", " of 1"},
                                         {"migrations", "changes of CPU", ""}})
    if (const auto value = number_of(answer, key)) facts.emplace_back(title, shown(*value) + unit);
  return facts;
}

}  // namespace

const Face& cpu_face() {
  static const CpuForm kForm;
  static const Face kFace = [] {
    Face face = {
        "cpu",
        "Schedule processes on one CPU or several, with the working and the picture.",
        {&kForm, &estimate_form(), &mlfq_form(), &lottery_form(), &stride_form(), &slices_form()}};
    face.forms.insert(face.forms.end(), cpu_cost_forms().begin(), cpu_cost_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
