// `spindle disk --trace`.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "cli/face/traces.h"
#include "spindle/base/json_text.h"
#include "spindle/disk/disk_model.h"
#include "spindle/trace/disk_replay.h"
#include "spindle/trace/disk_trace.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostDevices = 1000;
constexpr std::uint64_t kAlignment = 4096;
constexpr std::uint64_t kLargestDisk = std::uint64_t{1} << 62;

DiskReplay::Plan disk_plan_of(const FaceRequest& request, Complaint& complaint) {
  DiskReplay::Plan plan;
  plan.policies = chosen_policies(request, PolicyKind::kArm, {}, "fcfs", complaint);
  const auto disk = request.values.find("disk");
  if (disk != request.values.end()) plan.disk = disk->second;
  std::vector<std::string> disks;
  for (std::string_view name : disk_preset_names()) disks.emplace_back(name);
  if (std::ranges::find(disks, plan.disk) == disks.end())
    complaint.make_unknown("--disk", plan.disk, listed(disks));
  plan.cylinders = trace_numbers(request, "cylinders", "100000", 1, 1e12, complaint).front();
  plan.depth = trace_numbers(request, "depth", "32", 1, DiskReplay::kMostDepth, complaint).front();
  refuse_others(request, {"disk", "cylinders", "depth"}, complaint);
  return plan;
}

std::string in_ms(std::int64_t ns, std::uint64_t of = 1) {
  return fmt::format("{:.3f}", static_cast<double>(ns) / 1e6 /
                                   static_cast<double>(std::max<std::uint64_t>(of, 1)));
}

bool is_timed(const DiskReplay::Plan& plan) {
  return plan.disk != "none";
}

chart::Table table_of(const std::vector<DiskReplay::Row>& rows, const DiskReplay::Plan& plan) {
  std::vector<std::string> titles = {"policy", "movement (cylinders)", "a request",
                                     "most passed by"};
  if (is_timed(plan))
    for (const char* title : {"busy (ms)", "seek (ms)", "rotation (ms)", "transfer (ms)",
                              "mean response (ms)", "longest response (ms)"})
      titles.emplace_back(title);
  titles.emplace_back("speed (million requests/s)");
  chart::Table table(titles);
  for (const DiskReplay::Row& row : rows) {
    const double mean = static_cast<double>(row.movement) /
                        static_cast<double>(std::max<std::uint64_t>(row.requests, 1));
    std::vector<std::string> cells = {row.policy, std::to_string(row.movement), shown(mean),
                                      std::to_string(row.most_passed_by)};
    if (is_timed(plan))
      for (const std::string& cell :
           {in_ms(row.busy_ns()), in_ms(row.seek_ns), in_ms(row.rotation_ns),
            in_ms(row.transfer_ns), in_ms(row.response_sum_ns, row.requests),
            in_ms(row.longest_response_ns)})
        cells.push_back(cell);
    cells.push_back(rate_text(row.requests, row.cpu_ns));
    table.add_row(cells);
  }
  return table;
}

Json json_of(const std::vector<DiskReplay::Row>& rows, const TraceLayout& layout,
             const DiskReplay::Plan& plan, std::string_view format) {
  Json json = {{"format", format},
               {"requests", layout.requests},
               {"devices", layout.start_of.size()},
               {"bytes", layout.bytes},
               {"disk", plan.disk},
               {"depth", plan.depth},
               {"policies", Json::array()}};
  for (const DiskReplay::Row& row : rows)
    json["policies"].push_back({{"policy", row.policy},
                                {"requests", row.requests},
                                {"movement", row.movement},
                                {"most_passed_by", row.most_passed_by},
                                {"seek_ns", row.seek_ns},
                                {"rotation_ns", row.rotation_ns},
                                {"transfer_ns", row.transfer_ns},
                                {"response_sum_ns", row.response_sum_ns},
                                {"longest_response_ns", row.longest_response_ns},
                                {"cpu_ns", row.cpu_ns}});
  return json;
}

chart::Bars bars_of(const std::vector<DiskReplay::Row>& rows, const DiskReplay::Plan& plan) {
  chart::Bars bars;
  const bool timed = is_timed(plan);
  bars.title = timed ? fmt::format("Time that the disk is busy, {}, {} requests waiting", plan.disk,
                                   plan.depth)
                     : fmt::format("Movement of the arm, {} requests waiting", plan.depth);
  bars.axis_label = timed ? "busy (s)" : "movement (cylinders)";
  for (const DiskReplay::Row& row : rows)
    bars.bars.push_back({row.policy, timed ? static_cast<double>(row.busy_ns()) / 1e9
                                           : static_cast<double>(row.movement)});
  return bars;
}

}  // namespace

