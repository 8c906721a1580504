#include "spindle/chart/arm_path.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "cylinders.h"
#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

using Kind = ArmPath::Kind;

constexpr std::size_t kMostTextStops = 200;
constexpr std::size_t kMostStops = 2000;

/// A line from column `from` to column `to`, at whose end is the mark.
std::string way(std::size_t from, std::size_t to, std::string_view mark, const TextStyle& style) {
  const std::string line(style.pick("─", "-"));
  if (from == to) return std::string(from, ' ') + std::string(mark);
  const std::size_t between = cylinders_between(from, to) - 1;
  if (from < to)
    return std::string(from, ' ') + std::string(style.pick("╰", "`")) + repeated(line, between) +
           std::string(mark);
  return std::string(to, ' ') + std::string(mark) + repeated(line, between) +
         std::string(style.pick("╯", "'"));
}

std::string_view mark_of(Kind kind, const TextStyle& style) {
  if (kind == Kind::kStart) return style.pick("○", "o");
  return kind == Kind::kServed ? style.pick("●", "*") : style.pick("◇", "+");
}

class ArmPathDrawing {
 public:
  explicit ArmPathDrawing(const ArmPath& path)
      : path_(path),
        count_(std::min(path.stops.size(), kMostStops)),
        step_(std::clamp(700.0 / static_cast<double>(count_ + 1), 1.0, 26.0)) {}

  [[nodiscard]] std::string document() const {
    const double bottom = kTop + step_ * static_cast<double>(count_ == 0 ? 0 : count_ - 1) + 14;
    Svg svg(kLeft + kPlot + 60, bottom + 62, path_.title);
    svg.text({16, 26}, path_.title, {.size = 15, .bold = true});
    draw_axis(svg, bottom);
    for (std::size_t i = 1; i < count_; ++i)
      svg.line(point(i - 1), point(i),
               {.stroke = path_.stops[i].way_counts ? colour_of(Meaning::kRunning)
                                                    : colour_of(Meaning::kReturn),
                .stroke_width = count_ > 300 ? 1.0 : 2.0,
                .dashes = path_.stops[i].way_counts ? "" : "5 4"});
    for (std::size_t i = 0; i < count_; ++i) draw_stop(svg, i);
    draw_legend(svg, bottom + 48);
    return svg.document();
  }

 private:
  static constexpr double kTop = 86;
  static constexpr double kLeft = 40;
  static constexpr double kPlot = 760;

  [[nodiscard]] double x_of(double cylinder) const {
    const auto last = static_cast<double>(std::max<std::uint64_t>(path_.cylinders, 2) - 1);
    return kLeft + cylinder / last * kPlot;
  }
  [[nodiscard]] Point point(std::size_t stop) const {
    return {x_of(static_cast<double>(path_.stops[stop].cylinder)),
            kTop + step_ * static_cast<double>(stop)};
  }

  void draw_axis(Svg& svg, double bottom) const {
    const auto last = static_cast<double>(std::max<std::uint64_t>(path_.cylinders, 2) - 1);
    std::vector<double> ticks = nice_ticks(0, last, 10);
    std::erase_if(ticks, [](double tick) { return tick != std::floor(tick); });
    if (x_of(last) - x_of(ticks.back()) < 36) ticks.pop_back();
    ticks.push_back(last);
    for (double tick : ticks) {
      svg.line({x_of(tick), kTop - 14}, {x_of(tick), bottom}, {.stroke = "#E6E6E6"});
      svg.text({x_of(tick), kTop - 20}, number_text(tick), {.size = 11, .anchor = Anchor::kMiddle});
    }
    svg.line({kLeft, kTop - 14}, {kLeft + kPlot, kTop - 14}, {.stroke = "#000000"});
    svg.text({kLeft + kPlot / 2, 46}, "cylinder", {.anchor = Anchor::kMiddle});
    svg.arrow({20, kTop}, {20, std::max(bottom, kTop + 20)}, {.stroke = "#595959"});
    svg.text({16, bottom + 18}, "order of service", {.size = 11, .colour = "#595959"});
  }

