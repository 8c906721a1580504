#include "spindle/chart/arm_track.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cylinders.h"
#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

/// The range of cylinders that a picture shows, with a margin.
class Range {
 public:
  explicit Range(std::uint64_t cylinders) : cylinders_(cylinders) {}

  void take(std::uint64_t cylinder) {
    low_ = std::min(low_, static_cast<double>(cylinder));
    high_ = std::max(high_, static_cast<double>(cylinder));
  }
  void take(const std::vector<ArmMove>& moves) {
    for (const ArmMove& move : moves) {
      for (const std::uint64_t cylinder : {move.from, move.to, move.end}) take(cylinder);
      for (const std::uint64_t turn : move.turns) take(turn);
    }
  }
  [[nodiscard]] double low() const {
    return low_ > high_ ? 0 : std::max(0.0, std::floor(low_ - air()));
  }
  [[nodiscard]] double high() const {
    const auto last = static_cast<double>(std::max<std::uint64_t>(cylinders_, 2) - 1);
    return low_ > high_ ? last : std::max(low() + 1, std::min(last, std::ceil(high_ + air())));
  }
  /// The title of the axis.
  [[nodiscard]] std::string label() const {
    return fmt::format("cylinder (the disk has {})", cylinders_);
  }

 private:
  [[nodiscard]] double air() const { return std::max(1.0, (high_ - low_) / 16); }

  std::uint64_t cylinders_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = 0;
};

