#include "spindle/control/activity_file.h"

#include <algorithm>

#include "control/file_kinds.h"
#include "control/folders.h"
#include "spindle/alloc/space_map.h"
#include "spindle/base/cells.h"
#include "spindle/base/clock.h"
#include "spindle/base/json_text.h"
#include "spindle/control/disk_tables.h"
#include "spindle/json/json.h"

namespace spindle {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostWaiting = 256;
constexpr std::size_t kMostMoves = 64;

Json waiting_json(const Drive& drive) {
  Json waiting = Json::array();
  for (const ArmRequest& request :
       drive.queue().first(std::min(drive.queue().size(), kMostWaiting)))
    waiting.push_back({{"cylinder", request.cylinder.value}, {"write", request.is_write}});
  return waiting;
}

Json moves_json(const ArmTrace& trace) {
  Json moves = Json::array();
  for (std::size_t i = trace.size() - std::min(trace.size(), kMostMoves); i < trace.size(); ++i) {
    const ArmTrace::Entry& entry = trace.at(i);
    moves.push_back({{"number", entry.number},
                     {"from", entry.service.from.value},
                     {"to", entry.service.to.value},
                     {"end", entry.service.end.value},
                     {"write", entry.service.is_write},
                     {"total_ns", entry.service.total_ns()}});
  }
  return moves;
}

Json arm_json(const SimulatedDisk& disk, const ArmTrace& moves) {
  const Drive& drive = disk.drive();
  return {{"policy", disk.arm_policy()},
          {"model", disk.disk()},
          {"pace", disk.pace()},
          {"cylinders", drive.model().geometry.cylinders()},
          {"cylinder", drive.arm().at.value},
          {"moving_up", drive.arm().moving_up},
          {"virtual_time_ns", drive.now().ns},
          {"queue", drive.queue().size()},
          {"waiting", waiting_json(drive)},
          {"moves", moves_json(moves)}};
}

void add_blocks(std::vector<std::uint64_t>& cells, Run run, std::uint64_t blocks_per_cell) {
  for_each_cell(run, blocks_per_cell,
                [&](std::uint64_t cell, std::uint64_t blocks) { cells[cell] += blocks; });
}

Json map_json(FileSystem& volume, const BlockActivity& activity) {
  const format::Layout& layout = volume.layout();
  const std::uint64_t per_cell = activity.blocks_per_cell();
  const std::size_t cells = activity.read_blocks().size();
  std::vector<std::uint64_t> journal(cells);
  std::vector<std::uint64_t> data(cells);
  add_blocks(journal, layout.journal, per_cell);
  for (std::uint64_t g = 0; g < layout.group_count; ++g)
    add_blocks(data, layout.data(GroupNo{g}), per_cell);
  return {{"block_count", layout.block_count},
          {"blocks_per_cell", per_cell},
          {"journal", journal},
          {"data", data},
          {"in_files", blocks_in_files(volume.cache(), layout, per_cell)},
          {"read", activity.read_blocks()},
          {"written", activity.written_blocks()}};
}

/// Paths only for readers that may know them; others see the numbers.
Json files_json(Tree& volume, const BusyFiles* files, bool with_paths) {
  Json list = Json::array();
  if (files == nullptr) return list;
  for (const BusyFiles::File& file : files->rows()) {
    list.push_back({{"inode", file.node},
                    {"entered", file.entered},
                    {"path", with_paths ? volume.path(file.node) : std::string()},
                    {"requests", file.requests},
                    {"read_bytes", file.read_bytes},
                    {"written_bytes", file.written_bytes}});
  }
  return list;
}

Json operations_json(const RequestStatistics* statistics) {
  Json list = Json::array();
  if (statistics == nullptr) return list;
  for (const RequestStatistics::Row* row : statistics->rows()) {
    Json times = Json::array();
    for (std::size_t i = 0; i < TimeHistogram::kCounters; ++i) {
      const std::uint64_t count = row->latency.counter(i);
      if (count != 0) times.push_back({TimeHistogram::upper_bound_ns(i), count});
    }
    list.push_back({{"operation", row->name},
                    {"count", row->latency.count()},
                    {"errors", row->errors},
                    {"longest_ns", row->latency.longest_ns()},
                    {"up_to_ns", std::move(times)}});
  }
  return list;
}

std::string activity_text(const VolumeParts& parts, const Caller& caller) {
  FileSystem& volume = parts.volume;
  Session* session = parts.session();
  Json cache = facts_object(control::cache_facts(volume.cache()));
  cache["policy"] = volume.cache().policy();
  const Json activity = {
      {"at_ns", monotonic_ns()},
      {"volume", facts_object(control::volume_facts(volume, parts.image))},
      {"cache", std::move(cache)},
      {"disk", facts_object(disk_facts(parts.disk.statistics()))},
      {"journal", facts_object(control::journal_facts(volume.journal()))},
      {"arm", arm_json(parts.disk, parts.what_if.moves())},
      {"map", map_json(volume, parts.disk.activity())},
      {"files", files_json(parts.recorded, session == nullptr ? nullptr : &session->busy_files(),
                           control::is_master(caller))},
      {"operations", operations_json(session == nullptr ? nullptr : &session->statistics())},
  };
  // A name on the disk may contain any bytes.
  return json_text(activity, kOneLine) + "\n";
}

}  // namespace

void add_activity_file(ControlTree& tree, const VolumeParts& parts) {
  tree.add_file("activity.json", {.read_for = [parts](const Caller& caller) -> Result<std::string> {
                  return activity_text(parts, caller);
                }});
}

}  // namespace spindle