  void draw_stop(Svg& svg, std::size_t i) const {
    const ArmPath::Stop& stop = path_.stops[i];
    const Point at = point(i);
    const double radius = step_ < 8 ? 2 : 4;
    const bool served = stop.kind == Kind::kServed;
    svg.circle(at, radius,
               {.fill = served ? colour_of(Meaning::kRunning) : "#FFFFFF",
                .stroke = served ? colour_of(Meaning::kRunning) : "#000000"},
               std::to_string(stop.cylinder));
    if (step_ < 14) return;
    // The number stands on the side on which no line begins or ends.
    const bool left_free = (i == 0 || path_.stops[i - 1].cylinder >= stop.cylinder) &&
                           (i + 1 >= count_ || path_.stops[i + 1].cylinder >= stop.cylinder);
    const bool at_left_edge = at.x < kLeft + 30;
    if (left_free && !at_left_edge)
      svg.text({at.x - 8, at.y + 4}, std::to_string(stop.cylinder),
               {.size = 11, .anchor = Anchor::kEnd});
    else if (i + 1 < count_ && path_.stops[i + 1].cylinder > stop.cylinder)
      svg.text({at.x + 9, at.y - 3}, std::to_string(stop.cylinder), {.size = 11});
    else
      svg.text({at.x + 9, at.y + 9}, std::to_string(stop.cylinder), {.size = 11});
  }

  void draw_legend(Svg& svg, double y) const {
    double x = kLeft;
    const auto entry = [&](std::string_view what, bool filled) {
      svg.circle({x, y - 4}, 4,
                 {.fill = filled ? colour_of(Meaning::kRunning) : "#FFFFFF",
                  .stroke = filled ? colour_of(Meaning::kRunning) : "#000000"});
      svg.text({x + 10, y}, what, {.size = 11});
      x += 30 + Svg::width_of(what, 11);
    };
    entry("request served", true);
    entry("start, or turn of the arm", false);
    if (std::ranges::all_of(path_.stops, &ArmPath::Stop::way_counts)) return;
    svg.line({x - 4, y - 4}, {x + 20, y - 4},
             {.stroke = colour_of(Meaning::kReturn), .stroke_width = 2, .dashes = "5 4"});
    svg.text({x + 26, y}, "return that is not counted", {.size = 11});
  }

  const ArmPath& path_;
  std::size_t count_;
  double step_;
};

/// The cylinders' numbers above the picture, as far as they fit.
std::string scale(const ArmPath& path, std::size_t width, std::uint64_t last) {
  std::set<std::uint64_t> cylinders{0, last};
  for (const ArmPath::Stop& stop : path.stops) cylinders.insert(stop.cylinder);
  std::string line(width + 12, ' ');
  std::size_t taken = 0;
  const std::string end = std::to_string(last);
  for (std::uint64_t cylinder : cylinders) {
    const std::string text = std::to_string(cylinder);
    const std::size_t at = cylinder * (width - 1) / last;
    const bool is_end = cylinder == last;
    if ((at != 0 && at < taken) || (!is_end && at + text.size() + 1 > width - 1)) continue;
    line.replace(at, text.size(), text);
    taken = at + text.size() + 1;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string to_text(const ArmPath& path, const TextStyle& style) {
  const std::uint64_t last = std::max<std::uint64_t>(path.cylinders, 2) - 1;
  const std::size_t digits = std::max<std::size_t>(std::to_string(last).size(), 8);
  const std::size_t margin = 6 + 2 * (digits + 1);
  const std::size_t width = style.width - std::min(style.width - 20, margin + 6);
  std::string out = right_aligned("step", 4) + " " + right_aligned("cylinder", digits) + " " +
                    right_aligned("distance", digits) + "  " + scale(path, width, last) + "\n";
  std::size_t column = 0;
  std::size_t served = 0;
  for (std::size_t i = 0; i < path.stops.size() && i < kMostTextStops; ++i) {
    const ArmPath::Stop& stop = path.stops[i];
    const auto to =
        static_cast<std::size_t>(static_cast<double>(stop.cylinder) *
                                 static_cast<double>(width - 1) / static_cast<double>(last));
    const std::string number =
        stop.kind == Kind::kServed ? std::to_string(++served) : std::string();
    const std::uint64_t moved =
        i == 0 ? 0 : cylinders_between(path.stops[i - 1].cylinder, stop.cylinder);
    std::string moved_text = i == 0 ? "" : std::to_string(moved);
    if (!stop.way_counts) moved_text = "(" + moved_text + ")";
    out += right_aligned(number, 4) + " " + right_aligned(std::to_string(stop.cylinder), digits) +
           " " + right_aligned(moved_text, digits) + "  " +
           way(i == 0 ? to : column, to, mark_of(stop.kind, style), style) + "\n";
    column = to;
  }
  if (path.stops.size() > kMostTextStops)
    out += "The first " + std::to_string(kMostTextStops) + " of " +
           std::to_string(path.stops.size()) + " stops.\n";
  return out;
}

std::string to_svg(const ArmPath& path) {
  return ArmPathDrawing(path).document();
}

}  // namespace spindle::chart
