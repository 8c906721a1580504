// `spindle age`: makes an unmounted volume as old as months of use would.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/inspect/answer.h"
#include "cli/progress.h"
#include "cli/volume/aging.h"
#include "cli/volume/offline_volume.h"
#include "cli/words.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

struct AgeRequest {
  std::string image;
  AgingOptions aging;
  bool json = false;
};

/// How the files and the free blocks of the whole volume lie.
struct VolumeLayout {
  Placement files;
  double used_percent = 0;
  std::vector<std::uint64_t> free_runs;  ///< element i: runs of 2^i and more blocks, below 2^(i+1)
  std::uint64_t longest_free_run = 0;
};

Result<VolumeLayout> layout_of(FileSystem& volume) {
  TRY(volume.sync_all());
  VolumeLayout found;
  for (const VolumeFile& file : TRY(regular_files(volume)))
    found.files += placement_of(TRY(volume.describe_map(file.node, SIZE_MAX)).extents);
  const Space space = TRY(volume.space());
  found.used_percent = 100.0 * static_cast<double>(space.blocks - space.free_blocks) /
                       static_cast<double>(space.blocks);
  found.free_runs = TRY(volume.space_manager().free_run_histogram());
  found.longest_free_run = TRY(volume.space_manager().longest_free_run());
  return found;
}

void add_row(FactTable& table, const std::string& when, const VolumeLayout& layout) {
  std::uint64_t free_runs = 0;
  for (const std::uint64_t count : layout.free_runs) free_runs += count;
  const Placement& files = layout.files;
  table.add_row({when, files.files, files.fragmented_files, files.blocks, files.runs,
                 files.mean_run_blocks(), files.layout_score(), files.seeks, layout.used_percent,
                 free_runs, layout.longest_free_run});
}

FactTable table_of_free_runs(const VolumeLayout& before, const VolumeLayout& after) {
  FactTable table({"at_least_blocks", "before", "after"});
  const auto count = [](const VolumeLayout& layout, std::size_t i) {
    return i < layout.free_runs.size() ? layout.free_runs[i] : 0;
  };
  const std::size_t rows = std::max(before.free_runs.size(), after.free_runs.size());
  for (std::size_t i = 0; i < rows; ++i)
    table.add_row({std::uint64_t{1} << i, count(before, i), count(after, i)});
  return table;
}

void show(const AgeRequest& request, const AgingReport& report, const VolumeLayout& before,
          const VolumeLayout& after) {
  Answer answer;
  answer.fact("seed", request.aging.seed);
  answer.fact("days", report.days);
  answer.fact("directory", "/" + report.directory);
  answer.fact("created", report.created);
  answer.fact("appended", report.appended);
  answer.fact("replaced", report.replaced);
  answer.fact("deleted", report.deleted);
  answer.fact("refused", report.refused);
  answer.fact("written_bytes", report.written_bytes);
  FactTable layout({"when", "files", "fragmented_files", "blocks", "runs", "mean_run_blocks",
                    "layout_score", "seeks", "used_percent", "free_runs",
                    "longest_free_run_blocks"});
  add_row(layout, "before", before);
  add_row(layout, "after", after);
  answer.table("layout", std::move(layout));
  answer.table("free_runs", table_of_free_runs(before, after));
  if (report.days < request.aging.days) answer.note("It was stopped before the last day.");
  fmt::print("{}", request.json ? answer.json() : answer.text());
}

Result<> age_volume(const AgeRequest& request, FileSystem& volume, std::int64_t& clock_seconds) {
  // The last of the days is the last one on which the volume was used.
  clock_seconds -= static_cast<std::int64_t>(request.aging.days) * kSecondsADay;
  const VolumeLayout before = TRY(layout_of(volume));
  Result<AgingReport> report = AgingReport();
  {
    Progress progress(1000 * request.aging.days);
    report = age(volume, request.aging, clock_seconds, [&](std::uint64_t thousandths) {
      progress.at(thousandths);
      return !StopRequest::made();
    });
  }
  TRY(report);
  show(request, *report, before, TRY(layout_of(volume)));
  return {};
}

int run(AgeRequest& request) {
  const StopRequest stop;
  request.aging.owner = {.uid = ::getuid(), .gid = ::getgid()};
  std::int64_t clock_seconds = 0;
  const auto aged = with_offline_volume(request.image, &clock_seconds, [&](FileSystem& volume) {
    return age_volume(request, volume, clock_seconds);
  });
  if (aged.ok()) return StopRequest::made() ? 1 : 0;
  return fail("age", printable(request.image), offline_reason(aged.error()));
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> names{"mix"};
  for (const FileMap* map : all_file_maps()) names.emplace_back(map->name());
  return names;
}

}  // namespace

void add_age_command(const Command& program, int& status) {
  auto request = std::make_shared<AgeRequest>();
  AgingOptions& aging = request->aging;
  const Command command = program.subcommand(
      "age",
      "Age the volume in IMAGE, which must not be mounted: for a number of days, files are "
      "created, extended, replaced and deleted in a new directory. The same seed gives the same "
      "volume.");
  command.option("IMAGE", request->image, "the image; its files are kept").required();
  command.option("--seed", aging.seed, "seed of the random operations [1]").type_name("N");
  command.option("--days", aging.days, "days of use [100]").type_name("N").range(1, 36500);
  command.option("--fill", aging.fill_percent, "how full the volume gets [80]")
      .type_name("PERCENT")
      .range(1.0, 99.0);
  command.option("--churn", aging.churn_percent, "how much of the volume is written each day [5]")
      .type_name("PERCENT")
      .range(0.1, 100.0);
  command
      .option("--strategy", aging.strategy,
              "allocation strategy of the new files, or mix [that of the volume]")
      .type_name("NAME")
      .one_of(strategy_names());
  command.flag("--json", request->json, "print the answer as JSON");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
