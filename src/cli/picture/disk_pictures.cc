#include "cli/picture/disk_pictures.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "spindle/base/clock.h"
#include "spindle/base/decade_histogram.h"
#include "spindle/base/printable.h"
#include "spindle/chart/arm_path.h"
#include "spindle/chart/arm_track.h"
#include "spindle/chart/bars.h"
#include "spindle/chart/histogram.h"
#include "spindle/chart/plot.h"
#include "spindle/chart/svg.h"

namespace spindle::cli {
namespace {

std::uint64_t natural(const Json& row, const char* key) {
  return row.value(key, std::uint64_t{0});
}

double sum(const Json& rows, const char* key) {
  double whole = 0;
  for (const Json& row : rows) whole += number_or_zero(row, key);
  return whole;
}

std::string count_text(double count, std::string_view what) {
  return fmt::format("{} {}{}", chart::number_text(count), what, count == 1 ? "" : "s");
}

/// The cylinders in "199,0"; none in "-".
std::vector<std::uint64_t> turns_of(const Json& row) {
  std::vector<std::uint64_t> turns;
  for (const std::string& turn : split(row.value("by_way_of", "-"), ","))
    if (turn != "-" && !turn.empty()) turns.push_back(std::stoull(turn));
  return turns;
}

chart::ArmMove move_of(const Json& row, double zero_ms, double total_ms) {
  const double begin_ms = number_or_zero(row, "begin_ms") - zero_ms;
  return {.begin_ms = begin_ms,
          .arrive_ms = begin_ms + number_or_zero(row, "seek_ms"),
          .finish_ms = begin_ms + total_ms,
          .from = natural(row, "from"),
          .turns = turns_of(row),
          .to = natural(row, "to"),
          .end = natural(row, "end")};
}

double total_ms(const Json& move) {
  return number_or_zero(move, "seek_ms") + number_or_zero(move, "rotation_ms") +
         number_or_zero(move, "transfer_ms");
}

std::uint64_t cylinders_of(const DiskFigures& figures) {
  return natural(figures.table("disk/geometry"), "cylinders");
}

/// The last `most` rows of disk/moves since the counters were reset.
Json moves_since_reset(const DiskFigures& figures, std::size_t most) {
  const Json& moves = figures.table("disk/moves");
  const double services = sum(figures.table("disk/history"), "services");
  const std::size_t count = std::min<std::size_t>(
      {moves.size(), most, static_cast<std::size_t>(std::max(services, 0.0))});
  Json last = Json::array();
  for (std::size_t i = moves.size() - count; i < moves.size(); ++i) last.push_back(moves[i]);
  return last;
}

/// More moves cannot be told apart in a picture.
constexpr std::size_t kMostMoves = 400;
constexpr std::size_t kFewMoves = 150;

DrawnPicture draw_arm(const DiskFigures& figures, const chart::TextStyle& style) {
  const Json& history = figures.table("disk/history");
  const double services = sum(history, "services");
  const Json moves = moves_since_reset(
      figures, services > static_cast<double>(kMostMoves) ? kFewMoves : kMostMoves);
  const double zero_ms = history.empty() ? 0 : number_or_zero(history.front(), "begin_ms");
  chart::ArmTrack track{.title = "The arm's path over time: " + figures.subject,
                        .caption = figures.caption,
                        .cylinders = cylinders_of(figures),
                        .history = {},
                        .moves = {}};
  for (const Json& row : history)
    track.history.push_back({number_or_zero(row, "begin_ms") - zero_ms,
                             number_or_zero(row, "finish_ms") - zero_ms, natural(row, "services"),
                             natural(row, "lowest"), natural(row, "highest"), natural(row, "end")});
  for (const Json& row : moves) track.moves.push_back(move_of(row, zero_ms, total_ms(row)));
  constexpr std::size_t kTextMoves = 24;
  chart::ArmPath path{.title = track.title, .cylinders = track.cylinders, .stops = {}};
  const std::size_t first = track.moves.size() - std::min(track.moves.size(), kTextMoves);
  for (std::size_t i = first; i < track.moves.size(); ++i) {
    const chart::ArmMove& move = track.moves[i];
    if (i == first) path.stops.push_back({move.from, chart::ArmPath::Kind::kStart, true});
    for (const std::uint64_t turn : move.turns)
      path.stops.push_back({turn, chart::ArmPath::Kind::kTurn, true});
    path.stops.push_back({move.to, chart::ArmPath::Kind::kServed, true});
  }
  const std::string what = track.moves.empty()
                               ? "The arm has not moved.\n"
                               : fmt::format("The last {} of {}.\n\n{}", track.moves.size() - first,
                                             count_text(services, "service"), to_text(path, style));
  return {.svg = to_svg(track),
          .text = fmt::format("{}\n{}\n{}\n", track.title, what, track.caption),
          .json = {{"cylinders", track.cylinders}, {"history", history}, {"moves", moves}}};
}

/// A bin for each row, and empty ones for the limits that have no row.
std::vector<chart::Histogram::Bin> bins_of(const Json& rows, const char* limit, const char* count,
                                           double unit, bool from_zero) {
  std::vector<chart::Histogram::Bin> bins;
  if (rows.empty()) return bins;
  const std::size_t last = DecadeHistogram::index_of(natural(rows.back(), limit));
  std::size_t i = from_zero ? 0 : DecadeHistogram::index_of(natural(rows.front(), limit));
  for (std::size_t row = 0; i <= last; ++i) {
    const std::uint64_t up_to = DecadeHistogram::limit(i);
    const bool has_row = natural(rows[row], limit) == up_to;
    bins.push_back(
        {static_cast<double>(up_to) / unit, has_row ? number_or_zero(rows[row++], count) : 0});
  }
  return bins;
}

DrawnPicture draw_seeks(const DiskFigures& figures, const chart::TextStyle& style) {
  const Json& rows = figures.table("disk/seek_distances");
  const double services = sum(rows, "services");
  const double moved = number_or_zero(figures.table("disk/statistics"), "arm_movement_cylinders");
  chart::Histogram histogram{.title = "How far the arm moves: " + figures.subject,
                             .caption = figures.caption,
                             .x_label = "seek distance (cylinders, up to)",
                             .y_label = "services",
                             .bins = bins_of(rows, "up_to_cylinders", "services", 1, true),
                             .marks = {}};
  if (services > 0) {
    const double mean = moved / services;
    histogram.marks.push_back({fmt::format("mean: {} cylinders", shown(mean)), mean});
  }
  return {.svg = to_svg(histogram),
          .text = to_text(histogram, style),
          .json = {
              {"seek_distances", rows}, {"services", services}, {"arm_movement_cylinders", moved}}};
}

DrawnPicture draw_responses(const DiskFigures& figures, const chart::TextStyle& style) {
  const Json& rows = figures.table("disk/response_times");
  const Json& disk = figures.table("disk/statistics");
  chart::Histogram histogram{.title = "How long requests take: " + figures.subject,
                             .caption = figures.caption,
                             .x_label = "response time, queue and service (ms, up to)",
                             .y_label = "requests",
                             .bins = bins_of(rows, "up_to_ns", "requests", kNsPerMs, false),
                             .marks = {}};
  Json percentiles;
  for (const char* name : {"p50", "p90", "p99"}) {
    const double ns = number_or_zero(disk, (std::string(name) + "_response_ns").c_str());
    percentiles[name] = ns;
    if (!rows.empty())
      histogram.marks.push_back({fmt::format("{} % are done after {} ms", name + 1,
                                             chart::number_text(std::round(ns / 1e3) / 1e3)),
                                 ns / kNsPerMs});
  }
  return {.svg = to_svg(histogram),
          .text = to_text(histogram, style),
          .json = {{"response_times", rows}, {"percentiles_ns", percentiles}}};
}

/// More steps cannot be told apart in a picture.
constexpr std::size_t kMostSteps = 60;

chart::Plot hits_plot(const DiskFigures& figures) {
  chart::Plot plot;
  plot.title = "What the cache hits, over time: " + figures.subject;
  plot.y_label = "hits (% of reads)";
  plot.caption = figures.caption;
  plot.y_top = 100;
  plot.nothing = "Nothing has been read.";
  const Json& rows = figures.table("cache/history");
  const bool by_reads = figures.time == DiskFigures::Time::kReads;
  const bool in_seconds = !rows.empty() && number_or_zero(rows.back(), "end_ms") >= 10'000;
  plot.x_label = by_reads     ? "reads of the cache so far"
                 : in_seconds ? "time since the counters were reset (s)"
                              : "time since the counters were reset (ms)";
  chart::Plot::Line now{.label = "in each interval", .points = {}, .is_step = true};
  chart::Plot::Line all{.label = "all so far", .points = {}};
  now.colour = chart::colour_of(chart::Meaning::kHit);
  all.colour = chart::ink_on(chart::Meaning::kFree);
  const std::size_t merged = std::max<std::size_t>(1, (rows.size() + kMostSteps - 1) / kMostSteps);
  double begin = 0, reads = 0, hits = 0, own_reads = 0, own_hits = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    own_reads += number_or_zero(rows[i], "reads");
    own_hits += number_or_zero(rows[i], "hits");
    if ((i + 1) % merged != 0 && i + 1 != rows.size()) continue;
    reads += own_reads, hits += own_hits;
    const double end =
        by_reads ? reads : number_or_zero(rows[i], "end_ms") / (in_seconds ? 1000 : 1);
    now.points.push_back({begin, 100 * own_hits / own_reads});
    all.points.push_back({end, 100 * hits / reads});
    if (i + 1 == rows.size()) now.points.push_back({end, now.points.back().y});
    begin = end;
    own_reads = own_hits = 0;
  }
  plot.lines = {now, all};
  return plot;
}

DrawnPicture draw_hits(const DiskFigures& figures, const chart::TextStyle& style) {
  const Json& rows = figures.table("cache/history");
  const chart::Plot plot = hits_plot(figures);
  std::string text = plot.title + "\n\n";
  text += rows.empty() ? plot.nothing + "\n" : to_text(plot, style);
  return {.svg = to_svg(plot),
          .text = text + "\n" + plot.caption + "\n",
          .json = {{"history", rows}, {"reads", sum(rows, "reads")}, {"hits", sum(rows, "hits")}}};
}

chart::ArmPanels::Panel panel_of(const Json& row, const Json& moves) {
  const std::string name = row.value("policy", "");
  const auto total_ns = static_cast<std::int64_t>(number_or_zero(row, "total_ms") * 1e6);
  chart::ArmPanels::Panel panel{
      .label = name,
      .what = count_text(number_or_zero(row, "arm_movement_cylinders"), "cylinder") + ", " +
              duration_text(total_ns),
      .in_use = row.value("in_use", false),
      .moves = {}};
  double zero_ms = 0;
  for (const Json& move : moves) {
    if (move.value("policy", "") != name) continue;
    if (panel.moves.empty()) zero_ms = number_or_zero(move, "begin_ms");
    panel.moves.push_back(move_of(move, zero_ms, number_or_zero(move, "total_ms")));
  }
  return panel;
}

DrawnPicture draw_policies(const DiskFigures& figures, const chart::TextStyle& style) {
  const Json& rows = figures.table("disk/whatif");
  const Json& moves = figures.table("disk/whatif_moves");
  chart::ArmPanels panels{.title = "Every arm policy on the same requests: " + figures.subject,
                          .caption = figures.caption,
                          .cylinders = cylinders_of(figures),
                          .panels = {}};
  chart::Bars bars{"", "disk time (ms)", {}, chart::Meaning::kDevice};
  std::size_t most = 0;
  for (const Json& row : rows) {
    chart::ArmPanels::Panel panel = panel_of(row, moves);
    bars.bars.push_back(
        {panel.label + (panel.in_use ? " (in use)" : ""), number_or_zero(row, "total_ms")});
    most = std::max(most, panel.moves.size());
    if (!panel.moves.empty()) panels.panels.push_back(std::move(panel));
  }
  if (most != 0 && static_cast<double>(most) < sum(figures.table("disk/history"), "services"))
    panels.caption = fmt::format("Drawn are the last {} services; the sums are of all. {}", most,
                                 figures.caption);
  return {.svg = to_svg(panels),
          .text = panels.title + "\n\n" + to_text(bars, style) + "\n" + figures.caption + "\n",
          .json = {{"policies", rows}, {"moves", moves}, {"cylinders", panels.cylinders}}};
}

/// Complains if the disk takes no time, or has no arm where the picture needs one.
void check_disk(PictureKind kind, const DiskFigures& figures, Complaint& complaint) {
  const std::string disk = figures.table("disk/geometry").value("disk", "");
  if (disk == "none")
    return complaint.make(
        "its disk takes no time and has no arm; choose one: echo 7200rpm > "
        "MOUNT/.spindle/disk/model");
  if (disk == "ssd" && kind != PictureKind::kResponses)
    return complaint.make("its disk is an ssd, which has no arm");
  const bool is_of_arm = kind == PictureKind::kArm || kind == PictureKind::kPolicies;
  if (is_of_arm && !figures.arm_is_watched)
    complaint.make(
        "its arm is not watched; to watch it from now on: echo on > MOUNT/.spindle/disk/watch");
}

}  // namespace

