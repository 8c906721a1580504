// Proportional share: the lottery with its draws given, stride with its passes, and the slices of
// the completely fair scheduler.
//
// Conventions. LOTTERY: a job is [run time, tickets]; `quantum` (1); `full_quantum` (true: a job
// that ends early holds the CPU to the end of its quantum); the winner is the draw modulo the
// tickets of those that still run, counted in order of the jobs; without `draws`, the numbers of
// `seed` (1). STRIDE: `big` (10000), what one ticket pays for a quantum; of equal passes the lowest
// number runs. CFS-SLICE: `latency` (48), `granularity` (6), `weight0` (1024, of nice value 0);
// `stretch` (false: a slice below the granularity is lengthened alone; true: the latency grows with
// the number of tasks, and all slices with it).

#include <algorithm>

#include "domains.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostTickets = 1'000'000'000;
constexpr std::uint64_t kMostQuanta = 5'000'000;

std::unique_ptr<CpuPolicy> make_policy(std::string_view name, const CpuConventions& conventions) {
  auto policy = make_cpu_policy(name, conventions);
  return policy.ok() ? std::move(policy).take() : nullptr;
}

std::vector<std::uint32_t> read_weights(const Field& field) {
  std::vector<std::uint32_t> weights;
  for (const Field& item : field.items())
    weights.push_back(static_cast<std::uint32_t>(item.integer(1, kMostTickets)));
  if (weights.empty()) field.fail("there must be some");
  return weights;
}

struct Job {
  VirtualTime left;
  std::uint32_t tickets = 1;
};

std::vector<Job> read_jobs(const Field& field) {
  std::vector<Job> jobs;
  for (const Field& item : field.items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() != 2) item.fail("a job is [run time, tickets]");
    if (field.failed()) return jobs;
    jobs.push_back(
        {parts[0].time(), static_cast<std::uint32_t>(parts[1].integer(1, kMostTickets))});
    if (jobs.back().left.ns <= 0) item.fail("the run time is not above 0");
  }
  if (jobs.empty()) field.fail("there must be some");
  return jobs;
}

CpuConventions read_lottery_conventions(const Problem& problem) {
  CpuConventions conventions;
  conventions.quantum = problem.parameters["quantum"].time_or({kUnitNs});
  if (conventions.quantum.ns <= 0) problem.parameters["quantum"].fail("not above 0");
  conventions.seed = static_cast<std::uint64_t>(
      problem.parameters["seed"].integer_or(1, 0, std::numeric_limits<std::int64_t>::max()));
  const Field draws = problem.input["draws"];
  if (draws.present()) conventions.draws = draws.naturals(std::uint64_t{1} << 62);
  return conventions;
}

struct LotteryRun {
  std::vector<std::uint64_t> winners;   ///< the job that had each quantum
  std::vector<VirtualTime> completion;  ///< of each job
};

LotteryRun run_lottery(const Problem& problem, const CpuConventions& conventions,
                       std::vector<Job> jobs, bool full_quantum) {
  const auto policy = make_policy("lottery", conventions);
  for (std::size_t job = 0; job < jobs.size(); ++job)
    policy->ready(TaskId{job}, {.weight = jobs[job].tickets}, Why::kCreated);
  LotteryRun run;
  run.completion.resize(jobs.size());
  VirtualTime now;
  while (const auto winner = policy->next(now)) {
    if (problem.input["draws"].present() && run.winners.size() == conventions.draws.size())
      return problem.input["draws"].fail("not enough of them for the jobs to end"), run;
    if (run.winners.size() == kMostQuanta)
      return problem.parameters["quantum"].fail("too short for the jobs"), run;
    Job& job = jobs[winner->value];
    const VirtualTime ran = std::min(job.left, conventions.quantum);
    run.winners.push_back(winner->value);
    job.left = job.left - ran;
    now += full_quantum ? conventions.quantum : ran;
    run.completion[winner->value] = now;
    if (job.left.ns == 0)
      policy->finished(*winner);
    else
      policy->ready(*winner, {.now = now, .ran = ran, .weight = job.tickets}, Why::kQuantumExpired);
  }
  return run;
}

