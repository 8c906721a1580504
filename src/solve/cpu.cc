// CPU scheduling: processes with one burst, or with bursts on the CPU and on devices in turn.
//
// Conventions: `quantum`, `context_switch` (0), `priority_order` (low-first), `tie` of a preempted
// process among its equals (arrival, requeue), `requeue` at the end of a quantum (arrivals-first,
// preempted-first), `same_instant` (the order of arrival, io and preempted), `devices` (own: one
// for each process; single), `alpha` and `first` (bursts estimated from those before, rather than
// known), `doubling` of FEEDBACK (false; a quantum of "2^i" is one that doubles from 1), `quanta`
// of FEEDBACK and MLQ, those of MLFQ as in its own domain, `aging_interval` of PRIORITY-AGING (10),
// `latency` (48) and `granularity` (6) of CFS, `seed` of LOTTERY (1). The fourth number of a
// process is its priority; of LOTTERY and STRIDE its tickets, of CFS and EEVDF its weight, of
// FAIR-SHARE its user.
//
// Several CPUs: `cpus` (1), `queues` (shared, per-cpu), `migration` between the queues (true),
// `migration_cost` (0); the input's `affinity` lists the CPUs, from 0, of those that are bound.

#include <algorithm>
#include <unordered_set>

#include "asked_policy.h"
#include "cpu_run.h"
#include "domains.h"
#include "mlfq.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostCpus = 64;

constexpr std::string_view kInTurns[] = {"RR",      "VRR",    "PRIORITY-RR", "FEEDBACK",
                                         "LOTTERY", "STRIDE", "EEVDF",       "FAIR-SHARE"};

/// What the fourth number of a process means.
enum class Fourth : std::uint8_t { kPriority, kWeight, kUser };

Fourth fourth_of(std::string_view algorithm) {
  if (algorithm == "FAIR-SHARE") return Fourth::kUser;
  const bool weighs =
      algorithm == "LOTTERY" || algorithm == "STRIDE" || algorithm == "CFS" || algorithm == "EEVDF";
  return weighs ? Fourth::kWeight : Fourth::kPriority;
}

/// The queues of MLQ: a foreground in turns and a background without, unless they are listed. For
/// FEEDBACK its levels, if they are listed.
std::vector<VirtualTime> read_quanta(const Problem& problem) {
  std::vector<VirtualTime> quanta;
  const Field field = problem.parameters["quanta"];
  if (!field.present() && problem.algorithm == "FEEDBACK") return quanta;
  if (!field.present()) return {problem.parameters["quantum"].time(), {}};
  for (const Field& item : field.items()) {
    quanta.push_back(item.time());
    if (quanta.back().ns == 0 && problem.algorithm == "FEEDBACK") item.fail("not above 0");
  }
  if (quanta.empty() || quanta.size() > 32) field.fail("there must be 1 to 32 queues");
  return quanta;
}

CpuConventions read_cpu_conventions(const Problem& problem) {
  using Equals = CpuConventions::Equals;
  const Field& parameters = problem.parameters;
  const Field quantum = parameters["quantum"];
  const bool in_turns = std::ranges::find(kInTurns, problem.algorithm) != std::end(kInTurns);
  CpuConventions conventions;
  if (problem.algorithm == "MLFQ") return read_mlfq_conventions(problem);
  const bool is_feedback = problem.algorithm == "FEEDBACK";
  // The textbook's way to write that the quantum of level i is 2 to the power of i.
  const bool doubles = is_feedback && quantum.raw() == "2^i";
  conventions.doubles_quantum = parameters["doubling"].flag_or(doubles);
  if (doubles)
    conventions.quantum = {kUnitNs};
  else if (in_turns && !(is_feedback && parameters["quanta"].present()))
    conventions.quantum = quantum.time();
  else
    conventions.quantum = quantum.time_or({kUnitNs});
  if (conventions.quantum.ns <= 0) quantum.fail("not above 0");
  conventions.preempted = parameters["tie"].choice({"arrival|fifo", "requeue|back"}) == 0
                              ? Equals::kArrival
                              : Equals::kBack;
  conventions.seed = static_cast<std::uint64_t>(parameters["seed"].integer_or(1, 0, 1LL << 62));
  conventions.latency = parameters["latency"].time_or({48 * kUnitNs});
  conventions.granularity = parameters["granularity"].time_or({6 * kUnitNs});
  conventions.aging_interval = parameters["aging_interval"].time_or({10 * kUnitNs});
  if (conventions.granularity.ns <= 0) parameters["granularity"].fail("not above 0");
  if (conventions.aging_interval.ns <= 0) parameters["aging_interval"].fail("not above 0");
  if (problem.algorithm == "MLQ" || is_feedback) conventions.quanta = read_quanta(problem);
  return conventions;
}

