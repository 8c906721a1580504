#include "spindle/control/volume_control.h"

#include <unistd.h>

#include <memory>

#include "control/control_readme.h"
#include "control/file_kinds.h"
#include "control/folders.h"
#include "spindle/base/uuid.h"
#include "spindle/control/activity_file.h"
#include "spindle/control/fact_files.h"
#include "spindle/control/record_files.h"
#include "spindle/control/trace_files.h"
#include "spindle/format/map_names.h"

namespace spindle {
namespace {

std::string label_of(const format::Superblock& superblock) {
  const char* label = superblock.label;
  return std::string(label, ::strnlen(label, sizeof superblock.label));
}

}  // namespace

std::vector<Fact> control::volume_facts(FileSystem& volume, const std::string& image) {
  const format::Superblock& superblock = volume.superblock();
  const SpaceStatistics space = volume.space_manager().statistics();
  const FileSystem::Statistics nodes = volume.statistics();
  Uuid uuid;
  std::memcpy(uuid.data(), superblock.uuid, uuid.size());
  const auto kind = static_cast<format::MapKind>(std::uint32_t{superblock.default_map_kind});
  return {
      {"image", image},
      {"uuid", uuid_text(uuid)},
      {"label", label_of(superblock)},
      {"format_version", std::uint64_t{superblock.version}},
      {"state", std::string(volume.failure()        ? "failed"
                            : volume.is_read_only() ? "read-only"
                                                    : "read-write")},
      {"failure", volume.failure() ? volume.failure()->describe() : std::string()},
      {"default_strategy", std::string(format::map_kind_name(kind))},
      {"block_size_bytes", std::uint64_t{volume.layout().block_size}},
      {"blocks", volume.layout().block_count},
      {"data_blocks", space.blocks},
      {"free_blocks", space.free_blocks},
      {"pending_blocks", space.pending_blocks},
      {"inodes", space.inodes},
      {"free_inodes", space.free_inodes},
      {"groups", volume.layout().group_count},
      {"directories", space.directories},
      {"mounts", std::uint64_t{superblock.mount_count}},
      {"referenced_inodes", nodes.referenced_nodes},
      {"cached_inodes", nodes.cached_nodes},
      {"nameless_inodes", nodes.nameless_nodes},
      {"conversions", nodes.conversions},
  };
}

namespace {

/// The last reason why a control file refused a value.
struct Refusals {
  Timestamp when;
  std::string text;
};

/// What came last: a refusal, an error of the volume, or the fault of a policy.
std::string last_error_text(const FileSystem& volume, const Refusals& refusals) {
  Refusals last = refusals;
  const auto take = [&last](Timestamp when, const std::string& text) {
    if (last.text.empty() || last.when < when) last = {when, text};
  };
  if (!volume.recent_errors().empty()) {
    take(volume.recent_errors().back().when, volume.recent_errors().back().text);
  }
  if (const auto fault = last_policy_fault()) take(fault->when, fault->text);
  return last.text.empty() ? std::string() : last.text + "\n";
}

Result<FactTable> usage_table(FileSystem& volume) {
  const FileSystem::Usage usage = TRY(volume.usage());
  FactTable table({"strategy", "files", "bytes", "blocks", "data_blocks", "map_blocks", "runs",
                   "mean_run_blocks"});
  for (const auto& row : usage.strategies) {
    const double mean =
        row.runs == 0 ? 0.0 : static_cast<double>(row.data_blocks) / static_cast<double>(row.runs);
    table.add_row({std::string(row.name), row.files, row.bytes, row.blocks, row.data_blocks,
                   row.blocks - row.data_blocks, row.runs, mean});
  }
  return table;
}

Result<FactTable> free_runs_table(FileSystem& volume) {
  const auto histogram = TRY(volume.space_manager().free_run_histogram());
  FactTable table({"at_least_blocks", "free_runs"});
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    table.add_row({std::uint64_t{1} << i, histogram[i]});
  }
  return table;
}

FactTable errors_table(const FileSystem& volume) {
  FactTable table({"seconds", "error"});
  for (const auto& error : volume.recent_errors()) {
    table.add_row({error.when.seconds, error.text});
  }
  return table;
}

void add_volume_folder(ControlTree& tree, const VolumeParts& parts) {
  FileSystem& volume = parts.volume;
  control::add_trigger(tree, "volume/sync", [&volume] { return volume.sync_all(); });
  add_facts(tree, "volume",
            [&volume, image = parts.image] { return control::volume_facts(volume, image); });
  add_table(tree, "volume/usage", [&volume] { return usage_table(volume); });
  add_table(tree, "volume/free_runs", [&volume] { return free_runs_table(volume); });
  tree.add_file("volume/longest_free_run_blocks", {.read = [&volume]() -> Result<std::string> {
                  return std::to_string(TRY(volume.space_manager().longest_free_run())) + "\n";
                }});
  control::add_defrag_file(tree, volume);
  add_table(tree, "volume/errors",
            [&volume]() -> Result<FactTable> { return errors_table(volume); });
  control::add_policy_choice(
      tree, "volume/fit", PolicyKind::kFit,
      [&volume] { return volume.space_manager().fit_policy(); },
      [&volume](std::string_view name) { return volume.space_manager().set_fit_policy(name); });
}

FactTable requests_table(Session* session) {
  FactTable table(
      {"operation", "count", "errors", "mean_us", "p50_us", "p90_us", "p99_us", "longest_us"});
  if (session == nullptr) return table;
  const auto microseconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1000.0; };
  for (const auto* row : session->statistics().rows()) {
    const auto& latency = row->latency;
    table.add_row({std::string(row->name), latency.count(), row->errors,
                   microseconds(latency.sum_ns()) / static_cast<double>(latency.count()),
                   microseconds(latency.percentile_ns(50)), microseconds(latency.percentile_ns(90)),
                   microseconds(latency.percentile_ns(99)), microseconds(latency.longest_ns())});
  }
  return table;
}

