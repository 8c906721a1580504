#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "cli/experiment/league.h"
#include "cli/words.h"
#include "spindle/base/size_text.h"
#include "spindle/chart/table.h"

namespace spindle::cli {
namespace {

double ms(std::int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

double hit_ratio(const CacheStatistics& cache) {
  return cache.reads == 0 ? 0 : static_cast<double>(cache.hits) / static_cast<double>(cache.reads);
}

/// A setting in which combinations differ.
struct Dimension {
  std::string_view name;
  std::function<std::string(const Combination&)> value;
};

const std::vector<Dimension>& dimensions() {
  static const std::vector<Dimension> all = {
      {"strategy", [](const Combination& c) { return c.strategy; }},
      {"fit", [](const Combination& c) { return c.settings.fit; }},
      {"arm", [](const Combination& c) { return c.settings.arm; }},
      {"cache policy", [](const Combination& c) { return c.settings.cache_policy; }},
      {"cache size", [](const Combination& c) { return size_text(c.settings.cache_bytes); }},
      {"disk", [](const Combination& c) { return c.settings.disk; }},
  };
  return all;
}

/// The settings of which the rows have more than one value.
std::vector<Dimension> varied(const std::vector<LeagueRow>& rows) {
  std::vector<Dimension> some;
  for (const Dimension& dimension : dimensions())
    if (std::ranges::any_of(rows, [&](const LeagueRow& row) {
          return dimension.value(row.combination) != dimension.value(rows.front().combination);
        }))
      some.push_back(dimension);
  return some;
}

/// What made the row slower than the best one, the largest part first: "seek +12 ms, rotation +3
/// ms".
std::string reason_of(const LeagueRow& row, const LeagueRow& best) {
  struct Part {
    std::string_view name;
    double more;
  };
  const DiskStatistics& mine = row.result.disk;
  const DiskStatistics& its = best.result.disk;
  std::vector<Part> parts = {{"seek", ms(mine.seek_ns - its.seek_ns)},
                             {"rotation", ms(mine.rotation_ns - its.rotation_ns)},
                             {"transfer", ms(mine.transfer_ns - its.transfer_ns)}};
  std::ranges::stable_sort(parts, std::ranges::greater(),
                           [](const Part& part) { return std::abs(part.more); });
  std::string text;
  for (const Part& part : parts)
    if (std::abs(part.more) >= 0.05)
      text += fmt::format("{}{} {:+.1f}", text.empty() ? "" : ", ", part.name, part.more);
  return text.empty() ? "-" : text;
}

chart::Table table_of(const std::vector<LeagueRow>& rows, std::size_t shown_rows) {
  std::vector<Dimension> differ = varied(rows);
  if (differ.empty()) differ = {dimensions()[0], dimensions()[2]};
  std::vector<std::string> titles = {"place"};
  for (const Dimension& dimension : differ) titles.emplace_back(dimension.name);
  for (const char* title : {"disk time (ms)", "arm (cylinders)", "requests", "hits (%)",
                            "run (blocks)", "log (KiB)", "against the best (ms)"})
    titles.emplace_back(title);
  chart::Table table(titles);
  for (std::size_t i = 0; i < std::min(rows.size(), shown_rows); ++i) {
    const PlayResult& result = rows[i].result;
    std::vector<std::string> cells = {result.is_as_asked ? std::to_string(i + 1) : "-"};
    for (const Dimension& dimension : differ) cells.push_back(dimension.value(rows[i].combination));
    cells.push_back(fmt::format("{:.2f}", ms(result.disk.busy_ns())));
    cells.push_back(std::to_string(result.disk.arm_distance));
    cells.push_back(std::to_string(result.disk.requests()));
    cells.push_back(fmt::format("{:.2f}", 100 * hit_ratio(result.cache)));
    cells.push_back(fmt::format("{:.1f}", result.mean_run_blocks()));
    cells.push_back(std::to_string(result.journal.log_bytes / 1024));
    cells.push_back(result.is_as_asked ? reason_of(rows[i], rows.front())
                                       : "a policy misbehaved: not compared");
    table.add_row(std::move(cells));
  }
  return table;
}

/// The mean disk time for each value of one setting, over all other settings; the best first.
std::vector<std::pair<std::string, double>> means_by(const std::vector<LeagueRow>& rows,
                                                     const Dimension& dimension) {
  std::map<std::string, std::pair<double, double>> sums;
  for (const LeagueRow& row : rows) {
    if (!row.result.is_as_asked) continue;
    auto& [sum, count] = sums[dimension.value(row.combination)];
    sum += ms(row.result.disk.busy_ns());
    count += 1;
  }
  std::vector<std::pair<std::string, double>> means;
  for (const auto& [value, sum] : sums) means.emplace_back(value, sum.first / sum.second);
  std::ranges::stable_sort(means, {}, [](const auto& mean) { return mean.second; });
  return means;
}

/// How much each setting mattered, the one that mattered most first.
std::string effects_text(const std::vector<LeagueRow>& rows) {
  std::vector<std::pair<double, std::string>> lines;
  for (const Dimension& dimension : varied(rows)) {
    const auto means = means_by(rows, dimension);
    if (means.empty()) continue;
    std::string line = fmt::format("{}: ", dimension.name);
    for (std::size_t i = 0; i < means.size(); ++i)
      line += fmt::format("{}{} {:.1f}", i == 0 ? "" : ", ", means[i].first, means[i].second);
    lines.emplace_back(means.back().second - means.front().second, line);
  }
  if (lines.empty()) return {};
  std::ranges::stable_sort(lines, std::ranges::greater(),
                           [](const auto& line) { return line.first; });
  std::string out = "Mean disk time in ms by each choice, the one that mattered most first:\n";
  for (const auto& [spread, line] : lines) out += "  " + line + "\n";
  return out;
}

}  // namespace

std::string league_text(const Recording& recording, const std::vector<LeagueRow>& rows,
                        std::size_t shown, const chart::TextStyle& style) {
  std::string out = fmt::format("{}\n{} operations; files at the start: {}; combinations: {}\n\n",
                                recording.command, grouped(recording.operations.size()),
                                grouped(recording.files.size()), rows.size());
  out += table_of(rows, shown).text(style, "--json");
  if (rows.size() > shown)
    out += fmt::format("... and {} more; --top {} shows them all.\n", rows.size() - shown,
                       rows.size());
  const std::string effects = effects_text(rows);
  if (!effects.empty()) out += "\n" + effects;
  std::uint64_t differing = 0;
  for (const LeagueRow& row : rows) differing = std::max(differing, row.result.differing);
  if (differing != 0)
    out += fmt::format("\nUp to {} operations did not end as they did when they were recorded.\n",
                       differing);
  return out;
}

Json league_json(const Recording& recording, const std::vector<LeagueRow>& rows) {
  Json list = Json::array();
  for (const LeagueRow& row : rows) {
    const PlayResult& r = row.result;
    const PlaySettings& s = row.combination.settings;
    list.push_back({{"strategy", row.combination.strategy},
                    {"fit", s.fit},
                    {"arm", s.arm},
                    {"cache_policy", s.cache_policy},
                    {"cache_bytes", s.cache_bytes},
                    {"disk", s.disk},
                    {"disk_time_ns", r.disk.busy_ns()},
                    {"seek_time_ns", r.disk.seek_ns},
                    {"rotation_time_ns", r.disk.rotation_ns},
                    {"transfer_time_ns", r.disk.transfer_ns},
                    {"arm_movement_cylinders", r.disk.arm_distance},
                    {"requests", r.disk.requests()},
                    {"mean_response_ns", r.disk.responses.mean_ns()},
                    {"reads", r.cache.reads},
                    {"hits", r.cache.hits},
                    {"hit_ratio", hit_ratio(r.cache)},
                    {"files", r.files},
                    {"runs", r.runs},
                    {"mean_run_blocks", r.mean_run_blocks()},
                    {"map_blocks", r.map_blocks},
                    {"transactions", r.journal.transactions},
                    {"log_bytes", r.journal.log_bytes},
                    {"checkpoints", r.journal.checkpoints},
                    {"differing_operations", r.differing},
                    {"misbehaved", !r.is_as_asked}});
  }
  return {{"command", recording.command},
          {"operations", recording.operations.size()},
          {"rows", std::move(list)}};
}

}  // namespace spindle::cli
