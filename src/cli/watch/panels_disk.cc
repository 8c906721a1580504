// The panels of the disk: where its arm is, and what its blocks are used for.

#include <fmt/format.h>

#include <algorithm>

#include "cli/watch/panels.h"
#include "spindle/base/size_text.h"
#include "spindle/chart/palette.h"

namespace spindle::cli {
namespace {

using chart::colour_of;
using chart::Meaning;

std::uint64_t count_in(const std::map<std::string, std::uint64_t>& counts, const char* name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

constexpr std::string_view kLastMove = "last to ";
constexpr std::string_view kEarlierMove = "     to ";

/// The cylinders as a line from left to right; before it, labels with a number of one.
class Track {
 public:
  Track(Canvas& canvas, const Area& area, std::uint64_t cylinders)
      : canvas_(canvas),
        last_(std::max<std::uint64_t>(1, cylinders - 1)),
        labels_(static_cast<int>(kLastMove.size() + std::to_string(last_).size())),
        x_(area.x + labels_ + 1),
        width_(std::max(1, area.width - labels_ - 1)) {}

  /// How wide the labels may be.
  [[nodiscard]] int labels() const { return labels_; }

  [[nodiscard]] int column(std::uint64_t cylinder) const {
    const double part = static_cast<double>(std::min(cylinder, last_)) / static_cast<double>(last_);
    return x_ + static_cast<int>(part * (width_ - 1) + 0.5);
  }

  void draw_scale(int y) const {
    const int ticks = width_ >= 60 ? 8 : width_ >= 30 ? 4 : 1;
    for (int i = 0; i <= ticks; ++i) {
      const std::string number =
          std::to_string(last_ * static_cast<std::uint64_t>(i) / static_cast<std::uint64_t>(ticks));
      const auto length = static_cast<int>(number.size());
      const int x = x_ + (width_ - 1) * i / ticks - length / 2;
      canvas_.put(std::clamp(x, x_, std::max(x_, x_ + width_ - length)), y, number,
                  {.faint = true});
    }
  }

  void draw_line(int y) const {
    for (int x = x_; x < x_ + width_; ++x)
      canvas_.put(x, y, canvas_.pick("─", "-"), {.faint = true});
  }

  void draw_waiting(int y, const std::vector<ArmWaiting>& waiting) const {
    std::map<int, std::pair<int, bool>> marks;
    for (const ArmWaiting& one : waiting) {
      auto& mark = marks[column(one.cylinder)];
      ++mark.first;
      mark.second = one.is_write;
    }
    for (const auto& [x, mark] : marks) {
      const auto& [count, is_write] = mark;
      const std::string text = count == 1   ? (is_write ? "w" : "r")
                               : count < 10 ? std::to_string(count)
                                            : "+";
      canvas_.put(x, y, text, {.ground = colour_of(Meaning::kWaiting), .strong = true});
    }
  }

  void draw_arm(int y, const ArmNow& arm) const {
    const int x = column(arm.cylinder);
    const Look look{.ink = colour_of(Meaning::kRunning), .strong = true};
    canvas_.put(x, y, canvas_.pick("▲", "^"), look);
    if (arm.moving_up && x + 1 < x_ + width_) canvas_.put(x + 1, y, canvas_.pick("→", ">"), look);
    if (!arm.moving_up && x > x_) canvas_.put(x - 1, y, canvas_.pick("←", "<"), look);
  }

  void draw_move(int y, const ArmMove& move) const {
    const int from = column(move.from);
    const int to = column(move.to);
    for (int x = std::min(from, to); x <= std::max(from, to); ++x)
      canvas_.put(x, y, canvas_.pick("─", "-"), {.ink = colour_of(Meaning::kReturn)});
    canvas_.put(to, y, move.is_write ? "W" : "R",
                {.ground = colour_of(Meaning::kDevice), .strong = true});
  }

 private:
  Canvas& canvas_;
  std::uint64_t last_;
  int labels_;
  int x_;
  int width_;
};

std::string arm_summary(const Figures& figures) {
  const auto& disk = figures.disk;
  const double seek = static_cast<double>(count_in(disk, "seek_time_ns"));
  const double rotation = static_cast<double>(count_in(disk, "rotation_time_ns"));
  const double busy = seek + rotation + static_cast<double>(count_in(disk, "transfer_time_ns"));
  const char* per = figures.seconds > 0 ? "/s" : "";
  std::string text = fmt::format(
      "{} requests{}, {} cylinders{}", number_text(figures.rate(count_in(disk, "requests"))), per,
      number_text(figures.rate(count_in(disk, "arm_movement_cylinders"))), per);
  if (busy > 0)
    text += fmt::format("; time: {:.0f}% seek, {:.0f}% rotation", seek / busy * 100,
                        rotation / busy * 100);
  return text;
}

bool has_arm(const ArmNow& arm) {
  return arm.model != "none" && arm.cylinders > 1;
}

void draw_no_arm(Canvas& canvas, const Area& area, const Figures& figures) {
  const char* per = figures.seconds > 0 ? "/s" : "";
  const ArmNow& arm = figures.now.arm;
  const std::string lines[] = {
      arm.model == "none"
          ? "The disk 'none' takes no time: no arm moves, nothing waits."
          : fmt::format("The disk '{}' has no arm: all blocks are equally far. {} wait.", arm.model,
                        arm.queue),
      "Another one (key d, or -o disk=textbook at mount) has an arm.",
      fmt::format("{} requests{}, {} blocks read{}, {} written{}",
                  number_text(figures.rate(count_in(figures.disk, "requests"))), per,
                  number_text(figures.rate(count_in(figures.disk, "read_blocks"))), per,
                  number_text(figures.rate(count_in(figures.disk, "written_blocks"))), per)};
  Area rest = area;
  for (const std::string& line : lines) {
    const int rows = canvas.put_wrapped(rest, line);
    rest.y += rows;
    rest.height -= rows;
  }
}

/// The character that stands for some neighbouring cells, and what they hold together.
struct Glyph {
  std::uint64_t blocks = 0;
  std::uint64_t own = 0;  ///< blocks of the volume's own metadata
  std::uint64_t journal = 0;
  std::uint64_t in_files = 0;
  unsigned read_age = WatchHistory::kFadesAfter;
  unsigned written_age = WatchHistory::kFadesAfter;
};

/// How the cells are laid out in the area.
struct Grid {
  int labels = 0;
  int columns = 1;
  int rows = 1;
  std::size_t cells_per_glyph = 1;
  std::size_t glyphs = 0;

  Grid(const CellsNow& cells, const Area& area) {
    const auto digits = static_cast<int>(std::to_string(cells.block_count).size());
    labels = area.width >= 36 ? digits + 1 : 0;
    columns = std::max(1, area.width - labels);
    if (columns > 16) columns -= columns % 8;
    rows = std::max(1, area.height - (area.height > 2 ? 1 : 0));
    const auto room = static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows);
    while ((cells.written.size() + cells_per_glyph - 1) / cells_per_glyph > room)
      cells_per_glyph *= 2;
    glyphs = (cells.written.size() + cells_per_glyph - 1) / cells_per_glyph;
  }
};

Glyph glyph_of(const WatchView& view, const Grid& grid, std::size_t index) {
  const CellsNow& cells = view.figures.now.cells;
  Glyph glyph;
  const std::size_t end = std::min((index + 1) * grid.cells_per_glyph, cells.written.size());
  for (std::size_t i = index * grid.cells_per_glyph; i < end; ++i) {
    const std::uint64_t first = i * cells.blocks_per_cell;
    const std::uint64_t blocks = std::min(cells.blocks_per_cell, cells.block_count - first);
    glyph.blocks += blocks;
    glyph.own += blocks - std::min(blocks, cells.data[i] + cells.journal[i]);
    glyph.journal += cells.journal[i];
    glyph.in_files += cells.in_files[i];
    glyph.read_age = std::min(glyph.read_age, view.history.read_age(i));
    glyph.written_age = std::min(glyph.written_age, view.history.written_age(i));
  }
  return glyph;
}

struct Kind {
  char letter;
  std::string_view colour;
  std::string_view name;
};

// The letters and colours are those of `spindle picture`.
const Kind kData{'D', chart::series_colour(0), "data"};
const Kind kJournal{'J', chart::series_colour(3), "journal"};
const Kind kOwn{'S', chart::series_colour(6), "the volume's own"};

const Kind* kind_of(const Glyph& glyph) {
  const std::uint64_t most = std::max({glyph.own, glyph.journal, glyph.in_files});
  if (most == 0) return nullptr;
  return most == glyph.in_files ? &kData : most == glyph.journal ? &kJournal : &kOwn;
}

void draw_glyph(Canvas& canvas, int x, int y, const Glyph& glyph) {
  const bool is_write = glyph.written_age <= glyph.read_age;
  const unsigned age = std::min(glyph.written_age, glyph.read_age);
  const Kind* kind = kind_of(glyph);
  const std::string_view ground = kind == nullptr ? std::string_view() : kind->colour;
  if (age < WatchHistory::kFadesAfter) {
    const std::string_view device = colour_of(Meaning::kDevice);
    if (age == 0)
      return (void)canvas.put(x, y, is_write ? "W" : "R", {.ground = device, .strong = true});
    if (age < 3) return (void)canvas.put(x, y, is_write ? "w" : "r", {.ground = device});
    return (void)canvas.put(x, y, is_write ? "w" : "r", {.ground = ground, .ink = device});
  }
  if (kind == nullptr) return (void)canvas.put(x, y, canvas.pick("·", "."), {.faint = true});
  const bool is_half = (glyph.own + glyph.journal + glyph.in_files) * 2 >= glyph.blocks;
  const char letter = static_cast<char>(kind->letter + (is_half ? 0 : 'a' - 'A'));
  canvas.put(x, y, std::string(1, letter), {.ground = ground});
}

/// On a narrow panel the entries stand closer together, and the obvious ones are left out.
void draw_legend(Canvas& canvas, int x, int y, int right) {
  constexpr int kWide = 64;
  const bool is_wide = right - x >= kWide;
  const auto add = [&](std::string_view mark, const Look& look, std::string_view name) {
    const int end = x + 2 + columns_on_canvas(name);
    if (end > right) return;
    canvas.put(x, y, mark, look);
    canvas.put(x + 2, y, name);
    x = end + (is_wide ? 2 : 1);
  };
  const Look device{.ground = colour_of(Meaning::kDevice), .strong = true};
  add("W", device, "written");
  add("R", device, "read");
  for (const Kind* kind : {&kData, &kJournal})
    add(std::string(1, kind->letter), {.ground = kind->colour}, kind->name);
  add(std::string(1, kOwn.letter), {.ground = kOwn.colour}, is_wide ? kOwn.name : "own");
  if (is_wide) add(canvas.pick("·", "."), {.faint = true}, "free");
}

}  // namespace

std::string arm_title(const WatchView& view) {
  const ArmNow& arm = view.figures.now.arm;
  if (!has_arm(arm)) return "Arm: none";
  return fmt::format("Arm: {}, disk '{}'", arm.policy, arm.model);
}

void draw_arm(Canvas& canvas, const Area& area, const WatchView& view) {
  const ArmNow& arm = view.figures.now.arm;
  if (!has_arm(arm)) return draw_no_arm(canvas, area, view.figures);
  const Track track(canvas, area, arm.cylinders);
  const bool has_summary = area.height >= 5;
  const int bottom = area.y + area.height - (has_summary ? 1 : 0);
  int y = area.y;
  const auto label = [&](const std::string& text) {
    canvas.put_within(area.x, y, track.labels(), text);
    return y < bottom;
  };
  if (y < bottom && label("cylinder")) track.draw_scale(y++);
  if (y < bottom && label(fmt::format("{} wait", arm.queue))) {
    track.draw_line(y);
    track.draw_waiting(y++, arm.waiting);
  }
  if (y < bottom && label(fmt::format("arm {}", arm.cylinder))) track.draw_arm(y++, arm);
  const auto& moves = view.figures.moves;
  for (auto move = moves.rbegin(); move != moves.rend() && y < bottom; ++move, ++y) {
    const std::string_view what = move == moves.rbegin() ? kLastMove : kEarlierMove;
    canvas.put_within(area.x, y, track.labels(), fmt::format("{}{}", what, move->to),
                      {.faint = true});
    track.draw_move(y, *move);
  }
  if (has_summary) canvas.put_clauses(area.x, bottom, area.width, arm_summary(view.figures));
}

std::string blocks_title(const WatchView& view, const Area& area) {
  const Activity& now = view.figures.now;
  const std::uint64_t blocks = Grid(now.cells, area).cells_per_glyph * now.cells.blocks_per_cell;
  return fmt::format("Blocks: {} to a letter ({})", blocks,
                     size_text(blocks * count_in(now.volume, "block_size_bytes")));
}

void draw_blocks(Canvas& canvas, const Area& area, const WatchView& view) {
  const CellsNow& cells = view.figures.now.cells;
  if (area.height <= 0) return;
  const Grid grid(cells, area);
  const auto columns = static_cast<std::size_t>(grid.columns);
  for (std::size_t i = 0; i < grid.glyphs; ++i) {
    const int y = area.y + static_cast<int>(i / columns);
    const auto column = static_cast<int>(i % columns);
    if (column == 0 && grid.labels > 0)
      canvas.put_right(area.x + grid.labels - 1, y,
                       std::to_string(i * grid.cells_per_glyph * cells.blocks_per_cell),
                       {.faint = true});
    draw_glyph(canvas, area.x + grid.labels + column, y, glyph_of(view, grid, i));
  }
  const int used = static_cast<int>((grid.glyphs + columns - 1) / columns);
  if (used < area.height)
    draw_legend(canvas, area.x, area.y + area.height - 1, area.x + area.width);
}

}  // namespace spindle::cli