Json lottery(const Problem& problem) {
  const CpuConventions conventions = read_lottery_conventions(problem);
  const bool full_quantum = problem.parameters["full_quantum"].flag_or(true);
  const std::vector<Job> jobs = read_jobs(problem.input["jobs"]);
  if (problem.failed()) return {};
  const LotteryRun run = run_lottery(problem, conventions, jobs, full_quantum);
  if (problem.failed()) return {};
  Json completions = Json::array();
  for (VirtualTime time : run.completion) completions.push_back(in_units(time));
  const auto [first, last] = std::ranges::minmax(run.completion);
  return {{"winners", run.winners},
          {"completion", completions},
          {"unfairness_first_over_last",
           rounded(static_cast<double>(first.ns) / static_cast<double>(last.ns))}};
}

Json stride(const Problem& problem) {
  const std::vector<std::uint32_t> tickets = read_weights(problem.input["tickets"]);
  const std::int64_t big = problem.parameters["big"].integer_or(10'000, 1, std::int64_t{1} << 40);
  const auto slices = static_cast<std::uint64_t>(
      problem.parameters["slices"].integer(0, static_cast<std::int64_t>(kMostQuanta / 50)));
  if (problem.failed()) return {};
  const CpuConventions conventions{
      .quantum = {kUnitNs}, .stride_of_one = big, .lowest_number_first = true};
  const auto policy = make_policy("stride", conventions);
  std::vector<std::int64_t> strides;
  for (std::size_t task = 0; task < tickets.size(); ++task) {
    strides.push_back(big / tickets[task]);
    policy->ready(TaskId{task}, {.weight = tickets[task]}, Why::kCreated);
  }
  std::vector<std::int64_t> passes(tickets.size());
  std::vector<std::uint64_t> order;
  while (order.size() < slices) {
    const TaskId task = *policy->next({});
    order.push_back(task.value);
    passes[task.value] += strides[task.value];
    policy->ready(task, {.ran = conventions.quantum, .weight = tickets[task.value]},
                  Why::kQuantumExpired);
  }
  return {{"strides", strides}, {"order", order}, {"passes", passes}};
}

Json fair_slices(const Problem& problem) {
  const std::vector<std::uint32_t> weights = read_weights(problem.input["weights"]);
  CpuConventions conventions;
  conventions.latency = problem.parameters["latency"].time_or({48 * kUnitNs});
  conventions.granularity = problem.parameters["granularity"].time_or({6 * kUnitNs});
  conventions.stretch_latency = problem.parameters["stretch"].flag_or(false);
  const auto weight0 =
      static_cast<double>(problem.parameters["weight0"].integer_or(1024, 1, kMostTickets));
  if (problem.failed()) return {};
  const auto policy = make_policy("cfs", conventions);
  for (std::size_t task = 0; task < weights.size(); ++task)
    policy->ready(TaskId{task}, {.weight = weights[task]}, Why::kCreated);
  Json slices = Json::array();
  Json steps = Json::array();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    // Asks for each task in turn, as if it were chosen from among all.
    const TaskId task = *policy->next({});
    const double slice = static_cast<double>(policy->quantum(task)->ns) / kUnitNs;
    const std::uint32_t weight = weights[task.value];
    slices.push_back(rounded(slice));
    steps.push_back(rounded(slice * weight0 / weight));
    policy->ready(task, {.ran = {kUnitNs}, .weight = weight}, Why::kQuantumExpired);
  }
  return {{"slices", slices}, {"vruntime_step", steps}};
}

}  // namespace

Json solve_proportional_share(const Problem& problem) {
  if (problem.algorithm == "LOTTERY") return lottery(problem);
  if (problem.algorithm == "STRIDE") return stride(problem);
  if (problem.algorithm == "CFS-SLICE") return fair_slices(problem);
  return problem.unknown_algorithm();
}

}  // namespace spindle
