// Periodic tasks with deadlines: rate and deadline monotonic, fixed order, earliest deadline, least
// laxity; response-time analysis and the utilisation bound.
//
// A task is [name, period, execution time] with the end of the period as its deadline, or with a
// fourth number, a deadline after each release. The schedule ends at the first miss.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>

#include "cpu_run.h"
#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr double kMostJobs = 200'000;
constexpr double kMostRealtimeSteps = 1e8;
constexpr std::int64_t kLastRelease = 1'000'000'000'000'000'000;

struct Task {
  std::string name;
  VirtualTime period;
  VirtualTime execution;
  VirtualTime deadline;  ///< after the release
};

std::vector<Task> read_tasks(const Problem& problem) {
  std::vector<Task> tasks;
  for (const Field& item : problem.input["tasks"].items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() < 3) item.fail("a task is [name, period, execution time]");
    if (problem.failed()) return tasks;
    Task task{parts[0].text(), parts[1].time(), parts[2].time(), {}};
    task.deadline = parts.size() > 3 ? parts[3].time() : task.period;
    if (task.period.ns <= 0 || task.execution.ns <= 0) item.fail("times must be above 0");
    tasks.push_back(std::move(task));
  }
  if (tasks.empty()) problem.input["tasks"].fail("there must be some");
  return tasks;
}

double utilization(const std::vector<Task>& tasks) {
  double sum = 0;
  for (const Task& task : tasks)
    sum += static_cast<double>(task.execution.ns) / static_cast<double>(task.period.ns);
  return sum;
}

/// The higher the number the more important: by period, by deadline, or by place in the list.
std::vector<int> priorities(std::string_view algorithm, const std::vector<Task>& tasks) {
  std::vector<std::int64_t> keys;
  for (const Task& task : tasks)
    keys.push_back(algorithm == "RM"   ? task.period.ns
                   : algorithm == "DM" ? task.deadline.ns
                                       : static_cast<std::int64_t>(keys.size()));
  std::vector<int> result;
  for (const std::int64_t key : keys)
    result.push_back(
        -static_cast<int>(std::ranges::count_if(keys, [key](auto other) { return other < key; })));
  return result;
}

/// Each release of a task is a process; `task_of` tells whose.
struct Jobs {
  std::vector<CpuProcess> processes;
  std::vector<std::size_t> task_of;
};

Jobs releases(const Problem& problem, const std::vector<Task>& tasks, VirtualTime until) {
  Jobs jobs;
  double count = 0;
  for (const Task& task : tasks)
    count += static_cast<double>(until.ns) / static_cast<double>(task.period.ns) + 1;
  if (count > kMostJobs) return problem.parameters["until"].fail("too many releases"), jobs;
  const std::vector<int> priority = priorities(problem.algorithm, tasks);
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (VirtualTime at; at < until; at += tasks[t].period) {
      jobs.processes.push_back(
          {tasks[t].name, at, {tasks[t].execution}, priority[t], at + tasks[t].deadline});
      jobs.task_of.push_back(t);
    }
  return jobs;
}

/// What a task does without a break, and what was said of the choice with which it began.
struct Part {
  CpuSegment segment;
  std::optional<double> rank;
};

/// The parts up to `end`.
std::vector<Part> parts_of(const CpuRun& run, const Jobs& jobs, VirtualTime end) {
  std::vector<Part> joined;
  for (std::size_t i = 0; i < run.gantt().size() && run.gantt()[i].from < end; ++i) {
    const CpuSegment& segment = run.gantt()[i];
    const CpuSegment part{jobs.task_of[segment.process], segment.from, std::min(end, segment.to)};
    CpuSegment* const last = joined.empty() ? nullptr : &joined.back().segment;
    if (last != nullptr && last->process == part.process && last->to == part.from)
      last->to = part.to;
    else
      joined.push_back(
          {part, i < run.choices().size() ? run.choices()[i].chosen.rank : std::nullopt});
  }
  return joined;
}

/// When all periods end together, and the schedule begins anew; 0 if that is too late.
VirtualTime repeats(const std::vector<Task>& tasks) {
  constexpr std::int64_t kLatest = 1'000'000 * kUnitNs;
  std::int64_t time = 1;
  for (const Task& task : tasks) {
    const std::int64_t step = task.period.ns / std::gcd(time, task.period.ns);
    if (step == 0 || time > kLatest / step) return {};
    time *= step;
  }
  return {time};
}