TraceLayout lay_out(DiskTrace& trace, const std::string& file, Progress& progress,
                    Complaint& complaint) {
  TraceLayout layout;
  std::map<std::uint64_t, std::uint64_t> ends;
  read_all(trace, file, complaint, [&](std::span<const TracedRequest> requests) {
    std::uint64_t last = ~requests.front().device;
    std::uint64_t* end = nullptr;
    for (const TracedRequest& request : requests) {
      if (end == nullptr || request.device != last) end = &ends[last = request.device];
      *end = std::max(*end, request.start + request.length);
    }
    if (ends.size() > kMostDevices) complaint.make("--trace: there are more than 1000 devices");
    layout.requests += requests.size();
    progress.at(trace.bytes_done());
  });
  for (const auto& [device, end] : ends) {
    layout.start_of[device] = layout.bytes;
    layout.bytes += (end + kAlignment - 1) / kAlignment * kAlignment;
    if (layout.bytes > kLargestDisk) complaint.make("--trace: the devices are too large together");
  }
  return layout;
}

namespace {

std::optional<DiskFormat> read_format(const FaceRequest& request, Complaint& complaint) {
  if (request.format.empty()) return std::nullopt;
  const auto named = disk_format_of(request.format);
  if (named.ok()) return *named;
  complaint.make_unknown("--format", request.format,
                         fmt::format("{}", fmt::join(disk_format_names(), ", ")));
  return std::nullopt;
}

/// The result of the replay, the best policy first.
struct Replayed {
  TraceLayout layout;
  std::vector<DiskReplay::Row> rows;
};

/// Reads the trace twice: once to see how large its disks are, and once to serve it.
Replayed replay(DiskTrace& trace, const std::string& name, DiskReplay::Plan& plan,
                Complaint& complaint) {
  Progress progress(2 * trace.bytes());
  Replayed replayed{lay_out(trace, name, progress, complaint), {}};
  TraceLayout& layout = replayed.layout;
  if (!complaint.made() && layout.requests == 0)
    complaint.make("--trace: there is no request in " + name);
  if (complaint.made()) return replayed;
  plan.bytes = layout.bytes;
  auto replay = DiskReplay::make(plan);
  if (!replay.ok()) {
    complaint.make(std::string("--trace: ") + replay.error().what);
    return replayed;
  }
  trace.rewind();
  read_all(trace, name, complaint, [&](std::span<TracedRequest> requests) {
    for (TracedRequest& one : requests) one.start += layout.start_of[one.device];
    replay->serve(requests);
    progress.at(trace.bytes() + trace.bytes_done());
  });
  replayed.rows = replay->finish();
  std::ranges::stable_sort(replayed.rows, [](const DiskReplay::Row& a, const DiskReplay::Row& b) {
    return std::pair(a.busy_ns(), a.movement) < std::pair(b.busy_ns(), b.movement);
  });
  return replayed;
}

}  // namespace

void replay_disks(const FaceRequest& request, Complaint& complaint) {
  DiskReplay::Plan plan = disk_plan_of(request, complaint);
  if (!request.words.empty() || !request.recipe.empty())
    complaint.make("--trace: the requests come only from the trace");
  const std::optional<DiskFormat> format = read_format(request, complaint);
  if (complaint.made()) return;
  auto trace = DiskTrace::open(request.trace, format);
  if (!trace.ok()) return complain_of(request.trace, trace.error(), complaint);
  const auto [layout, rows] = replay(*trace, request.trace, plan, complaint);
  if (complaint.made()) return;
  if (!request.svg.empty()) write_svg(request, to_svg(bars_of(rows, plan)), complaint);
  if (complaint.made()) return;
  const std::string_view name = disk_format_names()[static_cast<std::size_t>(trace->format())];
  if (request.json) return fmt::print("{}\n", json_text(json_of(rows, layout, plan, name), 2));
  if (request.csv) return fmt::print("{}", table_of(rows, plan).csv());
  fmt::print("{} ({}): {} requests to {} device{}, {} bytes in all; {} wait at a time\n\n{}",
             request.trace, name, grouped(layout.requests), layout.start_of.size(),
             layout.start_of.size() == 1 ? "" : "s", grouped(layout.bytes), plan.depth,
             table_of(rows, plan).text(chart::terminal_style(STDOUT_FILENO)));
}

}  // namespace spindle::cli
