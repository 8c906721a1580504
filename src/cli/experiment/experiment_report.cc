#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/experiment/experiment.h"
#include "spindle/base/size_text.h"
#include "spindle/base/wrapped_text.h"
#include "spindle/chart/bars.h"
#include "spindle/chart/page.h"
#include "spindle/chart/palette.h"
#include "spindle/chart/plot.h"

namespace spindle::cli {
namespace {

double rounded(double value) {
  return std::round(100 * value) / 100;
}

std::string name_of(const Json& row) {
  return row.value("policy", "") + (row.value("in_use", false) ? " (in use)" : "");
}

std::string size_of(double bytes) {
  return size_text(static_cast<std::uint64_t>(bytes));
}

std::string command_text(const Experiment& experiment) {
  std::string text;
  for (const Json& word : experiment["command"])
    text += (text.empty() ? "" : " ") + word.get<std::string>();
  constexpr std::size_t kMost = 60;
  return text.size() <= kMost ? text : text.substr(0, kMost - 3) + "...";
}

chart::Table requests_table(const Experiment& experiment) {
  chart::Table table({"operation", "requests", "errors", "mean (us)", "longest (us)"});
  for (const Json& row : experiment["requests"])
    table.add_row({row.value("operation", ""), plain(row["count"]), plain(row["errors"]),
                   shown(number_or_zero(row, "mean_us")),
                   shown(number_or_zero(row, "longest_us"))});
  return table;
}

chart::Table arms_table(const Experiment& experiment) {
  chart::Table table({"arm policy", "movement (cylinders)", "seek (ms)", "rotation (ms)",
                      "transfer (ms)", "total (ms)", "mean response (ms)", "longest (ms)"});
  for (const Json& row : experiment["arms"])
    table.add_row(
        {name_of(row), plain(row["arm_movement_cylinders"]), shown(number_or_zero(row, "seek_ms")),
         shown(number_or_zero(row, "rotation_ms")), shown(number_or_zero(row, "transfer_ms")),
         shown(number_or_zero(row, "total_ms")), shown(number_or_zero(row, "mean_response_ms")),
         shown(number_or_zero(row, "longest_response_ms"))});
  return table;
}

std::string percent(double ratio) {
  return fmt::format("{:.2f}", 100 * ratio);
}

chart::Table replacements_table(const Experiment& experiment) {
  chart::Table table({"cache policy", "hits (%)", "at half size (%)", "at double size (%)",
                      "error (points)", "basis"});
  for (const Json& row : experiment["replacements"])
    table.add_row({name_of(row), percent(number_or_zero(row, "hit_ratio")),
                   percent(number_or_zero(row, "at_half_size")),
                   percent(number_or_zero(row, "at_double_size")),
                   percent(number_or_zero(row, "error")), row.value("basis", "")});
  return table;
}

chart::Bars arms_bars(const Experiment& experiment) {
  chart::Bars bars{
      "What each arm policy would have cost", "disk time (ms)", {}, chart::Meaning::kDevice};
  for (const Json& row : experiment["arms"])
    bars.bars.push_back({name_of(row), rounded(number_or_zero(row, "total_ms"))});
  return bars;
}

chart::Bars replacements_bars(const Experiment& experiment) {
  chart::Bars bars{
      "What each cache policy would have hit", "hits (% of reads)", {}, chart::Meaning::kHit};
  for (const Json& row : experiment["replacements"])
    bars.bars.push_back({name_of(row), rounded(100 * number_or_zero(row, "hit_ratio"))});
  return bars;
}

/// LRU's curve; empty if nothing was read twice.
chart::Plot curve_plot(const Experiment& experiment) {
  constexpr double kMiB = 1 << 20;
  chart::Plot plot;
  plot.title = "What a larger or a smaller cache would have hit";
  plot.x_label = "size of the cache (MiB)";
  plot.y_label = "hits (% of reads)";
  plot.logarithmic = true;
  plot.y_top = 100;
  chart::Plot::Line line{"LRU", {}, true, false, chart::colour_of(chart::Meaning::kHit)};
  for (const Json& row : experiment["lru_curve"])
    line.points.push_back(
        {number_or_zero(row, "capacity_bytes") / kMiB, 100 * number_or_zero(row, "hit_ratio")});
  if (line.points.empty()) return plot;
  const double size = number_or_zero(experiment["cache"], "size_bytes") / kMiB;
  // The curve ends where it stops rising; beyond that it is level.
  if (line.points.back().x < size) line.points.push_back({size, line.points.back().y});
  plot.lines.push_back(std::move(line));
  plot.lines.push_back({"in use",
                        {{size, 100 * number_or_zero(experiment["cache"], "hit_ratio")}},
                        false,
                        true,
                        chart::ink_on(chart::Meaning::kFree)});
  return plot;
}

/// "1 block", "2 blocks": a counter in words.
std::string count_of(const Json& counters, const char* key, std::string_view what) {
  return counted(static_cast<std::uint64_t>(number_or_zero(counters, key)), what);
}

std::string disk_sentence(const Experiment& experiment) {
  const Json& disk = experiment["disk"];
  return fmt::format(
      "{}: {} read ({}), {} written ({}). The arm moved {}; the disk was busy for {}.",
      count_of(disk, "requests", "request"), plain(disk["read_requests"]),
      count_of(disk, "read_blocks", "block"), plain(disk["write_requests"]),
      count_of(disk, "written_blocks", "block"),
      count_of(disk, "arm_movement_cylinders", "cylinder"),
      duration_text(static_cast<std::int64_t>(number_or_zero(disk, "busy_time_ns"))));
}

std::string cache_sentence(const Experiment& experiment) {
  const Json& cache = experiment["cache"];
  const double one_in = experiment["replacements"].empty()
                            ? 0
                            : number_or_zero(experiment["replacements"].front(), "sampled_one_in");
  std::string text = count_of(cache, "reads", "read");
  if (number_or_zero(cache, "reads") > 0)
    text += fmt::format(", {} % of them hits", percent(number_or_zero(cache, "hit_ratio")));
  text += fmt::format("; {}.", count_of(cache, "evictions", "eviction"));
  if (one_in == 1) text += " The shadows saw every access.";
  if (one_in > 1)
    text += fmt::format(
        " The policy in use is counted; the shadows and the curve look at one block in {:.0f}, and "
        "19 such samples in 20 are off by no more than the error.",
        one_in);
  return text;
}

std::string journal_sentence(const Experiment& experiment) {
  const Json& journal = experiment["journal"];
  return fmt::format("{} in {}, {} of log; {}.", count_of(journal, "transactions", "transaction"),
                     count_of(journal, "epochs", "group commit"),
                     size_of(number_or_zero(journal, "log_bytes_written")),
                     count_of(journal, "checkpoints", "checkpoint"));
}

Json::const_iterator row_in_use(const Json& rows) {
  return std::ranges::find_if(rows, [](const Json& row) { return row.value("in_use", false); });
}

/// Which arm policy would have been best, and by how much.
std::string arm_conclusion(const Experiment& experiment) {
  if (experiment["settings"].value("disk", "") == "none")
    return "The disk takes no time, so the arm policies do not differ: set disk/model.";
  const Json& arms = experiment["arms"];
  const auto used = row_in_use(arms);
  if (used == arms.end()) return "Only the arm policy in use was followed: disk/watch is off.";
  if (number_or_zero(*used, "total_ms") == 0) return "The disk had nothing to do.";
  const double saved =
      1 - number_or_zero(arms.front(), "total_ms") / number_or_zero(*used, "total_ms");
  return saved < 0.0005 ? fmt::format("No arm policy would have been faster than {}.",
                                      used->value("policy", ""))
                        : fmt::format("{} would have taken {} % less disk time than {}.",
                                      arms.front().value("policy", ""), percent(saved),
                                      used->value("policy", ""));
}

/// Whether the shadows of the cache saw any read.
bool has_replacements(const Experiment& experiment) {
  return std::ranges::any_of(experiment["replacements"], [](const Json& row) {
    return row.value("basis", "") != "counted" && number_or_zero(row, "reads") > 0;
  });
}

/// Which cache policy would have been best, and by how much.
std::string cache_conclusion(const Experiment& experiment) {
  if (number_or_zero(experiment["cache"], "reads") == 0) return "";
  const Json& caches = experiment["replacements"];
  const auto used = row_in_use(caches);
  if (used == caches.end())
    return " Only the cache policy in use was followed: cache/watch is off.";
  if (!has_replacements(experiment))
    return " The reads were too few to compare the cache policies.";
  const double more =
      number_or_zero(caches.front(), "hit_ratio") - number_or_zero(*used, "hit_ratio");
  const double error = number_or_zero(caches.front(), "error");
  if (more < 0.0005 || more < error)
    return fmt::format(" No cache policy would have hit {} than {}.",
                       more < 0.0005 ? "more" : "surely more", used->value("policy", ""));
  return fmt::format(" {} would have hit {} points more than {}{}.",
                     caches.front().value("policy", ""), percent(more), used->value("policy", ""),
                     error == 0 ? "" : fmt::format(", give or take {}", percent(error)));
}

std::string conclusion(const Experiment& experiment) {
  return arm_conclusion(experiment) + cache_conclusion(experiment);
}

std::string settings_sentence(const Experiment& experiment) {
  const Json& settings = experiment["settings"];
  return fmt::format("disk {}, arm {}, cache {} of {}, fit {}", settings.value("disk", ""),
                     settings.value("arm", ""), settings.value("cache_policy", ""),
                     size_of(number_or_zero(experiment["cache"], "size_bytes")),
                     settings.value("fit", ""));
}

std::string run_sentence(const Experiment& experiment) {
  return fmt::format("took {}, exit status {}; {}",
                     duration_text(experiment.value("elapsed_ns", std::int64_t{0})),
                     experiment.value("status", 0), settings_sentence(experiment));
}

bool has_arms(const Experiment& experiment) {
  return !experiment["arms"].empty() && number_or_zero(experiment["arms"].front(), "requests") > 0;
}

chart::Page page_of(const Experiment& experiment) {
  chart::Page page(command_text(experiment));
  page.add_paragraph(run_sentence(experiment));
  page.add_paragraph(conclusion(experiment));
  page.add_heading("Requests");
  page.add_table(requests_table(experiment));
  page.add_heading("The disk");
  page.add_paragraph(disk_sentence(experiment));
  if (has_arms(experiment)) {
    page.add_picture(to_svg(arms_bars(experiment)));
    page.add_table(arms_table(experiment));
  }
  page.add_heading("The cache");
  page.add_paragraph(cache_sentence(experiment));
  if (has_replacements(experiment)) {
    page.add_picture(to_svg(replacements_bars(experiment)));
    page.add_table(replacements_table(experiment));
  }
  const chart::Plot curve = curve_plot(experiment);
  if (!curve.lines.empty()) page.add_picture(to_svg(curve));
  page.add_heading("The journal");
  page.add_paragraph(journal_sentence(experiment));
  return page;
}

/// By how much the counters grew from `before` to `after`; other values as they are in `after`.
Json grown(const Json& before, const Json& after) {
  Json result = after;
  for (const char* counter : {"transactions", "epochs", "log_bytes_written", "data_logged_blocks",
                              "checkpoints", "checkpointed_blocks", "flushes", "waits_for_space"})
    result[counter] =
        after.at(counter).get<std::uint64_t>() - before.at(counter).get<std::uint64_t>();
  return result;
}

}  // namespace

Experiment take_figures(const MountControl& control, const std::vector<std::string>& command,
                        const CommandRun& run, const Json& journal_before) {
  Experiment experiment = {{"command", command},
                           {"status", run.status},
                           {"elapsed_ns", run.elapsed_ns},
                           {"settings",
                            {{"disk", control.chosen("disk/model")},
                             {"arm", control.chosen("disk/scheduler")},
                             {"cache_policy", control.chosen("cache/policy")},
                             {"fit", control.chosen("volume/fit")}}}};
  // The requests are read first: reading the other files causes some.
  for (const auto& [name, file] : {std::pair("requests", "requests/latency"),
                                   {"disk", "disk/statistics"},
                                   {"arms", "disk/whatif"},
                                   {"cache", "cache/statistics"},
                                   {"replacements", "cache/whatif"},
                                   {"lru_curve", "cache/lru_curve"},
                                   {"usage", "volume/usage"}})
    experiment[name] = control.json(file);
  const Json journal = control.json("journal/statistics");
  if (journal.is_object()) experiment["journal"] = grown(journal_before, journal);
  return experiment;
}

std::string report_text(const Experiment& experiment, const chart::TextStyle& style) {
  const auto lines_of = [&](const std::string& sentences) {
    return style.wraps ? wrapped_text(sentences, "", "", style.width) : sentences + "\n";
  };
  std::string out = lines_of(command_text(experiment)) + lines_of(run_sentence(experiment)) + "\n" +
                    lines_of(conclusion(experiment)) + "\n";
  out += requests_table(experiment).text(style, "--json") + "\n";
  out += lines_of("The disk: " + disk_sentence(experiment)) + "\n";
  if (has_arms(experiment)) out += arms_table(experiment).text(style, "--json") + "\n";
  out += lines_of("The cache: " + cache_sentence(experiment)) + "\n";
  if (has_replacements(experiment))
    out += replacements_table(experiment).text(style, "--json") + "\n";
  const chart::Plot curve = curve_plot(experiment);
  if (!curve.lines.empty()) out += curve.title + "\n" + to_text(curve, style) + "\n";
  return out + lines_of("The journal: " + journal_sentence(experiment));
}

std::string report_svg(const Experiment& experiment) {
  chart::Page page(command_text(experiment));
  if (has_arms(experiment)) page.add_picture(to_svg(arms_bars(experiment)));
  if (has_replacements(experiment)) page.add_picture(to_svg(replacements_bars(experiment)));
  const chart::Plot curve = curve_plot(experiment);
  if (!curve.lines.empty()) page.add_picture(to_svg(curve));
  // A page without pictures says why there are none.
  if (!has_arms(experiment) && !has_replacements(experiment) && curve.lines.empty())
    page.add_heading(conclusion(experiment));
  return page.svg();
}

std::string report_html(const Experiment& experiment, const std::vector<std::string>& pictures) {
  chart::Page page = page_of(experiment);
  if (!pictures.empty()) page.add_heading("What the arm, the cache and the journal did");
  for (const std::string& picture : pictures) page.add_picture(picture);
  return page.html();
}

}  // namespace spindle::cli