DiskFigures take_disk_figures(const MountControl& control) {
  DiskFigures figures;
  for (const char* name :
       {"disk/statistics", "disk/geometry", "disk/moves", "disk/history", "disk/seek_distances",
        "disk/response_times", "disk/whatif", "disk/whatif_moves", "cache/history"})
    figures.tables[name] = control.json(name);
  figures.arm_is_watched = control.chosen("disk/watch") == "on";
  const std::string image = control.value("volume/image");
  figures.subject = printable(image.substr(image.rfind('/') + 1));
  figures.caption = fmt::format(
      "Disk {}, arm {}, cache {}; {} since the counters were reset; {:%Y-%m-%d %H:%M:%S}",
      control.chosen("disk/model"), control.chosen("disk/scheduler"),
      control.chosen("cache/policy"),
      count_text(static_cast<double>(natural(figures.table("disk/statistics"), "requests")),
                 "request"),
      fmt::localtime(std::time(nullptr)));
  return figures;
}

DrawnPicture picture_of(PictureKind kind, const DiskFigures& figures, Complaint& complaint) {
  if (kind != PictureKind::kHits) check_disk(kind, figures, complaint);
  if (kind == PictureKind::kHits && !figures.has("cache/history"))
    complaint.make("a block trace has no cache");
  if (complaint.made()) return {};
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  DrawnPicture picture;
  if (kind == PictureKind::kArm) picture = draw_arm(figures, style);
  if (kind == PictureKind::kSeeks) picture = draw_seeks(figures, style);
  if (kind == PictureKind::kResponses) picture = draw_responses(figures, style);
  if (kind == PictureKind::kHits) picture = draw_hits(figures, style);
  if (kind == PictureKind::kPolicies) picture = draw_policies(figures, style);
  picture.json["subject"] = figures.subject;
  picture.json["caption"] = figures.caption;
  return picture;
}

}  // namespace spindle::cli