Json schedule(const Problem& problem, std::string_view policy_name) {
  const std::vector<Task> tasks = read_tasks(problem);
  const VirtualTime until =
      problem.parameters["until"].present() ? problem.parameters["until"].time() : repeats(tasks);
  if (until.ns <= 0) problem.parameters["until"].fail("not above 0");
  if (problem.failed()) return {};
  const Jobs jobs = releases(problem, tasks, until);
  auto policy = make_cpu_policy(
      policy_name,
      CpuConventions{.quantum = {kUnitNs}, .preempted = CpuConventions::Equals::kArrival});
  if (problem.failed() || !policy.ok()) return {};
  CpuRun run({(*policy).get()}, jobs.processes, {.until = until, .explains = problem.explains});
  if (!run.run()) return problem.parameters["until"].fail("too long a run"), Json();
  VirtualTime end = until;
  std::vector<std::size_t> missed;
  for (std::size_t job = 0; job < jobs.processes.size(); ++job) {
    const VirtualTime deadline = jobs.processes[job].deadline;
    const bool met = run.ended(job) && run.completion(job) <= deadline;
    if (met || end < deadline) continue;
    if (deadline < end) missed.clear();
    end = deadline;
    missed.push_back(job);
  }
  Json misses = Json::array();
  for (std::size_t job : missed)
    misses.push_back({jobs.processes[job].name, in_units(jobs.processes[job].deadline)});
  Json gantt = Json::array();
  Json choices = Json::array();
  for (const auto& [part, rank] : parts_of(run, jobs, end)) {
    gantt.push_back({tasks[part.process].name, in_units(part.from), in_units(part.to)});
    choices.push_back({{"rank", rank ? Json(*rank) : Json()}});
  }
  Json answer = {
      {"utilization", rounded(utilization(tasks))}, {"gantt", gantt}, {"misses", misses}};
  if (problem.explains) answer["choices"] = choices;
  return answer;
}

/// The longest that each task takes to respond, where the tasks stand in order of priority.
class ResponseTimes {
 public:
  explicit ResponseTimes(const std::vector<Task>& tasks) : tasks_(tasks) {}

  /// Nothing if it can be beyond the deadline. A task may be due after its next release: then the
  /// releases that queue up behind the first are looked at, too (Lehoczky 1990).
  std::optional<VirtualTime> of(std::size_t t) {
    const Task& task = tasks_[t];
    VirtualTime worst;
    for (std::int64_t jobs = 1; !is_exhausted(); ++jobs) {
      if (kLastRelease / task.period.ns < jobs) steps_ = 2 * kMostRealtimeSteps;
      const VirtualTime released{(jobs - 1) * task.period.ns};
      const std::optional<VirtualTime> end = end_of(t, jobs, released + task.deadline);
      if (!end) return std::nullopt;
      worst = std::max(worst, *end - released);
      if (*end <= released + task.period) break;
    }
    return worst;
  }

  /// Whether the work was cut short: then no answer is to be trusted.
  [[nodiscard]] bool is_exhausted() const { return steps_ > kMostRealtimeSteps; }

 private:
  /// When `jobs` jobs of a task are done, if all are released together at the start: the fixed
  /// point of R = jobs x C + sum of ceil(R / T) C over the tasks before it (Joseph and Pandya
  /// 1986). Nothing if that is after the limit.
  std::optional<VirtualTime> end_of(std::size_t t, std::int64_t jobs, VirtualTime limit) {
    __int128 end = static_cast<__int128>(jobs) * tasks_[t].execution.ns;
    for (std::int64_t last = 0; last != end && end <= limit.ns && !is_exhausted();) {
      last = static_cast<std::int64_t>(end);
      end = static_cast<__int128>(jobs) * tasks_[t].execution.ns;
      for (const Task& before : std::span(tasks_).first(t))
        end += static_cast<__int128>((last - 1) / before.period.ns + 1) * before.execution.ns;
      steps_ += static_cast<double>(t + 1);
    }
    if (limit.ns < end) return std::nullopt;
    return VirtualTime{static_cast<std::int64_t>(end)};
  }

  const std::vector<Task>& tasks_;
  double steps_ = 0;
};

Json response_times(const Problem& problem) {
  const std::vector<Task> tasks = read_tasks(problem);
  if (problem.failed()) return {};
  ResponseTimes times(tasks);
  Json responses = Json::array();
  bool schedulable = true;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const std::optional<VirtualTime> response = times.of(t);
    if (times.is_exhausted())
      return problem.input["tasks"].fail("too many steps to the response times"), Json();
    schedulable = schedulable && response;
    responses.push_back(response ? in_units(*response) : Json());
  }
  return {{"response", responses}, {"schedulable", schedulable}};
}

/// Liu and Layland (1973): n tasks are schedulable by rates up to this utilisation.
Json bound(const Problem& problem) {
  const auto tasks = static_cast<double>(problem.parameters["tasks"].integer(1, 1'000'000'000));
  return {{"bound", rounded(tasks * (std::pow(2.0, 1 / tasks) - 1))}};
}

}  // namespace

Json solve_realtime(const Problem& problem) {
  const std::string_view algorithm = problem.algorithm;
  if (algorithm == "RM" || algorithm == "DM" || algorithm == "FIXED")
    return schedule(problem, "priority-preemptive");
  if (algorithm == "EDF") return schedule(problem, "edf");
  if (algorithm == "LLF") return schedule(problem, "llf");
  if (algorithm == "RESPONSE-TIME") return response_times(problem);
  if (algorithm == "RM-BOUND") return bound(problem);
  return problem.unknown_algorithm();
}

}  // namespace spindle