/// An area of the drawing, with time to the right and cylinders upwards.
class Field {
 public:
  Field(Svg& svg, const Box& box, double begin_ms, double finish_ms, const Range& range)
      : svg_(svg),
        box_(box),
        in_seconds_(finish_ms - begin_ms >= 10'000),
        begin_ms_(begin_ms),
        span_ms_(std::max(finish_ms - begin_ms, 1e-3)),
        low_(range.low()),
        high_(range.high()) {}

  [[nodiscard]] Point at(double ms, std::uint64_t cylinder) const {
    return {box_.x + (ms - begin_ms_) / span_ms_ * box_.width, y_of(static_cast<double>(cylinder))};
  }

  /// On which sides numbers stand, outside of the area.
  struct Numbers {
    bool left = true;
    bool below = true;
  };
  void draw_axes(Numbers numbers, std::size_t x_ticks) const {
    const double unit = in_seconds_ ? 1000 : 1;
    const double bottom = box_.y + box_.height;
    for (const double tick : nice_ticks(begin_ms_ / unit, (begin_ms_ + span_ms_) / unit, x_ticks)) {
      const double x = at(tick * unit, 0).x;
      svg_.line({x, box_.y}, {x, bottom}, {.stroke = "#E6E6E6"});
      if (numbers.below)
        svg_.text({x, bottom + 15}, number_text(tick),
                  {.size = kSmallText, .anchor = Anchor::kMiddle});
    }
    for (const double tick : nice_ticks(low_, high_, box_.height < 160 ? 4 : 8)) {
      if (tick != std::floor(tick)) continue;
      const double y = y_of(tick);
      svg_.line({box_.x, y}, {box_.x + box_.width, y}, {.stroke = "#E6E6E6"});
      if (numbers.left)
        svg_.text({box_.x - 7, y + 4}, number_text(tick),
                  {.size = kSmallText, .anchor = Anchor::kEnd});
    }
    svg_.line({box_.x, box_.y}, {box_.x, bottom}, {.stroke = "#000000"});
    svg_.line({box_.x, bottom}, {box_.x + box_.width, bottom}, {.stroke = "#000000"});
  }
  void name_time() const {
    svg_.text({box_.x + box_.width / 2, box_.y + box_.height + 34}, time_label(),
              {.anchor = Anchor::kMiddle});
  }
  [[nodiscard]] std::string_view time_label() const {
    return in_seconds_ ? "virtual time of the disk (s)" : "virtual time of the disk (ms)";
  }

  void draw_moves(const std::vector<ArmMove>& moves) const {
    std::vector<Point> way;
    for (const ArmMove& move : moves) {
      way.push_back(at(move.begin_ms, move.from));
      add_turns(move, way);
      way.push_back(at(move.arrive_ms, move.to));
      way.push_back(at(move.finish_ms, move.end));
    }
    const double pitch = box_.width / static_cast<double>(std::max<std::size_t>(moves.size(), 1));
    svg_.path(way, {.stroke = colour_of(Meaning::kRunning), .stroke_width = pitch < 3 ? 1.0 : 1.5});
    if (pitch < 2) return;
    for (const ArmMove& move : moves)
      svg_.circle(at(move.finish_ms, move.end), pitch < 8 ? 1.5 : 3,
                  {.fill = colour_of(Meaning::kRunning)},
                  fmt::format("cylinder {}, {} ms", move.to, number_text(move.finish_ms)));
  }

  void draw_history(const std::vector<ArmTrack::Stretch>& history) const {
    for (const ArmTrack::Stretch& stretch : history) {
      const Point high = at(stretch.begin_ms, stretch.highest);
      const Point low = at(stretch.finish_ms, stretch.lowest);
      svg_.box({high.x, high.y, std::max(low.x - high.x, 0.5), std::max(low.y - high.y, 1.0)},
               {.fill = kRange},
               fmt::format("{} services, cylinders {} to {}", stretch.services, stretch.lowest,
                           stretch.highest));
    }
    for (const ArmTrack::Stretch& stretch : history)
      svg_.circle(at(stretch.finish_ms, stretch.end), 1.5, {.fill = colour_of(Meaning::kRunning)});
  }

  /// A pale shade of the colour of Meaning::kRunning.
  static constexpr std::string_view kRange = "#CCE3F0";

 private:
  [[nodiscard]] double y_of(double cylinder) const {
    return box_.y + (1 - (cylinder - low_) / (high_ - low_)) * box_.height;
  }

  /// As if the arm moved at the same speed on all of its way.
  void add_turns(const ArmMove& move, std::vector<Point>& way) const {
    std::uint64_t whole = 0;
    std::uint64_t last = move.from;
    for (const std::uint64_t turn : move.turns) whole += cylinders_between(last, turn), last = turn;
    whole += cylinders_between(last, move.to);
    std::uint64_t gone = 0;
    last = move.from;
    for (const std::uint64_t turn : move.turns) {
      gone += cylinders_between(last, turn), last = turn;
      const double share = whole > 0 ? static_cast<double>(gone) / static_cast<double>(whole) : 0;
      way.push_back(at(move.begin_ms + share * (move.arrive_ms - move.begin_ms), turn));
    }
  }

  Svg& svg_;
  Box box_;
  bool in_seconds_;
  double begin_ms_;
  double span_ms_;
  double low_;
  double high_;
};

std::uint64_t services_of(const ArmTrack& track) {
  std::uint64_t services = 0;
  for (const ArmTrack::Stretch& stretch : track.history) services += stretch.services;
  return services;
}

/// Draws the whole history, and below it the last moves.
void draw_both(Svg& svg, const ArmTrack& track, const Range& range, const Box& upper,
               const Box& lower) {
  svg.text({16, upper.y - 8}, fmt::format("all {} services", services_of(track)), {.bold = true});
  svg.box({upper.x + 240, upper.y - 17, 12, 9}, {.fill = Field::kRange});
  svg.text({upper.x + 258, upper.y - 8}, "the arm was between these cylinders",
           {.size = kSmallText});
  svg.circle({upper.x + 524, upper.y - 12}, 2, {.fill = colour_of(Meaning::kRunning)});
  svg.text({upper.x + 534, upper.y - 8}, "and here at the end of each stretch",
           {.size = kSmallText});
  const Field all(svg, upper, track.history.front().begin_ms, track.history.back().finish_ms,
                  range);
  all.draw_axes({}, 8);
  all.draw_history(track.history);
  all.name_time();
  if (track.moves.empty()) return;
  svg.text({16, lower.y - 8}, fmt::format("the last {} of them, one by one", track.moves.size()),
           {.bold = true});
}

double latest(const ArmPanels& panels) {
  double latest = 0;
  for (const ArmPanels::Panel& panel : panels.panels)
    for (const ArmMove& move : panel.moves) latest = std::max(latest, move.finish_ms);
  return latest;
}

}  // namespace

