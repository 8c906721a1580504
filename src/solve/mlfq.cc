// The multi-level feedback queue with the parameters of Arpaci-Dusseau, "Operating Systems: Three
// Easy Pieces", chapter 8.
//
// A job is [arrival, run time, how long it runs between two I/Os (0: it makes none)]. Conventions,
// level by level from the top: `quanta`, `allotments` (quanta until a job goes down: 1); `boost`
// (0: never), at whole multiples of itself; `io_time` (5); `stay` (false: an I/O does not renew the
// allotment), `io_bump` (false: a job that comes back from I/O goes to the end of its level).
// Without `quanta`: `levels` (3) of `quantum` (10) each.

#include "mlfq.h"

#include "cpu_run.h"
#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr double kMostBursts = 5e6;

/// The run time in pieces of `between`, an I/O after each but the last.
CpuProcess read_job(const Field& field, VirtualTime io_time, double& bursts) {
  const std::vector<Field> parts = field.items();
  CpuProcess job;
  if (parts.size() != 3) return field.fail("a job is [arrival, run time, time between I/Os]"), job;
  job.arrival = parts[0].time();
  VirtualTime left = parts[1].time();
  const VirtualTime between = parts[2].time();
  if (left.ns <= 0) field.fail("the run time is not above 0");
  if (between.ns > 0) bursts += static_cast<double>(left.ns) / static_cast<double>(between.ns);
  if (bursts > kMostBursts) field.fail("too many I/Os");
  if (field.failed()) return job;
  for (; between.ns > 0 && between < left; left = left - between) {
    job.bursts.push_back(between);
    job.bursts.push_back(io_time);
  }
  job.bursts.push_back(left);
  return job;
}

/// When each job began and ended, and the means.
Json job_times(const CpuRun& run, const std::vector<CpuProcess>& jobs) {
  Json response = Json::array();
  Json turnaround = Json::array();
  Json completion = Json::array();
  double responses = 0;
  double turnarounds = 0;
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    const VirtualTime waited = run.first_start(job) - jobs[job].arrival;
    const VirtualTime took = run.completion(job) - jobs[job].arrival;
    response.push_back(in_units(waited));
    turnaround.push_back(in_units(took));
    completion.push_back(in_units(run.completion(job)));
    responses += static_cast<double>(waited.ns) / kUnitNs;
    turnarounds += static_cast<double>(took.ns) / kUnitNs;
  }
  const auto count = static_cast<double>(jobs.size());
  return {{"response", response},
          {"turnaround", turnaround},
          {"completion", completion},
          {"avg_response", rounded(responses / count)},
          {"avg_turnaround", rounded(turnarounds / count)}};
}

/// Of each segment of the chart the level from which the job was chosen, and the one on which it
/// was ready again.
Json levels_of(const CpuRun& run) {
  Json levels = Json::array();
  for (const CpuChoice& choice : run.choices())
    levels.push_back({{"level", choice.chosen.rank.value_or(0)},
                      {"then", choice.rank_then ? Json(*choice.rank_then) : Json()}});
  return levels;
}

}  // namespace

CpuConventions read_mlfq_conventions(const Problem& problem) {
  const Field& parameters = problem.parameters;
  CpuConventions conventions;
  const VirtualTime quantum = parameters["quantum"].time_or({10 * kUnitNs});
  const auto allotment =
      static_cast<std::uint32_t>(parameters["allotment"].integer_or(1, 1, 1'000'000'000));
  if (parameters["quanta"].present())
    for (const Field& item : parameters["quanta"].items()) {
      conventions.quanta.push_back(item.time());
      if (conventions.quanta.back().ns <= 0) item.fail("not above 0");
    }
  else
    conventions.quanta.assign(static_cast<std::size_t>(parameters["levels"].integer_or(3, 1, 32)),
                              quantum);
  const std::size_t levels = conventions.quanta.size();
  if (levels == 0 || levels > 32) parameters["quanta"].fail("there must be 1 to 32 levels");
  if (parameters["allotments"].present())
    for (const Field& item : parameters["allotments"].items())
      conventions.allotments.push_back(static_cast<std::uint32_t>(
          item.integer(conventions.allotments.size() + 1 == levels ? 0 : 1, 1'000'000'000)));
  else
    conventions.allotments.assign(levels, allotment);
  if (conventions.allotments.size() != levels)
    parameters["allotments"].fail("not as many as quanta");
  conventions.boost = parameters["boost"].time_or({});
  conventions.waiting_renews_allotment = parameters["stay"].flag_or(false);
  conventions.woken_to_front = parameters["io_bump"].flag_or(false);
  return conventions;
}

Json solve_mlfq(const Problem& problem) {
  if (problem.algorithm != "MLFQ") return problem.unknown_algorithm();
  const CpuConventions conventions = read_mlfq_conventions(problem);
  const VirtualTime io_time = problem.parameters["io_time"].time_or({5 * kUnitNs});
  std::vector<CpuProcess> jobs;
  double bursts = 0;
  for (const Field& item : problem.input["jobs"].items()) {
    jobs.push_back(read_job(item, io_time, bursts));
    if (problem.failed()) return {};
  }
  if (jobs.empty()) problem.input["jobs"].fail("there must be some");
  if (problem.failed()) return {};
  auto policy = make_cpu_policy("mlfq", conventions);
  if (!policy.ok()) return problem.parameters["quanta"].fail("cannot be used"), Json();
  using Event = CpuRun::Event;
  CpuRun run({(*policy).get()}, jobs,
             {.same_instant = {Event::kPreempted, Event::kArrival, Event::kDevice},
              .explains = problem.explains});
  if (!run.run()) return problem.input["jobs"].fail("too long a run"), Json();
  Json answer = job_times(run, jobs);
  if (run.gantt().size() > kLongestListed) return answer;
  Json gantt = Json::array();
  for (const CpuSegment& segment : run.gantt())
    gantt.push_back({segment.process, in_units(segment.from), in_units(segment.to)});
  answer["gantt"] = gantt;
  if (problem.explains) answer["choices"] = levels_of(run);
  return answer;
}

}  // namespace spindle