std::unique_ptr<CpuPolicy> cpu_policy_of(const Problem& problem) {
  constexpr PolicyOfAlgorithm kPolicies[] = {{"FCFS", "fcfs"},
                                             {"SJF", "sjf"},
                                             {"SRTF", "srtf"},
                                             {"LJF", "ljf"},
                                             {"LRTF", "lrtf"},
                                             {"RR", "rr"},
                                             {"PRIORITY", "priority"},
                                             {"PRIORITY-P", "priority-preemptive"},
                                             {"PRIORITY-AGING", "priority-aging"},
                                             {"PRIORITY-RR", "priority-rr"},
                                             {"HRRN", "hrrn"},
                                             {"VRR", "vrr"},
                                             {"FEEDBACK", "feedback"},
                                             {"MLFQ", "mlfq"},
                                             {"MLQ", "mlq"},
                                             {"LOTTERY", "lottery"},
                                             {"STRIDE", "stride"},
                                             {"CFS", "cfs"},
                                             {"EEVDF", "eevdf"},
                                             {"FAIR-SHARE", "fair-share"}};
  const auto name = asked_policy(problem, PolicyKind::kCpu, kPolicies);
  if (!name) return problem.unknown_algorithm(), nullptr;
  const CpuConventions conventions = read_cpu_conventions(problem);
  if (problem.failed()) return nullptr;
  auto policy = make_cpu_policy(*name, conventions);
  if (!policy.ok()) return problem.parameters["quanta"].fail("cannot be used"), nullptr;
  return std::move(policy).take();
}

CpuRun::Rules read_rules(const Problem& problem) {
  using Event = CpuRun::Event;
  CpuRun::Rules rules;
  rules.context_switch = problem.parameters["context_switch"].time_or({});
  rules.single_device =
      problem.parameters["devices"].choice({"own|each|many", "single|shared"}) == 1;
  const Field alpha = problem.parameters["alpha"];
  const Field first = problem.parameters["first"];
  if (alpha.present() || first.present())
    rules.estimate = {.alpha = alpha.number_or(0.5, 0, 1), .first = first.time()};
  rules.cpus = static_cast<std::size_t>(problem.parameters["cpus"].integer_or(1, 1, kMostCpus));
  rules.migrates = problem.parameters["migration"].flag_or(true);
  rules.migration_cost = problem.parameters["migration_cost"].time_or({});
  rules.explains = problem.explains;
  if (problem.parameters["requeue"].choice(
          {"arrivals-first|arrival-first|arrivals|arrival", "preempted-first|preempted"}) == 1)
    rules.same_instant = {Event::kPreempted, Event::kArrival, Event::kDevice};
  const Field order = problem.parameters["same_instant"];
  if (!order.present()) return rules;
  const std::vector<Field> events = order.items();
  if (events.size() != rules.same_instant.size()) return order.fail("needs three events"), rules;
  for (std::size_t i = 0; i < events.size(); ++i)
    rules.same_instant[i] = static_cast<Event>(
        events[i].choice({"arrival|arrivals", "io|device|return", "preempted|quantum"}));
  auto sorted = rules.same_instant;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) order.fail("names an event twice");
  return rules;
}