std::string to_svg(const ArmTrack& track) {
  constexpr double kLeft = 78;
  constexpr double kWidth = 860;
  const bool both = services_of(track) > track.moves.size();
  const double width = std::max({kLeft + kWidth + 36, Svg::width_of(track.title, 15) + 32,
                                 Svg::width_of(track.caption, kSmallText) + 32});
  const Box upper{kLeft, 76, kWidth, 220};
  const Box lower{kLeft, both ? upper.y + upper.height + 82 : 62, kWidth, 320};
  const double height = lower.y + lower.height + 70;
  Svg svg(width, height, track.title);
  svg.text({16, 26}, track.title, {.size = 15, .bold = true});
  Range range(track.cylinders);
  range.take(track.moves);
  for (const ArmTrack::Stretch& stretch : track.history) {
    range.take(stretch.lowest);
    range.take(stretch.highest);
  }
  svg.text({16, both ? 46 : lower.y - 12}, range.label(), {.size = kSmallText});
  if (both) draw_both(svg, track, range, upper, lower);
  if (!track.moves.empty()) {
    const Field last(svg, lower, track.moves.front().begin_ms, track.moves.back().finish_ms, range);
    last.draw_axes({}, 8);
    last.draw_moves(track.moves);
    last.name_time();
  } else {
    svg.text_in(lower, "The arm has not moved.", {.colour = "#595959"});
  }
  svg.text({16, height - 14}, track.caption, {.size = kSmallText, .colour = "#595959"});
  return svg.document();
}

std::string to_svg(const ArmPanels& panels) {
  constexpr double kLeft = 78;
  constexpr double kWidth = 300;
  constexpr double kHeight = 130;
  constexpr double kAcross = kWidth + 24;
  constexpr double kDown = kHeight + 64;
  constexpr std::size_t kColumns = 3;
  const std::size_t rows = (panels.panels.size() + kColumns - 1) / kColumns;
  const double width =
      std::max({kLeft + kColumns * kAcross + 16, Svg::width_of(panels.title, 15) + 32,
                Svg::width_of(panels.caption, kSmallText) + 32});
  const double height = 84 + static_cast<double>(std::max<std::size_t>(rows, 1)) * kDown + 44;
  Svg svg(width, height, panels.title);
  svg.text({16, 26}, panels.title, {.size = 15, .bold = true});
  Range range(panels.cylinders);
  for (const ArmPanels::Panel& panel : panels.panels) range.take(panel.moves);
  svg.text({16, 46}, range.label(), {.size = kSmallText});
  const double latest_ms = latest(panels);
  for (std::size_t i = 0; i < panels.panels.size(); ++i) {
    const ArmPanels::Panel& panel = panels.panels[i];
    const std::size_t column = i % kColumns;
    const Box box{kLeft + static_cast<double>(column) * kAcross,
                  88 + static_cast<double>(i / kColumns) * kDown, kWidth, kHeight};
    svg.text({box.x, box.y - 22}, panel.label + (panel.in_use ? " (in use)" : ""), {.bold = true});
    svg.text({box.x, box.y - 7}, panel.what, {.size = kSmallText});
    const Field field(svg, box, 0, latest_ms, range);
    field.draw_axes({.left = column == 0}, 4);
    field.draw_moves(panel.moves);
    if (i == 0)
      svg.text({kLeft + 1.5 * kAcross, height - 38}, field.time_label(),
               {.anchor = Anchor::kMiddle});
  }
  if (panels.panels.empty()) svg.text({16, 100}, "The arm has not moved.", {.colour = "#595959"});
  svg.text({16, height - 14}, panels.caption, {.size = kSmallText, .colour = "#595959"});
  return svg.document();
}

}  // namespace spindle::chart