void reset_requests(Session* session) {
  if (session == nullptr) return;
  session->statistics().reset();
  session->busy_files().reset();
}

void add_requests_folder(ControlTree& tree, const VolumeParts& parts) {
  add_table(tree, "requests/latency",
            [session = parts.session]() -> Result<FactTable> { return requests_table(session()); });
  control::add_trigger(tree, "requests/reset", [session = parts.session]() -> Result<> {
    reset_requests(session());
    return {};
  });
}

}  // namespace

void add_volume_control(ControlTree& tree, const VolumeParts& parts) {
  auto refusals = std::make_shared<Refusals>();
  tree.on_refused([refusals](std::string text) { *refusals = {wall_time(), std::move(text)}; });
  FileSystem& volume = parts.volume;
  tree.add_file("last_error", {.read = [&volume, refusals]() -> Result<std::string> {
                  return last_error_text(volume, *refusals);
                }});
  tree.add_file("README", {.read = []() -> Result<std::string> { return std::string(kReadme); }});
  tree.add_file("version", {.read = [version = parts.version]() -> Result<std::string> {
                  return "spindle " + version + "\n";
                }});
  tree.add_file("process_id", {.read = []() -> Result<std::string> {
                  return std::to_string(::getpid()) + "\n";
                }});
  add_volume_folder(tree, parts);
  control::add_cache_folder(tree, volume.cache());
  control::add_disk_folder(tree, parts.disk);
  control::add_journal_folder(tree, volume.journal());
  add_requests_folder(tree, parts);
  control::add_threads_folder(tree);
  parts.what_if.add_files(tree);
  add_trace_files(tree, parts.trace);
  add_record_files(tree, parts.recorded);
  add_activity_file(tree, parts);
  control::add_trigger(tree, "reset", [parts]() -> Result<> {
    parts.volume.cache().reset_statistics();
    parts.disk.reset_statistics();
    parts.trace.clear();
    reset_requests(parts.session());
    return {};
  });
}

}  // namespace spindle
