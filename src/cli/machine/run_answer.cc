#include "cli/machine/run_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/words.h"
#include "spindle/chart/arm_path.h"
#include "spindle/chart/memory_map.h"
#include "spindle/chart/page.h"
#include "spindle/chart/plot.h"
#include "spindle/chart/table.h"
#include "spindle/chart/timeline.h"
#include "spindle/machine/machine_signal.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostListed = 10'000;
constexpr std::size_t kMostProcesses = 50;

double ms(VirtualTime time) {
  return static_cast<double>(time.ns) / 1e6;
}

double rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

std::string in_thousandths(double value) {
  std::string text = fmt::format("{:.3f}", value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// The time for which the process had a CPU, without the switches to it.
VirtualTime burst_of(const ProcessRecord& record) {
  return record.cpu - record.switching;
}

VirtualTime waiting_of(const ProcessRecord& record) {
  return record.end - record.arrival - burst_of(record) - record.blocked;
}

std::string status_text(int status) {
  if ((status & 0x7F) == 0) return fmt::format("exit {}", status >> 8);
  return std::string(signal_name(status & 0x7F));
}

/// Adds their numbers to names that several processes have.
std::map<ProcessNumber, std::string> names_of(const ScenarioRun& run) {
  std::map<std::string, int> count;
  for (const ProcessRecord& record : run.machine->records()) ++count[record.name];
  std::map<ProcessNumber, std::string> names;
  for (const ProcessRecord& record : run.machine->records())
    names[record.id] =
        count[record.name] == 1 ? record.name : fmt::format("{}-{}", record.name, record.id);
  return names;
}

struct Means {
  double turnaround = 0, waiting = 0, response = 0;
  std::size_t count = 0;
  VirtualTime first_arrival{INT64_MAX};
  VirtualTime last_end;
};

Means means_of(const ScenarioRun& run) {
  Means means;
  for (const ProcessRecord& record : run.machine->records()) {
    means.first_arrival = std::min(means.first_arrival, record.arrival);
    if (!record.has_ended) continue;
    ++means.count;
    means.turnaround += ms(record.end - record.arrival);
    means.waiting += ms(waiting_of(record));
    means.response += record.has_run ? ms(record.first_run - record.arrival) : 0;
    means.last_end = std::max(means.last_end, record.end);
  }
  const double count = static_cast<double>(std::max<std::size_t>(means.count, 1));
  means.turnaround /= count;
  means.waiting /= count;
  means.response /= count;
  return means;
}

Json times_json(const CpuTimes& times) {
  return {{"user", ms(times.user)}, {"nice", ms(times.nice)},     {"system", ms(times.system)},
          {"idle", ms(times.idle)}, {"iowait", ms(times.iowait)}, {"irq", ms(times.irq)}};
}

Json processes_json(const ScenarioRun& run) {
  const auto names = names_of(run);
  Json processes = Json::array();
  for (const ProcessRecord& record : run.machine->records()) {
    if (processes.size() == kMostListed) break;
    Json row = {
        {"pid", record.id},      {"name", names.at(record.id)}, {"arrival", ms(record.arrival)},
        {"cpu", ms(record.cpu)}, {"ready", ms(record.ready)},   {"blocked", ms(record.blocked)}};
    if (record.has_run) row["response"] = ms(record.first_run - record.arrival);
    if (record.has_ended) {
      row["completion"] = ms(record.end);
      row["turnaround"] = ms(record.end - record.arrival);
      row["waiting"] = ms(waiting_of(record));
      row["status"] = status_text(record.wait_status);
    }
    processes.push_back(std::move(row));
  }
  return processes;
}

Json objects_json(const SystemSnapshot& system) {
  Json deadlocks = Json::array();
  for (const DeadlockSnapshot& deadlock : system.deadlocks) {
    Json row = {{"found", ms(deadlock.found)},
                {"threads", deadlock.threads},
                {"description", deadlock.description}};
    if (deadlock.victim != 0) row["victim"] = deadlock.victim;
    deadlocks.push_back(std::move(row));
  }
  return deadlocks;
}

Json memory_json(const MemoryTotals& memory) {
  return {{"faults", memory.faults},         {"major_faults", memory.major_faults},
          {"swapped_in", memory.swapped_in}, {"swapped_out", memory.swapped_out},
          {"total_bytes", memory.total},     {"free_bytes", memory.free}};
}

/// A line for each process that waits for ever, and why.
std::vector<std::string> stuck_lines(const ScenarioRun& run) {
  std::vector<std::string> lines;
  for (const ProcessNumber number : run.machine->processes()) {
    const auto process = run.machine->snapshot_process(number);
    if (!process.ok()) continue;
    for (const ThreadSnapshot& thread : process->threads)
      if (!thread.wait_channel.empty())
        lines.push_back(fmt::format("{} ({}) waits in {}{}{}", thread.id, thread.name,
                                    thread.wait_channel, thread.waits_for.empty() ? "" : " for ",
                                    thread.waits_for));
  }
  return lines;
}

/// Each span as [name, from, to, CPU], in ms.
Json gantt_json(const ScenarioRun& run) {
  Json list = Json::array();
  const auto names = names_of(run);
  for (const CpuSpan& span : run.spans) {
    if (list.size() == kMostListed) break;
    const auto known = names.find(span.thread);
    list.push_back(
        {known == names.end() ? span.name : known->second, ms(span.from), ms(span.to), span.cpu});
  }
  return list;
}

Json disks_json(const std::vector<DiskSnapshot>& disks) {
  Json list = Json::array();
  for (const DiskSnapshot& disk : disks)
    list.push_back({{"reads", disk.reads},
                    {"writes", disk.writes},
                    {"busy", ms(disk.busy)},
                    {"arm_distance", disk.arm_distance}});
  return list;
}

}  // namespace

Json run_json(const Scenario& scenario, const ScenarioRun& run, const std::string& name,
              const std::string& text) {
  const SystemSnapshot system = run.machine->snapshot_system();
  const Means means = means_of(run);
  VirtualTime busy;
  std::uint64_t preemptions = 0;
  Json cpus = Json::array();
  for (const CpuSnapshot& cpu : system.cpus) {
    busy += cpu.times.user + cpu.times.nice + cpu.times.system;
    preemptions += cpu.preemptions;
    cpus.push_back(times_json(cpu.times));
  }
  const double end = ms(means.last_end);
  const double capacity = end * static_cast<double>(system.cpus.size());
  return {{"scenario", name},
          {"text", text},
          {"seed", scenario.configuration.seed},
          {"policy", scenario.configuration.cpu_policy},
          {"time", ms(system.now)},
          {"is_stuck", run.is_stuck},
          {"avg_turnaround", rounded(means.turnaround)},
          {"avg_waiting", rounded(means.waiting)},
          {"avg_response", rounded(means.response)},
          {"makespan", end},
          {"utilization", capacity > 0 ? rounded(ms(busy) / capacity) : 0},
          {"throughput", end > 0 ? rounded(static_cast<double>(means.count) / end) : 0},
          {"switches", system.switches},
          {"preemptions", preemptions},
          {"instants", run.instants},
          {"processes", processes_json(run)},
          {"cpus", cpus},
          {"disks", disks_json(system.disks)},
          {"memory", memory_json(system.memory)},
          {"deadlocks", objects_json(system)},
          {"gantt", gantt_json(run)},
          {"gantt_pieces", run.all_spans},
          {"output", run.console}};
}

namespace {

chart::Timeline timeline_of(const Scenario& scenario, const ScenarioRun& run,
                            const std::string& title, std::size_t most) {
  const auto names = names_of(run);
  chart::Timeline timeline;
  timeline.title = title;
  timeline.time_label = "time (ms)";
  timeline.resources.resize(scenario.configuration.cpus);
  for (std::uint32_t cpu = 0; cpu < scenario.configuration.cpus; ++cpu)
    timeline.resources[cpu].label =
        scenario.configuration.cpus == 1 ? "CPU" : fmt::format("CPU {}", cpu);
  const std::size_t drawn = std::min(run.spans.size(), most);
  for (std::size_t i = 0; i < drawn; ++i) {
    const CpuSpan& span = run.spans[i];
    const auto known = names.find(span.thread);
    timeline.resources[span.cpu].spans.push_back({ms(span.from), ms(span.to),
                                                  known == names.end() ? span.name : known->second,
                                                  chart::Meaning::kRunning});
  }
  return timeline;
}

/// Adds a lane for each process: from its arrival to its end it runs or waits.
void add_tasks(const ScenarioRun& run, chart::Timeline& timeline) {
  const auto names = names_of(run);
  const auto& records = run.machine->records();
  const VirtualTime end = run.machine->now();
  for (std::size_t i = 0; i < std::min(records.size(), kMostProcesses); ++i) {
    const ProcessRecord& record = records[i];
    chart::Lane lane{names.at(record.id), {}, {{ms(record.arrival), false, "arrives"}}};
    double at = ms(record.arrival);
    for (const CpuSpan& span : run.spans) {
      if (span.thread != record.id) continue;
      if (at < ms(span.from))
        lane.spans.push_back({at, ms(span.from), "", chart::Meaning::kWaiting});
      lane.spans.push_back({ms(span.from), ms(span.to), "", chart::Meaning::kRunning});
      at = ms(span.to);
    }
    const double last = ms(record.has_ended ? record.end : end);
    if (at < last) lane.spans.push_back({at, last, "", chart::Meaning::kWaiting});
    timeline.tasks.push_back(std::move(lane));
  }
}

chart::Table process_table(const ScenarioRun& run) {
  const auto names = names_of(run);
  chart::Table table({"process", "arrival (ms)", "CPU time (ms)", "blocked (ms)", "completion (ms)",
                      "turnaround (ms)", "waiting (ms)", "response (ms)", "end"});
  const auto& records = run.machine->records();
  for (std::size_t i = 0; i < std::min(records.size(), kMostProcesses); ++i) {
    const ProcessRecord& record = records[i];
    const bool ended = record.has_ended;
    table.add_row({names.at(record.id), in_thousandths(ms(record.arrival)),
                   in_thousandths(ms(record.cpu)), in_thousandths(ms(record.blocked)),
                   ended ? in_thousandths(ms(record.end)) : "-",
                   ended ? in_thousandths(ms(record.end - record.arrival)) : "-",
                   ended ? in_thousandths(ms(waiting_of(record))) : "-",
                   record.has_run ? in_thousandths(ms(record.first_run - record.arrival)) : "-",
                   ended ? status_text(record.wait_status) : "lives"});
  }
  const Means means = means_of(run);
  table.set_last_row({"mean", "", "", "", "", in_thousandths(means.turnaround),
                      in_thousandths(means.waiting), in_thousandths(means.response), ""});
  return table;
}

chart::Table cpu_table(const SystemSnapshot& system) {
  chart::Table table({"CPU", "user (ms)", "nice (ms)", "system (ms)", "idle (ms)", "I/O wait (ms)",
                      "interrupts (ms)", "switches"});
  for (std::size_t cpu = 0; cpu < system.cpus.size(); ++cpu) {
    const CpuTimes& times = system.cpus[cpu].times;
    table.add_row({std::to_string(cpu), in_thousandths(ms(times.user)),
                   in_thousandths(ms(times.nice)), in_thousandths(ms(times.system)),
                   in_thousandths(ms(times.idle)), in_thousandths(ms(times.iowait)),
                   in_thousandths(ms(times.irq)), std::to_string(system.cpus[cpu].switches)});
  }
  return table;
}

std::string troubles(const ScenarioRun& run, const SystemSnapshot& system) {
  std::string text;
  for (const DeadlockSnapshot& deadlock : system.deadlocks) {
    text += fmt::format("deadlock at {} ms: {}\n", in_thousandths(ms(deadlock.found)),
                        deadlock.description);
    if (deadlock.victim != 0) text += fmt::format("  {} was killed\n", deadlock.victim);
  }
  if (!run.is_stuck) return text;
  text += "no thread can continue:\n";
  for (const std::string& line : stuck_lines(run)) text += "  " + line + "\n";
  return text;
}

}  // namespace

std::string run_text(const Scenario& scenario, const ScenarioRun& run,
                     const chart::TextStyle& style) {
  const SystemSnapshot system = run.machine->snapshot_system();
  std::string text;
  if (run.spans.size() <= kMostProcesses)
    text += chart::to_text(timeline_of(scenario, run, "", kMostProcesses), style) + "\n";
  else
    text += chart::overview_text(timeline_of(scenario, run, "", run.spans.size()), style) + "\n";
  if (run.spans.size() < run.all_spans)
    text +=
        fmt::format("The chart ends after {} of {} pieces.\n\n", run.spans.size(), run.all_spans);
  text += process_table(run).text(style, "--json");
  if (run.machine->records().size() > kMostProcesses)
    text += fmt::format("and {} more processes\n", run.machine->records().size() - kMostProcesses);
  text += "\n" + cpu_table(system).text(style, "--json");
  if (const std::string trouble = troubles(run, system); !trouble.empty()) text += "\n" + trouble;
  if (!run.console.empty()) text += "\nwhat the programs printed:\n" + run.console;
  return text;
}

std::string run_svg(const Scenario& scenario, const ScenarioRun& run, const std::string& title) {
  chart::Timeline timeline = timeline_of(scenario, run, title, run.spans.size());
  add_tasks(run, timeline);
  return chart::to_svg(timeline);
}

namespace {

using ValueOf = double (*)(const RunSample&);

/// One quantity over time, with its unit.
chart::Plot curve(const ScenarioRun& run, const std::string& label, double top,
                  const std::vector<std::pair<std::string, ValueOf>>& lines) {
  chart::Plot plot;
  plot.title = label;
  plot.x_label = "time (ms)";
  plot.y_top = top;
  plot.counts_up = true;
  for (const auto& [name, value_of] : lines) {
    chart::Plot::Line line;
    line.label = name;
    for (const RunSample& sample : run.samples)
      line.points.push_back({ms(sample.at), value_of(sample)});
    plot.lines.push_back(std::move(line));
  }
  return plot;
}

/// The curves over time; quantities of different units have axes of their own.
std::vector<chart::Plot> curves_of(const ScenarioRun& run) {
  const ValueOf use = [](const RunSample& sample) { return 100 * sample.cpu_use; };
  const ValueOf runnable = [](const RunSample& sample) {
    return static_cast<double>(sample.runnable);
  };
  const ValueOf faults = [](const RunSample& sample) { return static_cast<double>(sample.faults); };
  const ValueOf major = [](const RunSample& sample) {
    return static_cast<double>(sample.major_faults);
  };
  const ValueOf free_kib = [](const RunSample& sample) {
    return static_cast<double>(sample.free_bytes) / 1024;
  };
  return {
      curve(run, "CPU use (%)", 100, {{"CPU use", use}}),
      curve(run, "runnable processes", 1, {{"runnable", runnable}}),
      curve(run, "page faults since the point before", 1, {{"all", faults}, {"major", major}}),
      curve(run, "free memory (KiB)", 1, {{"free", free_kib}}),
  };
}

chart::ArmPath arm_path_of(const ScenarioRun& run) {
  constexpr std::size_t kMostMoves = 100;
  using Kind = chart::ArmPath::Kind;
  const std::vector<ArmMove>& moves = run.machine->arm_moves();
  const std::size_t first = moves.size() - std::min(moves.size(), kMostMoves);
  const std::uint64_t all = run.machine->snapshot_system().disks[0].arm_distance;
  chart::ArmPath path;
  path.title =
      moves.empty()
          ? "the arm, which served no request"
          : fmt::format("the arm, which moved over {} {} in all{}", all,
                        all == 1 ? "cylinder" : "cylinders",
                        first == 0 ? "" : fmt::format("; the last {} requests", kMostMoves));
  for (std::size_t i = first; i < moves.size(); ++i) {
    const ArmMove& move = moves[i];
    if (i == first) path.stops.push_back({move.from.value, Kind::kStart});
    for (const Cylinder turn : move.by_way_of) path.stops.push_back({turn.value, Kind::kTurn});
    path.stops.push_back({move.to.value, Kind::kServed});
  }
  for (const auto& stop : path.stops) path.cylinders = std::max(path.cylinders, stop.cylinder + 1);
  return path;
}

chart::MemoryMap memory_map_of(const ScenarioRun& run) {
  constexpr std::uint64_t kKiB = 1024;
  chart::MemoryMap map;
  map.title = fmt::format("memory at {} ms", in_thousandths(ms(run.fullest_at)));
  map.unit = "KiB";
  for (const MemoryPiece& piece : run.fullest) {
    const bool is_free = piece.use == FrameUse::kFree;
    const bool is_table = piece.use == FrameUse::kTable;
    const std::string use(name_of(piece.use));
    map.parts.push_back({piece.from / kKiB, (piece.bytes + kKiB - 1) / kKiB,
                         piece.owner.empty() ? use : piece.owner + " " + use,
                         is_free    ? chart::Meaning::kFree
                         : is_table ? chart::Meaning::kOverhead
                                    : chart::Meaning::kRunning});
  }
  return map;
}

}  // namespace

std::string curves_svg(const ScenarioRun& run, const std::string& title) {
  chart::Page page(title);
  for (const chart::Plot& plot : curves_of(run)) page.add_picture(chart::to_svg(plot));
  return page.svg();
}

std::string curves_text(const ScenarioRun& run, const chart::TextStyle& style) {
  std::string text;
  for (const chart::Plot& plot : curves_of(run))
    text += "\n" + plot.title + "\n" + chart::to_text(plot, style);
  return text;
}

std::string arm_svg(const ScenarioRun& run) {
  return chart::to_svg(arm_path_of(run));
}

std::string arm_text(const ScenarioRun& run, const chart::TextStyle& style) {
  const chart::ArmPath path = arm_path_of(run);
  return "\n" + path.title + "\n" + chart::to_text(path, style);
}

std::string memory_svg(const ScenarioRun& run) {
  return chart::to_svg(memory_map_of(run));
}

std::string memory_text(const ScenarioRun& run, const chart::TextStyle& style) {
  const chart::MemoryMap map = memory_map_of(run);
  return "\n" + map.title + "\n" + chart::to_text(map, style);
}

std::string comparison_text(const std::vector<PolicyResult>& results,
                            const chart::TextStyle& style) {
  chart::Table table({"policy", "turnaround (ms)", "waiting (ms)", "response (ms)", "makespan (ms)",
                      "CPU in use (%)", "switches", "preemptions"});
  for (const PolicyResult& result : results) {
    const auto number = [&](const char* key) { return result.answer[key].get<double>(); };
    table.add_row({result.policy, in_thousandths(number("avg_turnaround")),
                   in_thousandths(number("avg_waiting")), in_thousandths(number("avg_response")),
                   in_thousandths(number("makespan")), in_thousandths(100 * number("utilization")),
                   in_thousandths(number("switches")), in_thousandths(number("preemptions"))});
  }
  return table.text(style, "--json");
}

}  // namespace spindle::cli
