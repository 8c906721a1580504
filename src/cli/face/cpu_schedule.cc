#include "cli/face/cpu_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

namespace spindle::cli {
namespace {

constexpr std::size_t kMostLanes = 60;

using Numbers = std::unordered_map<std::string, std::size_t>;

std::vector<CpuSchedule::Span> spans_of(const Json& answer, const char* key,
                                        const Numbers& numbers) {
  std::vector<CpuSchedule::Span> spans;
  if (!answer.contains(key)) return spans;
  for (const Json& item : answer[key]) {
    const auto found = numbers.find(item[0].get<std::string>());
    if (found == numbers.end()) continue;
    const std::size_t number = item.size() > 3 ? item[3].get<std::size_t>() : 0;
    const double from = as_number(item[1]);
    spans.push_back({found->second, from, as_number(item[2]), number, from});
  }
  return spans;
}

double of_process(const Json& answer, const char* key, const std::string& name) {
  return answer.contains(key) ? number_of(answer[key], name).value_or(0) : 0;
}

CpuSchedule::Process process_of(const Json& row, const Json& answer) {
  CpuSchedule::Process process;
  process.name = row[0].get<std::string>();
  process.arrival = as_number(row[1]);
  if (row[2].is_array())
    for (const Json& burst : row[2]) process.bursts.push_back(as_number(burst));
  else
    process.bursts.push_back(as_number(row[2]));
  process.has_priority = row.size() > 3;
  if (process.has_priority) process.priority = as_number(row[3]);
  process.completion = of_process(answer, "completion", process.name);
  process.turnaround = of_process(answer, "turnaround", process.name);
  process.waiting = of_process(answer, "waiting", process.name);
  process.response = of_process(answer, "response", process.name);
  return process;
}

/// Each CPU, with the processes that ran on it and what it lost to changes between them.
std::vector<chart::Lane> cpu_lanes(const CpuSchedule& schedule) {
  using chart::Meaning;
  const std::size_t cpus = schedule.cpus();
  std::vector<chart::Lane> lanes;
  for (std::size_t c = 0; c < cpus; ++c)
    lanes.push_back({cpus == 1 ? "CPU" : fmt::format("CPU {}", c), {}, {}});
  for (const CpuSchedule::Span& span : schedule.cpu) {
    std::vector<chart::Span>& spans = lanes[span.cpu].spans;
    if (span.chosen_at < span.from)
      spans.push_back({span.chosen_at, span.from, "", Meaning::kOverhead});
    spans.push_back({span.from, span.to, schedule.processes[span.process].name, Meaning::kRunning});
  }
  return lanes;
}

/// As many devices as were busy at the same time.
std::vector<chart::Lane> device_lanes(const CpuSchedule& schedule) {
  std::vector<chart::Lane> lanes;
  for (const CpuSchedule::Span& span : schedule.device) {
    const auto is_free = [&](const chart::Lane& lane) { return lane.spans.back().to <= span.from; };
    auto at = std::ranges::find_if(lanes, is_free);
    if (at == lanes.end()) at = lanes.insert(at, chart::Lane{"I/O", {}, {}});
    at->spans.push_back(
        {span.from, span.to, schedule.processes[span.process].name, chart::Meaning::kDevice});
  }
  return lanes;
}

/// Orders what a process did by time; in between, and since its arrival, it waited.
void add_waiting(std::vector<chart::Span>& spans, double arrival) {
  std::ranges::sort(spans, {}, &chart::Span::from);
  std::vector<chart::Span> all;
  double since = arrival;
  for (const chart::Span& span : spans) {
    if (since < span.from) all.push_back({since, span.from, "", chart::Meaning::kWaiting});
    all.push_back(span);
    since = span.to;
  }
  spans = std::move(all);
}

/// Each process, up to a bound.
std::vector<chart::Lane> task_lanes(const CpuSchedule& schedule) {
  std::vector<chart::Lane> lanes(std::min(schedule.processes.size(), kMostLanes));
  const auto add = [&](const std::vector<CpuSchedule::Span>& spans, chart::Meaning meaning) {
    for (const CpuSchedule::Span& span : spans)
      if (span.process < lanes.size())
        lanes[span.process].spans.push_back({span.from, span.to, "", meaning});
  };
  add(schedule.cpu, chart::Meaning::kRunning);
  add(schedule.device, chart::Meaning::kDevice);
  for (std::size_t p = 0; p < lanes.size(); ++p) {
    const CpuSchedule::Process& process = schedule.processes[p];
    lanes[p].label = process.name;
    lanes[p].marks = {{process.arrival, false, "arrival"}};
    add_waiting(lanes[p].spans, process.arrival);
  }
  return lanes;
}

}  // namespace

double CpuSchedule::Process::cpu_time() const {
  double sum = 0;
  for (std::size_t i = 0; i < bursts.size(); i += 2) sum += bursts[i];
  return sum;
}

CpuSchedule::CpuSchedule(const Solved& solved) {
  Numbers numbers;
  for (const Json& row : solved.input()["processes"]) {
    Process process = process_of(row, solved.answer);
    numbers[process.name] = processes.size();
    processes.push_back(std::move(process));
  }
  cpu = spans_of(solved.answer, "gantt", numbers);
  device = spans_of(solved.answer, "io", numbers);
  const Json& parameters = solved.parameters();
  find_choices(parameters);
  is_estimated = number_of(parameters, "first").has_value();
  has_queue_each = cpus() > 1 && parameters.value("queues", "shared") == "per-cpu";
  low_first = parameters.value("priority_order", "low-first") == "low-first";
}

/// A span of the answer begins with the change from another process, and from another CPU; the
/// choice was made before these.
void CpuSchedule::find_choices(const Json& parameters) {
  const double context_switch = number_of(parameters, "context_switch").value_or(0);
  const double migration_cost = number_of(parameters, "migration_cost").value_or(0);
  std::vector<std::optional<std::size_t>> last_on(cpus());
  std::vector<std::optional<std::size_t>> ran_on(processes.size());
  for (Span& span : cpu) {
    const auto last = std::exchange(last_on[span.cpu], span.process);
    const auto before = std::exchange(ran_on[span.process], span.cpu);
    if (last && *last != span.process) span.chosen_at -= context_switch;
    if (before && *before != span.cpu) span.chosen_at -= migration_cost;
  }
}

std::size_t CpuSchedule::cpus() const {
  std::size_t count = 1;
  for (const Span& span : cpu) count = std::max(count, span.cpu + 1);
  return count;
}

chart::Timeline CpuSchedule::timeline() const {
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  timeline.resources = cpu_lanes(*this);
  for (chart::Lane& lane : device_lanes(*this)) timeline.resources.push_back(std::move(lane));
  timeline.tasks = task_lanes(*this);
  return timeline;
}

}  // namespace spindle::cli
