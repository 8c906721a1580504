#include "cli/face/cpu_schedule.h"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

double CpuSchedule::Process::cpu_time() const {
  double sum = 0;
  for (std::size_t i = 0; i < bursts.size(); i += 2) sum += bursts[i];
  return sum;
}

bool CpuSchedule::Process::may_run_on(std::size_t number) const {
  return bound_to.empty() || std::ranges::find(bound_to, number) != bound_to.end();
}

CpuSchedule::CpuSchedule(const Solved& solved) {
  Numbers numbers;
  const Json affinity = solved.input().value("affinity", Json::object());
  for (const Json& row : solved.input()["processes"]) {
    Process process;
    process.name = row[0].get<std::string>();
    process.arrival = as_number(row[1]);
    if (row[2].is_array())
      for (const Json& burst : row[2]) process.bursts.push_back(as_number(burst));
    else
      process.bursts.push_back(as_number(row[2]));
    process.has_priority = row.size() > 3;
    if (process.has_priority) process.priority = as_number(row[3]);
    if (const auto bound = affinity.find(process.name); bound != affinity.end())
      for (const Json& number : *bound)
        process.bound_to.push_back(static_cast<std::size_t>(as_number(number)));
    process.completion = of_process(solved.answer, "completion", process.name);
    process.turnaround = of_process(solved.answer, "turnaround", process.name);
    process.waiting = of_process(solved.answer, "waiting", process.name);
    process.response = of_process(solved.answer, "response", process.name);
    numbers[process.name] = processes.size();
    processes.push_back(std::move(process));
  }
  cpu = spans_of(solved.answer, "gantt", numbers);
  device = spans_of(solved.answer, "io", numbers);
  const Json& parameters = solved.parameters();
  find_choices(parameters);
  if (const auto first = number_of(parameters, "first"))
    estimate = {.alpha = number_of(parameters, "alpha").value_or(0.5), .first = *first};
  has_queue_each = cpus() > 1 && parameters.value("queues", "shared") == "per-cpu";
  low_first = parameters.value("priority_order", "low-first") == "low-first";
}

/// A process begins with a change of process if another had the CPU before, and with one of CPU if
/// it ran elsewhere before.
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
  using chart::Meaning;
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  for (std::size_t c = 0; c < cpus(); ++c)
    timeline.resources.push_back({cpus() == 1 ? "CPU" : fmt::format("CPU {}", c), {}, {}});
  std::vector<chart::Lane> tasks;
  const std::size_t shown_lanes = std::min(processes.size(), kMostLanes);
  for (std::size_t p = 0; p < shown_lanes; ++p) tasks.push_back({processes[p].name, {}, {}});
  const auto add = [&](const Span& span, Meaning meaning) {
    if (span.process < shown_lanes)
      tasks[span.process].spans.push_back({span.from, span.to, "", meaning});
  };
  for (const Span& span : cpu) {
    chart::Lane& lane = timeline.resources[span.cpu];
    if (span.chosen_at < span.from)
      lane.spans.push_back({span.chosen_at, span.from, "", Meaning::kOverhead});
    lane.spans.push_back({span.from, span.to, processes[span.process].name, Meaning::kRunning});
    add(span, Meaning::kRunning);
  }
  std::vector<chart::Lane> devices;
  for (const Span& span : device) {
    const auto is_free = [&](const chart::Lane& d) { return d.spans.back().to <= span.from; };
    auto at = std::ranges::find_if(devices, is_free);
    if (at == devices.end()) at = devices.insert(at, chart::Lane{"I/O", {}, {}});
    at->spans.push_back({span.from, span.to, processes[span.process].name, Meaning::kDevice});
    add(span, Meaning::kDevice);
  }
  for (chart::Lane& d : devices) timeline.resources.push_back(std::move(d));
  for (std::size_t p = 0; p < shown_lanes; ++p) {
    std::ranges::sort(tasks[p].spans, {}, &chart::Span::from);
    std::vector<chart::Span> all;
    double since = processes[p].arrival;
    for (const chart::Span& span : tasks[p].spans) {
      if (since < span.from) all.push_back({since, span.from, "", Meaning::kWaiting});
      all.push_back(span);
      since = span.to;
    }
    tasks[p].spans = std::move(all);
    tasks[p].marks = {{processes[p].arrival, false, "arrival"}};
  }
  timeline.tasks = std::move(tasks);
  return timeline;
}

}  // namespace spindle::cli