/// [name, arrival, burst, priority] or [name, arrival, [CPU, device, CPU ...], priority].
CpuProcess read_process(const Field& field, bool low_first, Fourth fourth) {
  const std::vector<Field> parts = field.items();
  CpuProcess process;
  if (parts.size() < 3) return field.fail("a process is [name, arrival, burst]"), process;
  process.name = parts[0].text();
  process.arrival = parts[1].time();
  if (parts[2].is_list())
    for (const Field& burst : parts[2].items()) process.bursts.push_back(burst.time());
  else
    process.bursts.push_back(parts[2].time());
  if (process.bursts.size() % 2 == 0) field.fail("the bursts must begin and end on the CPU");
  if (parts.size() <= 3) return process;
  const std::int64_t low = fourth == Fourth::kPriority ? -1'000'000'000
                           : fourth == Fourth::kWeight ? 1
                                                       : 0;
  const std::int64_t number = parts[3].integer(low, 1'000'000'000);
  if (fourth == Fourth::kPriority)
    process.priority = static_cast<int>(low_first ? -number : number);
  else
    (fourth == Fourth::kWeight ? process.weight : process.group) =
        static_cast<std::uint32_t>(number);
  return process;
}

std::vector<CpuProcess> read_processes(const Problem& problem) {
  const bool low_first = problem.parameters["priority_order"].choice(
                             {"low-first|low|lower-first", "high-first|high|higher-first"}) == 0;
  std::vector<CpuProcess> processes;
  std::unordered_set<std::string> names;
  double total = 0;
  for (const Field& field : problem.input["processes"].items()) {
    processes.push_back(read_process(field, low_first, fourth_of(problem.algorithm)));
    const std::string& name = processes.back().name;
    if (!names.insert(name).second) field.fail("two are named \"" + name + "\"");
    if (problem.failed()) return processes;
    for (VirtualTime burst : processes.back().bursts) total += static_cast<double>(burst.ns);
  }
  if (processes.empty() || total > 1e17)
    problem.input["processes"].fail("there must be some, and their times must be countable");
  return processes;
}

/// {"A": [0, 2]}: A runs only on the first CPU and the third.
void read_affinity(const Problem& problem, std::size_t cpus, std::vector<CpuProcess>& processes) {
  if (!problem.input["affinity"].present()) return;
  for (const auto& [name, list] : problem.input["affinity"].members()) {
    const auto process = std::ranges::find(processes, name, &CpuProcess::name);
    if (process == processes.end()) return list.fail("there is no process " + name);
    process->affinity = 0;
    for (const Field& cpu : list.items())
      process->affinity |= std::uint64_t{1} << cpu.integer(0, static_cast<std::int64_t>(cpus) - 1);
    if (process->affinity == 0) list.fail(name + " may run nowhere");
  }
}

/// Whether a list of segments says on which CPU each was.
enum class CpuColumn : bool { kNone, kLast };

/// [name, from, to], and perhaps the CPU.
Json segments(const std::vector<CpuSegment>& list, const std::vector<CpuProcess>& processes,
              CpuColumn cpu) {
  Json json = Json::array();
  for (const CpuSegment& s : list) {
    json.push_back({processes[s.process].name, in_units(s.from), in_units(s.to)});
    if (cpu == CpuColumn::kLast) json.back().push_back(s.cpu);
  }
  return json;
}

/// What was said of each segment of the chart.
Json choices_of(const CpuRun& run, const std::vector<CpuProcess>& processes) {
  const auto json_of = [&](const CpuChoice::Candidate& candidate) {
    return Json::array({processes[candidate.process].name, in_units(candidate.since),
                        candidate.rank ? Json(*candidate.rank) : Json()});
  };
  Json list = Json::array();
  for (const CpuChoice& choice : run.choices()) {
    Json json = {{"at", in_units(choice.at)},     {"chosen", json_of(choice.chosen)},
                 {"others", Json::array()},       {"others_count", choice.others_count},
                 {"equals", choice.is_any_equal}, {"bound", choice.is_any_bound}};
    for (const CpuChoice::Candidate& other : choice.others)
      json["others"].push_back(json_of(other));
    if (choice.gave_way)
      json["gave_way"] = {{"process", processes[choice.gave_way->process].name},
                          {"preempted", choice.gave_way->why == Why::kPreempted}};
    list.push_back(std::move(json));
  }
  return list;
}

/// A quantity of each process by name, and its mean.
class Metric {
 public:
  void add(const std::string& name, VirtualTime value) {
    values_[name] = in_units(value);
    sum_ += static_cast<double>(value.ns) / kUnitNs;
    ++count_;
  }
  [[nodiscard]] const Json& values() const { return values_; }
  [[nodiscard]] Json mean() const { return rounded(sum_ / static_cast<double>(count_)); }

 private:
  Json values_ = Json::object();
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

/// Jain's index of how evenly shares are spread: 1 if all are equal, 1 / n if one of n has all.
class JainIndex {
 public:
  void add(double share) {
    sum_ += share;
    squares_ += share * share;
    ++count_;
  }
  [[nodiscard]] Json value() const {
    return rounded(sum_ * sum_ / (static_cast<double>(count_) * squares_));
  }

 private:
  double sum_ = 0;
  double squares_ = 0;
  std::uint64_t count_ = 0;
};

/// The share of its time in the system for which the process had a CPU.
double share_of_cpu(const CpuProcess& process, VirtualTime in_system) {
  double ran = 0;
  for (std::size_t b = 0; b < process.bursts.size(); b += 2)
    ran += static_cast<double>(process.bursts[b].ns);
  return in_system.ns == 0 ? 1 : ran / static_cast<double>(in_system.ns);
}

Json metrics(const CpuRun& run, const std::vector<CpuProcess>& processes, std::size_t cpus) {
  Metric completion, turnaround, waiting, response;
  VirtualTime makespan;
  VirtualTime longest_wait;
  JainIndex fairness;
  for (std::size_t p = 0; p < processes.size(); ++p) {
    const CpuProcess& process = processes[p];
    const VirtualTime took = run.completion(p) - process.arrival;
    VirtualTime idle = took;
    for (VirtualTime burst : process.bursts) idle = idle - burst;
    completion.add(process.name, run.completion(p));
    turnaround.add(process.name, took);
    waiting.add(process.name, idle);
    response.add(process.name, run.first_start(p) - process.arrival);
    makespan = std::max(makespan, run.completion(p));
    longest_wait = std::max(longest_wait, idle);
    fairness.add(share_of_cpu(process, took));
  }
  const auto span = static_cast<double>(std::max<std::int64_t>(makespan.ns, 1));
  const auto count = static_cast<double>(processes.size());
  Json answer = {{"avg_turnaround", turnaround.mean()},
                 {"avg_waiting", waiting.mean()},
                 {"avg_response", response.mean()},
                 {"makespan", in_units(makespan)},
                 {"utilization",
                  rounded(static_cast<double>(run.busy().ns) / span / static_cast<double>(cpus))},
                 {"throughput", rounded(makespan.ns == 0 ? 0 : count / (span / kUnitNs))},
                 {"switches", run.switches()},
                 {"preemptions", run.preemptions()},
                 {"longest_wait", in_units(longest_wait)},
                 {"jain_fairness", fairness.value()}};
  if (cpus > 1) answer["migrations"] = run.migrations();
  if (processes.size() > kLongestListed) return answer;
  answer["completion"] = completion.values();
  answer["turnaround"] = turnaround.values();
  answer["waiting"] = waiting.values();
  answer["response"] = response.values();
  return answer;
}

/// When an answer has what the devices did.
enum class DeviceList : bool { kIfAny, kAlways };

Json solve_schedule(const Problem& problem, DeviceList devices) {
  std::vector<CpuProcess> processes = read_processes(problem);
  const CpuRun::Rules rules = read_rules(problem);
  const bool is_shared = problem.parameters["queues"].choice({"shared", "per-cpu"}) == 0;
  read_affinity(problem, rules.cpus, processes);
  std::vector<std::unique_ptr<CpuPolicy>> policies;
  std::vector<CpuPolicy*> pointers;
  for (std::size_t c = 0; c < (is_shared ? 1 : rules.cpus) && !problem.failed(); ++c) {
    policies.push_back(cpu_policy_of(problem));
    pointers.push_back(policies.back().get());
  }
  if (problem.failed()) return {};
  CpuRun run(pointers, processes, rules);
  if (!run.run())
    return problem.input["processes"].fail("they run in more slices than can be counted"), Json();
  Json answer = metrics(run, processes, rules.cpus);
  if (run.gantt().size() <= kLongestListed)
    answer["gantt"] =
        segments(run.gantt(), processes, rules.cpus > 1 ? CpuColumn::kLast : CpuColumn::kNone);
  if (rules.explains && run.gantt().size() <= kLongestListed)
    answer["choices"] = choices_of(run, processes);
  std::vector<CpuSegment> device = run.device();
  std::ranges::stable_sort(device, {}, &CpuSegment::from);
  if (!device.empty() || devices == DeviceList::kAlways)
    answer["io"] = segments(device, processes, CpuColumn::kNone);
  return answer;
}

}  // namespace

Json solve_cpu(const Problem& problem) {
  return solve_schedule(problem, DeviceList::kIfAny);
}

Json solve_cpu_io(const Problem& problem) {
  return solve_schedule(problem, DeviceList::kAlways);
}

}  // namespace spindle
