#include "cli/watch/screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"

namespace spindle::cli {
namespace {

constexpr int kLeastWidth = 40;
constexpr int kLeastHeight = 8;
constexpr int kAllWidth = 78;
constexpr int kAllHeight = 20;
constexpr int kWideWidth = 132;

struct Placed {
  Panel panel;
  Area area;
};

/// Places panels beside one another, with a column between them.
void place_row(std::vector<Placed>& placed, const Area& row, std::vector<Panel> panels,
               std::vector<int> percent) {
  int x = row.x;
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const bool is_last = i + 1 == panels.size();
    const int right = row.x + row.width;
    const int width = is_last ? right - x : (row.width * percent[i]) / 100 - 1;
    placed.push_back({panels[i], {x, row.y, width, row.height}});
    x += width + 1;
  }
}

std::vector<Placed> arrange(const Area& area, const WatchScreen& screen) {
  std::vector<Placed> placed;
  if (screen.is_alone || area.width < kAllWidth || area.height + 2 < kAllHeight) {
    placed.push_back({screen.panel, area});
  } else if (area.width < kWideWidth) {
    const int first = std::max(7, area.height * 3 / 10);
    const int second = (area.height - first) / 2;
    place_row(placed, {area.x, area.y, area.width, first}, {Panel::kArm}, {100});
    place_row(placed, {area.x, area.y + first, area.width, second}, {Panel::kBlocks, Panel::kCache},
              {50, 50});
    place_row(placed, {area.x, area.y + first + second, area.width, area.height - first - second},
              {Panel::kFiles, Panel::kLatency}, {50, 50});
  } else {
    const int first = area.height / 2;
    place_row(placed, {area.x, area.y, area.width, first}, {Panel::kArm, Panel::kBlocks}, {50, 50});
    place_row(placed, {area.x, area.y + first, area.width, area.height - first},
              {Panel::kCache, Panel::kFiles, Panel::kLatency}, {30, 35, 35});
  }
  return placed;
}

std::string header_text(const WatchScreen& screen) {
  const Figures& figures = *screen.figures;
  const auto& volume = figures.now.volume;
  const auto value = [&](const char* name) {
    const auto found = volume.find(name);
    return found == volume.end() ? 0 : found->second;
  };
  std::uint64_t requests = 0;
  for (const OperationTimes& one : figures.operations) requests += one.count;
  const std::string& name = figures.now.label.empty() ? screen.mount : figures.now.label;
  return fmt::format("{}: {} of {} free, {}; {} requests{}", printable(name),
                     size_text(value("free_blocks") * value("block_size_bytes")),
                     size_text(value("blocks") * value("block_size_bytes")), figures.now.state,
                     number_text(figures.rate(requests)), figures.seconds > 0 ? "/s" : " in all");
}

void draw_header(Canvas& canvas, const WatchScreen& screen) {
  const std::string right = screen.is_paused   ? "PAUSED"
                            : !screen.has_keys ? ""
                                               : fmt::format("every {} s", screen.interval_s);
  const std::string text = header_text(screen);
  const int first = columns_on_canvas(std::string_view(text).substr(0, text.find(',')));
  const int room = canvas.width() - columns_on_canvas(right) - 1;
  // If there is no room for both, the keys say what the interval is.
  if (first > room && !screen.is_paused)
    return (void)canvas.put_clauses(0, 0, canvas.width(), text, {.strong = true});
  canvas.put_clauses(0, 0, room, text, {.strong = true});
  canvas.put_right(canvas.width(), 0, right,
                   {.strong = screen.is_paused, .reverse = screen.is_paused});
}

void draw_keys(Canvas& canvas, const WatchScreen& screen) {
  const int y = canvas.height() - 1;
  if (!screen.message.empty())
    return (void)canvas.put_within(0, y, canvas.width(), screen.message, {.strong = true});
  constexpr std::pair<const char*, const char*> kKeys[] = {
      {"q", "quit"},      {"?", "help"},    {"p", "pause"},    {"space", "now"},
      {"+-", "interval"}, {"tab", "panel"}, {"enter", "full"}, {"a", "arm"},
      {"c", "cache"},     {"d", "disk"},    {"f", "fit"}};
  int x = 0;
  for (const auto& [key, what] : kKeys) {
    const int width = columns_on_canvas(key) + 1 + columns_on_canvas(what);
    if (x + width > canvas.width()) break;
    x = canvas.put(canvas.put(x, y, key, {.strong = true}) + 1, y, what, {.faint = true}) + 2;
  }
}

/// Draws a box in the middle of the screen; returns the area inside.
Area draw_box(Canvas& canvas, int width, int height, std::string_view title) {
  width = std::min(width + 4, canvas.width());
  height = std::min(height + 2, canvas.height());
  const Area box{(canvas.width() - width) / 2, (canvas.height() - height) / 2, width, height};
  canvas.clear(box);
  const int right = box.x + box.width - 1;
  const int bottom = box.y + box.height - 1;
  for (int x = box.x; x <= right; ++x)
    for (const int y : {box.y, bottom}) canvas.put(x, y, canvas.pick("─", "-"));
  for (int y = box.y; y <= bottom; ++y)
    for (const int x : {box.x, right}) canvas.put(x, y, canvas.pick("│", "|"));
  canvas.put(box.x, box.y, canvas.pick("┌", "+"));
  canvas.put(right, box.y, canvas.pick("┐", "+"));
  canvas.put(box.x, bottom, canvas.pick("└", "+"));
  canvas.put(right, bottom, canvas.pick("┘", "+"));
  const int end = canvas.put_clauses(box.x + 2, box.y, box.width - 5, fmt::format(" {}", title),
                                     {.strong = true});
  canvas.put(end, box.y, " ");
  return {box.x + 2, box.y + 1, box.width - 4, box.height - 2};
}

void draw_menu(Canvas& canvas, const WatchMenu& menu) {
  const std::string title = menu.setting + ": enter sets, esc leaves";
  int width = columns_on_canvas(title) + 2;
  for (const std::string& choice : menu.choices)
    width = std::max(width, columns_on_canvas(choice) + 10);
  const Area inside = draw_box(canvas, width, static_cast<int>(menu.choices.size()), title);
  const auto rows = static_cast<std::size_t>(std::max(inside.height, 1));
  const std::size_t first = menu.chosen < rows ? 0 : menu.chosen - rows + 1;
  for (std::size_t i = first; i < menu.choices.size() && i - first < rows; ++i) {
    const bool is_present = menu.choices[i] == menu.present;
    const std::string line = fmt::format("{} {}{}", i == menu.chosen ? ">" : " ", menu.choices[i],
                                         is_present ? " (now)" : "");
    canvas.put_within(inside.x, inside.y + static_cast<int>(i - first), inside.width, line,
                      {.strong = is_present, .reverse = i == menu.chosen});
  }
}

constexpr int kHelpWidth = 72;

/// The keys in two columns, or in one where the screen is narrow.
std::vector<std::string> help_of_keys(bool is_wide) {
  if (is_wide)
    return {"q            quit                   p      pause, and go on",
            "space        look now               + -    longer, shorter intervals",
            "tab, arrows  choose a panel         enter  the panel alone, and back",
            "a  arm policy     d  disk     c  cache policy     f  fit of free runs", ""};
  return {"q            quit",         "space        look now",
          "p            pause",        "+ -          the interval",
          "tab, arrows  a panel",      "enter        the panel alone",
          "a            arm policy",   "d            disk",
          "c            cache policy", "f            fit of free runs"};
}

/// Draws the part of the help that has room, from the list of keys on.
void draw_help(Canvas& canvas) {
  constexpr std::string_view kSentences[] = {
      "Arm: where it stands, what waits for it, its last moves.",
      "Blocks: W was just written, R read; w and r fade. Other letters: what the blocks hold, "
      "in capitals where at least half are in use.",
      "Cache: reads it could answer, blocks in use, and those to be written; log is how full the "
      "journal is. Below, its hits over time.",
      "Busiest files: by requests that reached the volume; what the kernel answers out of its own "
      "cache is not among them.",
      "Latency: half of the requests took at most p50, 99 of 100 at most p99.",
      "",
      "Any key closes this."};
  const bool is_wide = canvas.width() >= kHelpWidth + 4;
  const std::vector<std::string> keys = help_of_keys(is_wide);
  Area rest = draw_box(canvas, kHelpWidth, is_wide ? 15 : canvas.height(), "spindle watch");
  const auto take = [&](int rows) {
    rest.y += rows;
    rest.height -= rows;
  };
  for (const std::string& key : keys) {
    if (rest.height > 0) canvas.put_within(rest.x, rest.y, rest.width, key);
    take(1);
  }
  for (const std::string_view sentence : kSentences) take(canvas.put_wrapped(rest, sentence));
}

void draw_too_small(Canvas& canvas) {
  canvas.put_wrapped({0, 0, canvas.width(), canvas.height()},
                     fmt::format("{} x {} is too small: {} x {} shows one panel.", canvas.width(),
                                 canvas.height(), kLeastWidth, kLeastHeight));
}

}  // namespace

void draw_screen(Canvas& canvas, const WatchScreen& screen) {
  if (canvas.width() < kLeastWidth || canvas.height() < kLeastHeight) return draw_too_small(canvas);
  if (screen.figures != nullptr) {
    draw_header(canvas, screen);
    const WatchView view{*screen.figures, screen.history};
    const Area between{0, 1, canvas.width(), canvas.height() - (screen.has_keys ? 2 : 1)};
    for (const auto& [panel, area] : arrange(between, screen))
      draw_panel(canvas, panel, area, view, screen.has_keys && panel == screen.panel);
  }
  if (screen.has_keys) draw_keys(canvas, screen);
  if (screen.menu) draw_menu(canvas, *screen.menu);
  if (screen.shows_help) draw_help(canvas);
}

}  // namespace spindle::cli
