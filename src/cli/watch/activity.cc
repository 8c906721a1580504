#include "cli/watch/activity.h"

#include <algorithm>
#include <cmath>

namespace spindle::cli {
namespace {

using Counts = std::map<std::string, std::uint64_t>;
using Cells = std::vector<std::uint64_t>;

Counts counts_of(const Json& facts) {
  Counts counts;
  for (const auto& [name, value] : facts.items())
    if (value.is_number_unsigned()) counts[name] = value.get<std::uint64_t>();
  return counts;
}

ArmNow arm_of(const Json& json) {
  ArmNow arm;
  arm.policy = json.at("policy").get<std::string>();
  arm.model = json.at("model").get<std::string>();
  arm.cylinders = std::max<std::uint64_t>(1, json.at("cylinders").get<std::uint64_t>());
  arm.cylinder = json.at("cylinder").get<std::uint64_t>();
  arm.moving_up = json.at("moving_up").get<bool>();
  arm.queue = json.at("queue").get<std::uint64_t>();
  for (const Json& one : json.at("waiting"))
    arm.waiting.push_back({one.at("cylinder").get<std::uint64_t>(), one.at("write").get<bool>()});
  for (const Json& one : json.at("moves"))
    arm.moves.push_back({one.at("number").get<std::uint64_t>(), one.at("from").get<std::uint64_t>(),
                         one.at("to").get<std::uint64_t>(), one.at("end").get<std::uint64_t>(),
                         one.at("write").get<bool>()});
  return arm;
}

CellsNow cells_of(const Json& json) {
  CellsNow cells;
  cells.block_count = json.at("block_count").get<std::uint64_t>();
  cells.blocks_per_cell =
      std::max<std::uint64_t>(1, json.at("blocks_per_cell").get<std::uint64_t>());
  const auto count = json.at("written").size();
  for (const auto& [name, member] : {std::pair{"journal", &cells.journal},
                                     {"data", &cells.data},
                                     {"in_files", &cells.in_files},
                                     {"read", &cells.read},
                                     {"written", &cells.written}}) {
    *member = json.at(name).get<Cells>();
    member->resize(count);
  }
  return cells;
}

BusyFile file_of(const Json& json) {
  BusyFile file;
  file.inode = json.at("inode").get<std::uint64_t>();
  file.entered = json.at("entered").get<std::uint64_t>();
  file.path = json.at("path").get<std::string>();
  file.requests = json.at("requests").get<std::uint64_t>();
  file.read_bytes = json.at("read_bytes").get<std::uint64_t>();
  file.written_bytes = json.at("written_bytes").get<std::uint64_t>();
  return file;
}

OperationTimes operation_of(const Json& json) {
  OperationTimes operation;
  operation.name = json.at("operation").get<std::string>();
  operation.count = json.at("count").get<std::uint64_t>();
  operation.errors = json.at("errors").get<std::uint64_t>();
  for (const Json& pair : json.at("up_to_ns"))
    operation.up_to_ns[pair.at(0).get<std::int64_t>()] = pair.at(1).get<std::uint64_t>();
  return operation;
}

std::uint64_t since(std::uint64_t before, std::uint64_t now) {
  return now < before ? now : now - before;
}

Counts since(const Counts& before, const Counts& now) {
  Counts counts = now;
  for (auto& [name, count] : counts)
    if (const auto found = before.find(name); found != before.end())
      count = since(found->second, count);
  return counts;
}

Cells since(const Cells& before, const Cells& now) {
  Cells cells = now;
  if (before.size() != now.size()) return cells;
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = since(before[i], now[i]);
  return cells;
}

OperationTimes since(const OperationTimes& before, OperationTimes now) {
  if (now.count < before.count) return now;
  now.count -= before.count;
  now.errors = since(before.errors, now.errors);
  for (const auto& [up_to_ns, count] : before.up_to_ns) {
    const auto found = now.up_to_ns.find(up_to_ns);
    if (found == now.up_to_ns.end()) continue;
    found->second = since(count, found->second);
    if (found->second == 0) now.up_to_ns.erase(found);
  }
  return now;
}

/// What has happened to a busy file since; a file that left the table in between counts anew.
BusyFile since(const BusyFile& before, BusyFile now) {
  if (before.entered != now.entered || now.requests < before.requests) return now;
  now.requests -= before.requests;
  now.read_bytes -= before.read_bytes;
  now.written_bytes -= before.written_bytes;
  return now;
}

void sort_rows(Figures& figures) {
  std::erase_if(figures.files, [](const BusyFile& file) { return file.requests == 0; });
  std::erase_if(figures.operations, [](const OperationTimes& one) { return one.count == 0; });
  std::ranges::stable_sort(figures.files, std::ranges::greater(), [](const BusyFile& file) {
    return std::pair(file.requests, file.read_bytes + file.written_bytes);
  });
  std::ranges::stable_sort(figures.operations, std::ranges::greater(), &OperationTimes::count);
}

Json counts_json(const Counts& counts, std::initializer_list<const char*> names) {
  Json object = Json::object();
  for (const char* name : names)
    if (const auto found = counts.find(name); found != counts.end()) object[name] = found->second;
  return object;
}

Json arm_json(const Figures& figures) {
  const ArmNow& arm = figures.now.arm;
  Json waiting = Json::array();
  for (const ArmWaiting& one : arm.waiting)
    waiting.push_back({{"cylinder", one.cylinder}, {"kind", one.is_write ? "write" : "read"}});
  Json moves = Json::array();
  for (const ArmMove& move : figures.moves)
    moves.push_back({{"from", move.from},
                     {"to", move.to},
                     {"end", move.end},
                     {"kind", move.is_write ? "write" : "read"}});
  Json json = counts_json(figures.disk, {"arm_movement_cylinders", "arm_moves", "seek_time_ns",
                                         "rotation_time_ns", "transfer_time_ns"});
  json.update({{"policy", arm.policy},
               {"disk", arm.model},
               {"cylinders", arm.cylinders},
               {"cylinder", arm.cylinder},
               {"moving_up", arm.moving_up},
               {"queue", arm.queue},
               {"waiting", waiting},
               {"last_moves", moves}});
  return json;
}

Json cache_json(const Figures& figures) {
  Json json = counts_json(figures.cache, {"reads", "hits", "misses", "evictions",
                                          "written_back_blocks", "read_ahead_blocks"});
  json.update(counts_json(figures.now.cache,
                          {"size_bytes", "capacity_blocks", "used_blocks", "dirty_blocks"}));
  json["policy"] = figures.now.cache_policy;
  const auto ratio = figures.hit_ratio();
  json["hit_ratio"] = ratio ? Json(*ratio) : Json(nullptr);
  return json;
}

Json cells_json(const Figures& figures) {
  Json cells = Json::array();
  for (std::size_t i = 0; i < figures.written.size(); ++i) {
    if (figures.read[i] == 0 && figures.written[i] == 0) continue;
    cells.push_back({{"block", i * figures.now.cells.blocks_per_cell},
                     {"read_blocks", figures.read[i]},
                     {"written_blocks", figures.written[i]}});
  }
  return {{"blocks_per_cell", figures.now.cells.blocks_per_cell}, {"touched", cells}};
}

}  // namespace

std::int64_t OperationTimes::percentile_ns(double percent) const {
  std::uint64_t all = 0;
  for (const auto& [up_to, times] : up_to_ns) all += times;
  const double wanted = std::ceil(static_cast<double>(all) * percent / 100);
  double seen = 0;
  for (const auto& [up_to, times] : up_to_ns) {
    seen += static_cast<double>(times);
    if (seen >= wanted) return up_to;
  }
  return 0;
}

std::optional<double> Figures::hit_ratio() const {
  const auto reads = cache.find("reads");
  const auto hits = cache.find("hits");
  if (reads == cache.end() || hits == cache.end() || reads->second == 0) return std::nullopt;
  return static_cast<double>(hits->second) / static_cast<double>(reads->second);
}

std::optional<Activity> parse_activity(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  try {
    Activity activity;
    activity.at_ns = json.at("at_ns").get<std::int64_t>();
    activity.volume = counts_of(json.at("volume"));
    activity.cache = counts_of(json.at("cache"));
    activity.disk = counts_of(json.at("disk"));
    activity.journal = counts_of(json.at("journal"));
    activity.label = json.at("volume").at("label").get<std::string>();
    activity.image = json.at("volume").at("image").get<std::string>();
    activity.state = json.at("volume").at("state").get<std::string>();
    activity.cache_policy = json.at("cache").at("policy").get<std::string>();
    activity.arm = arm_of(json.at("arm"));
    activity.cells = cells_of(json.at("map"));
    for (const Json& file : json.at("files")) activity.files.push_back(file_of(file));
    for (const Json& one : json.at("operations")) activity.operations.push_back(operation_of(one));
    return activity;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Figures figures_in_all(const Activity& now) {
  Figures figures;
  figures.now = now;
  figures.cache = now.cache;
  figures.disk = now.disk;
  figures.journal = now.journal;
  figures.moves = now.arm.moves;
  figures.read = now.cells.read;
  figures.written = now.cells.written;
  figures.files = now.files;
  figures.operations = now.operations;
  sort_rows(figures);
  return figures;
}

Figures figures_between(const Activity& before, const Activity& now) {
  Figures figures = figures_in_all(now);
  figures.seconds = std::max(1e-3, static_cast<double>(now.at_ns - before.at_ns) / 1e9);
  figures.cache = since(before.cache, now.cache);
  figures.disk = since(before.disk, now.disk);
  figures.journal = since(before.journal, now.journal);
  figures.read = since(before.cells.read, now.cells.read);
  figures.written = since(before.cells.written, now.cells.written);
  const std::uint64_t last = before.arm.moves.empty() ? 0 : before.arm.moves.back().number;
  const bool goes_on = !now.arm.moves.empty() && now.arm.moves.back().number >= last;
  if (goes_on)
    std::erase_if(figures.moves, [last](const ArmMove& move) { return move.number <= last; });
  std::map<std::uint64_t, const BusyFile*> files;
  for (const BusyFile& file : before.files) files[file.inode] = &file;
  for (BusyFile& file : figures.files)
    if (const auto found = files.find(file.inode); found != files.end())
      file = since(*found->second, file);
  for (OperationTimes& one : figures.operations) {
    const auto found = std::ranges::find(before.operations, one.name, &OperationTimes::name);
    if (found != before.operations.end()) one = since(*found, one);
  }
  sort_rows(figures);
  return figures;
}

Json figures_json(const Figures& figures) {
  Json files = Json::array();
  for (const BusyFile& file : figures.files)
    files.push_back({{"path", file.path},
                     {"inode", file.inode},
                     {"requests", file.requests},
                     {"read_bytes", file.read_bytes},
                     {"written_bytes", file.written_bytes}});
  Json operations = Json::array();
  const auto microseconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1000; };
  for (const OperationTimes& one : figures.operations)
    operations.push_back({{"operation", one.name},
                          {"count", one.count},
                          {"errors", one.errors},
                          {"p50_us", microseconds(one.percentile_ns(50))},
                          {"p90_us", microseconds(one.percentile_ns(90))},
                          {"p99_us", microseconds(one.percentile_ns(99))},
                          {"longest_us", microseconds(one.percentile_ns(100))}});
  Json volume = counts_json(figures.now.volume, {"block_size_bytes", "blocks", "data_blocks",
                                                 "free_blocks", "inodes", "free_inodes"});
  volume.update(
      {{"image", figures.now.image}, {"label", figures.now.label}, {"state", figures.now.state}});
  Json journal = counts_json(figures.journal, {"transactions", "epochs", "log_bytes_written"});
  journal.update(counts_json(figures.now.journal, {"log_used_bytes", "log_capacity_bytes"}));
  return {
      {"at_ns", figures.now.at_ns},
      {"seconds", figures.seconds > 0 ? Json(figures.seconds) : Json(nullptr)},
      {"volume", volume},
      {"arm", arm_json(figures)},
      {"disk", counts_json(figures.disk, {"requests", "read_blocks", "written_blocks", "flushes"})},
      {"cache", cache_json(figures)},
      {"journal", journal},
      {"map", cells_json(figures)},
      {"files", files},
      {"operations", operations}};
}

}  // namespace spindle::cli
