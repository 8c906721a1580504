#include "cli/watch/panels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"
#include "spindle/chart/palette.h"

namespace spindle::cli {
namespace {

using chart::colour_of;
using chart::Meaning;

std::uint64_t value_of(const std::map<std::string, std::uint64_t>& counts, const char* name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// "reads/s", or "reads" where the figures are not rates.
std::string unit(const WatchView& view, std::string_view things) {
  return std::string(things) + (view.figures.seconds > 0 ? "/s" : "");
}

constexpr int kNames = 6;
constexpr int kFiguresOfBar = 24;

/// Draws "used  ######------  12 MiB of 64 MiB".
void draw_bar(Canvas& canvas, const Area& area, int row, std::string_view name, double part,
              Meaning meaning, const std::string& figures) {
  if (row >= area.height) return;
  const int y = area.y + row;
  canvas.put_within(area.x, y, area.width, name);
  const int width = std::max(0, area.width - kNames - kFiguresOfBar);
  const int filled = std::clamp(static_cast<int>(part * width + 0.5), 0, width);
  for (int i = 0; i < width; ++i) {
    const bool is_filled = i < filled;
    canvas.put(area.x + kNames + i, y, is_filled ? canvas.pick("█", "#") : canvas.pick("·", "."),
               is_filled ? Look{.ink = colour_of(meaning)} : Look{.faint = true});
  }
  const int x = area.x + kNames + (width == 0 ? 0 : width + 1);
  canvas.put_within(x, y, area.x + area.width - x, figures);
}

/// Draws each value, 0 to 1, in a column, the newest on the right.
void draw_curve(Canvas& canvas, const Area& area, const std::deque<std::optional<double>>& values) {
  static constexpr std::array<std::string_view, 9> kFancy = {" ", "▁", "▂", "▃", "▄",
                                                             "▅", "▆", "▇", "█"};
  static constexpr std::array<std::string_view, 9> kPlain = {" ", "_", "_", ".", ".",
                                                             ":", ":", "#", "#"};
  const auto shown = std::min<std::size_t>(values.size(), static_cast<std::size_t>(area.width));
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& value = values[values.size() - shown + i];
    if (!value) continue;
    const int x = area.x + area.width - static_cast<int>(shown - i);
    const int eighths = std::max(1, static_cast<int>(*value * area.height * 8 + 0.5));
    for (int row = 0; row < area.height; ++row) {
      const auto level = static_cast<std::size_t>(std::clamp(eighths - row * 8, 0, 8));
      canvas.put(x, area.y + area.height - 1 - row, canvas.pick(kFancy[level], kPlain[level]),
                 {.ink = colour_of(Meaning::kHit)});
    }
  }
}

std::string cache_title(const WatchView& view) {
  const Activity& now = view.figures.now;
  return fmt::format("Cache: {}, {}", now.cache_policy,
                     size_text(value_of(now.cache, "size_bytes")));
}

void draw_cache(Canvas& canvas, const Area& area, const WatchView& view) {
  const Figures& figures = view.figures;
  const Activity& now = figures.now;
  const std::uint64_t block = std::max<std::uint64_t>(1, value_of(now.volume, "block_size_bytes"));
  const std::uint64_t capacity = value_of(now.cache, "capacity_blocks");
  const std::uint64_t used = value_of(now.cache, "used_blocks");
  const std::uint64_t dirty = value_of(now.cache, "dirty_blocks");
  const std::uint64_t log_used = value_of(now.journal, "log_used_bytes");
  const std::uint64_t log = value_of(now.journal, "log_capacity_bytes");
  const auto ratio = figures.hit_ratio();
  draw_bar(canvas, area, 0, "hits", ratio.value_or(0), Meaning::kHit,
           (ratio ? fmt::format("{:.1f}% of ", *ratio * 100) : std::string()) +
               number_text(figures.rate(value_of(figures.cache, "reads"))) + " " +
               unit(view, "reads"));
  draw_bar(canvas, area, 1, "used", share(used, capacity), Meaning::kRunning,
           size_text(used * block));
  draw_bar(canvas, area, 2, "dirty", share(dirty, capacity), Meaning::kDevice,
           size_text(dirty * block));
  draw_bar(canvas, area, 3, "log", share(log_used, log), Meaning::kOverhead,
           fmt::format("{} of {}", size_text(log_used), size_text(log)));
  constexpr int kMostRows = 8;
  const int rows = std::min(area.height - 4, kMostRows);
  if (rows < 1 || view.history.hit_ratios().empty()) return;
  const Area below{area.x + kNames, area.y + 4, area.width - kNames, rows};
  canvas.put(area.x, below.y + rows - 1, "hits");
  if (rows > 1) canvas.put(area.x, below.y, "100%", {.faint = true});
  draw_curve(canvas, below, view.history.hit_ratios());
}

struct Column {
  std::string_view title;
  int width;
};

/// Writes the titles from `x` on, right-aligned; returns where the last one ends.
int draw_titles(Canvas& canvas, int x, int y, int right, const std::vector<Column>& columns,
                bool per_second) {
  for (const Column& column : columns) {
    x += column.width;
    const std::string title = std::string(column.title) + (per_second ? "/s" : "");
    if (x <= right) canvas.put_right(x, y, title, {.faint = true});
  }
  return x;
}

/// Areas of as many columns have room for reads beside writes.
constexpr int kBothDirections = 50;

void draw_files(Canvas& canvas, const Area& area, const WatchView& view) {
  const Figures& figures = view.figures;
  if (figures.files.empty()) {
    canvas.put_within(area.x, area.y, area.width, "No request reached a file.", {.faint = true});
    return;
  }
  const int right = area.x + area.width;
  const bool is_wide = area.width >= kBothDirections;
  const auto titles = is_wide ? std::vector<Column>{{"requests", 10}, {"read", 10}, {"written", 11}}
                              : std::vector<Column>{{"requests", 10}, {"bytes", 10}};
  const int path = draw_titles(canvas, area.x, area.y, right, titles, figures.seconds > 0) + 2;
  canvas.put_within(path, area.y, right - path, "file", {.faint = true});
  for (int row = 1; row < area.height; ++row) {
    const auto i = static_cast<std::size_t>(row - 1);
    if (i >= figures.files.size()) break;
    const BusyFile& file = figures.files[i];
    const int y = area.y + row;
    const auto put_bytes = [&](int at, std::uint64_t count) {
      const auto bytes = static_cast<std::uint64_t>(figures.rate(count));
      canvas.put_right(area.x + at, y, count == 0 ? std::string("-") : size_text(bytes));
    };
    canvas.put_right(area.x + 10, y, number_text(figures.rate(file.requests)));
    put_bytes(20, file.read_bytes + (is_wide ? 0 : file.written_bytes));
    if (is_wide) put_bytes(31, file.written_bytes);
    canvas.put_end_within(
        path, y, right - path,
        file.path.empty() ? fmt::format("inode {}", file.inode) : printable(file.path));
  }
}

void draw_latency(Canvas& canvas, const Area& area, const WatchView& view) {
  const Figures& figures = view.figures;
  if (figures.operations.empty()) {
    canvas.put_within(area.x, area.y, area.width, "No request came.", {.faint = true});
    return;
  }
  constexpr int kName = 12;
  constexpr int kCount = 7;
  constexpr int kTime = 7;
  const int right = area.x + area.width;
  canvas.put_within(area.x, area.y, area.width, "operation", {.faint = true});
  if (area.width >= kName + kCount)
    canvas.put_right(area.x + kName + kCount, area.y, unit(view, "count"), {.faint = true});
  draw_titles(canvas, area.x + kName + kCount, area.y, right,
              {{"p50", kTime}, {"p90", kTime}, {"p99", kTime}, {"longest", kTime + 2}}, false);
  for (int row = 1; row < area.height; ++row) {
    const auto i = static_cast<std::size_t>(row - 1);
    if (i >= figures.operations.size()) break;
    const OperationTimes& one = figures.operations[i];
    const int y = area.y + row;
    canvas.put_within(area.x, y, std::min(area.width, kName), one.name);
    int x = area.x + kName + kCount;
    if (x <= right) canvas.put_right(x, y, number_text(figures.rate(one.count)));
    for (const double percent : {50.0, 90.0, 99.0, 100.0}) {
      x += percent == 100 ? kTime + 2 : kTime;
      if (x <= right) canvas.put_right(x, y, time_text(one.percentile_ns(percent)));
    }
  }
}

}  // namespace

void WatchHistory::add(const Figures& figures) {
  hit_ratios_.push_back(figures.hit_ratio());
  if (hit_ratios_.size() > kMost) hit_ratios_.pop_front();
  const auto grow_older = [](std::vector<unsigned>& ages, const std::vector<std::uint64_t>& now) {
    ages.resize(now.size(), kFadesAfter);
    for (std::size_t i = 0; i < now.size(); ++i)
      ages[i] = now[i] != 0 ? 0 : std::min(ages[i] + 1, kFadesAfter);
  };
  grow_older(read_age_, figures.read);
  grow_older(written_age_, figures.written);
}

void draw_panel(Canvas& canvas, Panel panel, const Area& area, const WatchView& view,
                bool is_chosen) {
  if (area.width <= 0 || area.height <= 0) return;
  const Area inside{area.x, area.y + 1, area.width, area.height - 1};
  std::string title;
  switch (panel) {
    case Panel::kArm:
      title = arm_title(view);
      draw_arm(canvas, inside, view);
      break;
    case Panel::kBlocks:
      title = blocks_title(view, inside);
      draw_blocks(canvas, inside, view);
      break;
    case Panel::kCache:
      title = cache_title(view);
      draw_cache(canvas, inside, view);
      break;
    case Panel::kFiles:
      title = "Busiest files";
      draw_files(canvas, inside, view);
      break;
    case Panel::kLatency:
      title = "Latency of requests";
      draw_latency(canvas, inside, view);
      break;
  }
  int x = canvas.put_within(area.x, area.y, area.width, " " + title + " ",
                            {.strong = true, .reverse = is_chosen});
  for (; x < area.x + area.width; ++x)
    canvas.put(x, area.y, canvas.pick("─", "-"), {.faint = !is_chosen});
}

std::string number_text(double value) {
  if (value < 9.95 && value != static_cast<double>(static_cast<std::int64_t>(value)))
    return fmt::format("{:.1f}", value);
  constexpr std::string_view kUnits = " kMGT";
  std::size_t unit = 0;
  for (; value >= 9999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.0f}{}", value, kUnits[unit]);
}

std::string time_text(std::int64_t ns) {
  static constexpr std::array<std::string_view, 4> kUnits = {"ns", "us", "ms", "s"};
  auto value = static_cast<double>(ns);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  const bool is_small = value < 9.95 && unit != 0;
  return is_small ? fmt::format("{:.1f} {}", value, kUnits[unit])
                  : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

}  // namespace spindle::cli
