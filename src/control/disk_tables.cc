#include "spindle/control/disk_tables.h"

#include <algorithm>

#include "spindle/base/clock.h"

namespace spindle {
namespace {

double milliseconds(std::int64_t ns) {
  return static_cast<double>(ns) / kNsPerMs;
}

/// "199,0": where the arm turned on its way; "-" if it did not.
std::string turns_text(const TurningPoints& turns) {
  std::string text;
  for (const Cylinder turn : turns) text += (text.empty() ? "" : ",") + std::to_string(turn.value);
  return text.empty() ? "-" : text;
}

/// The counters that are not 0, under their limits.
FactTable counters_table(const DecadeHistogram& histogram, const char* limit, const char* what) {
  FactTable table({limit, what});
  for (std::size_t i = 0; i < DecadeHistogram::kCounters; ++i) {
    if (histogram.counter(i) == 0) continue;
    table.add_row({DecadeHistogram::limit(i), histogram.counter(i)});
  }
  return table;
}

}  // namespace

std::vector<Fact> disk_facts(const DiskStatistics& s) {
  const auto ns = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  return {
      {"requests", s.requests()},
      {"read_requests", s.requests(IoRequest::Kind::kRead)},
      {"write_requests", s.requests(IoRequest::Kind::kWrite)},
      {"read_blocks", s.blocks(IoRequest::Kind::kRead)},
      {"written_blocks", s.blocks(IoRequest::Kind::kWrite)},
      {"merged_requests", s.merged},
      {"flushes", s.flushes},
      {"discards", s.discards},
      {"errors", s.errors},
      {"arm_movement_cylinders", s.arm_distance},
      {"arm_moves", s.arm_moves},
      {"seek_time_ns", ns(s.seek_ns)},
      {"rotation_time_ns", ns(s.rotation_ns)},
      {"transfer_time_ns", ns(s.transfer_ns)},
      {"busy_time_ns", ns(s.busy_ns())},
      {"mean_queue_depth", s.mean_depth()},
      {"longest_queue", s.depth_max},
      {"mean_response_ns", ns(s.responses.mean_ns())},
      {"p50_response_ns", ns(s.responses.percentile_ns(50))},
      {"p90_response_ns", ns(s.responses.percentile_ns(90))},
      {"p99_response_ns", ns(s.responses.percentile_ns(99))},
      {"longest_response_ns", ns(s.responses.longest_ns())},
  };
}

std::vector<Fact> geometry_facts(const DiskModel& model) {
  return {
      {"disk", std::string(model.name)},
      {"cylinders", model.geometry.cylinders()},
      {"heads", model.geometry.heads()},
      {"blocks_per_track", model.geometry.blocks_per_track()},
      {"blocks_per_cylinder", model.geometry.blocks_per_cylinder()},
      {"rotation_period_ns", static_cast<std::uint64_t>(model.rotation_period_ns())},
      {"block_time_ns", static_cast<std::uint64_t>(model.block_time_ns)},
  };
}

FactTable response_table(const DiskStatistics& statistics) {
  return counters_table(statistics.response_counts, "up_to_ns", "requests");
}

FactTable distance_table(const DiskStatistics& statistics) {
  return counters_table(statistics.distances, "up_to_cylinders", "services");
}

FactTable arms_table(const ArmWhatIf& what_if) {
  FactTable table({"policy", "in_use", "requests", "arm_movement_cylinders", "arm_moves", "seek_ms",
                   "rotation_ms", "transfer_ms", "total_ms", "mean_response_ms",
                   "longest_response_ms"});
  std::vector<ArmWhatIf::Row> rows;
  for (std::size_t row = 0; row < what_if.rows().size(); ++row)
    if (!what_if.misbehaved(row)) rows.push_back(what_if.rows()[row]);
  std::ranges::stable_sort(rows, {}, &ArmWhatIf::Row::busy_ns);
  for (const ArmWhatIf::Row& row : rows) {
    table.add_row({std::string(row.policy), row.in_use, row.requests, row.arm_distance,
                   row.arm_moves, milliseconds(row.seek_ns), milliseconds(row.rotation_ns),
                   milliseconds(row.transfer_ns), milliseconds(row.busy_ns()),
                   milliseconds(row.mean_response_ns()), milliseconds(row.longest_response_ns)});
  }
  return table;
}

FactTable shadow_moves_table(const ArmWhatIf& what_if) {
  FactTable table(
      {"policy", "number", "from", "by_way_of", "to", "end", "begin_ms", "seek_ms", "total_ms"});
  for (std::size_t row = 0; row < what_if.rows().size(); ++row) {
    if (what_if.misbehaved(row)) continue;
    for (const ArmWhatIf::Stop& stop : what_if.stops(row)) {
      table.add_row({std::string(what_if.rows()[row].policy), stop.number, stop.from.value,
                     turns_text(stop.by_way_of), stop.to.value, stop.end.value,
                     milliseconds(stop.begin.ns), milliseconds(stop.seek_ns),
                     milliseconds(stop.total_ns)});
    }
  }
  return table;
}

FactTable moves_table(const ArmTrace& moves) {
  FactTable table({"number", "policy", "kind", "block", "blocks", "from", "by_way_of", "to", "end",
                   "cylinders", "seek_ms", "rotation_ms", "transfer_ms", "begin_ms", "response_ms",
                   "queue"});
  moves.for_each([&table](const ArmTrace::Entry& entry) {
    const Service& service = entry.service;
    table.add_row({entry.number, std::string(entry.policy),
                   std::string(service.is_write ? "write" : "read"), service.run.start.value,
                   service.run.length, service.from.value, turns_text(service.by_way_of),
                   service.to.value, service.end.value, service.distance,
                   milliseconds(service.seek_ns), milliseconds(service.rotation_ns),
                   milliseconds(service.transfer_ns), milliseconds(service.begin.ns),
                   milliseconds(service.response_ns()), std::uint64_t{service.depth}});
  });
  return table;
}

FactTable history_table(const ArmHistory& history) {
  FactTable table({"services", "cylinders", "lowest", "highest", "end", "begin_ms", "finish_ms"});
  for (const ArmHistory::Stretch& stretch : history.stretches()) {
    table.add_row({stretch.services, stretch.distance, stretch.lowest.value, stretch.highest.value,
                   stretch.end.value, milliseconds(stretch.begin.ns),
                   milliseconds(stretch.finish.ns)});
  }
  return table;
}

FactTable hits_table(const HitHistory& history) {
  FactTable table({"end_ms", "reads", "hits"});
  const auto add = [&table](const HitHistory::Stretch& stretch) {
    table.add_row({milliseconds(stretch.end_ns), stretch.reads, stretch.hits});
  };
  for (const HitHistory::Stretch& stretch : history.stretches()) add(stretch);
  if (const HitHistory::Stretch rest = history.rest(); rest.reads != 0) add(rest);
  return table;
}

}  // namespace spindle
