#include "spindle/chart/plot.h"

#include <algorithm>
#include <cmath>

#include "spindle/chart/palette.h"

namespace spindle::chart {
namespace {

std::vector<double> axis_ticks(double low, double high, std::size_t most, bool counts) {
  std::vector<double> ticks = nice_ticks(low, high, most);
  if (counts) std::erase_if(ticks, [](double tick) { return tick != std::round(tick); });
  return ticks;
}

/// Where a point lies between the ends of the axes, both from 0 to 1.
class Axes {
 public:
  explicit Axes(const Plot& plot)
      : logarithmic_(plot.logarithmic), counts_(plot.counts_across), top_(plot.y_top) {
    bool first = true;
    for (const Plot::Line& line : plot.lines)
      for (const Point& p : line.points) {
        low_ = first ? p.x : std::min(low_, p.x);
        high_ = first ? p.x : std::max(high_, p.x);
        top_ = std::max(top_, p.y);
        first = false;
      }
    logarithmic_ = logarithmic_ && low_ > 0;
    if (!(low_ < high_)) high_ = low_ + 1;
    if (top_ <= 0) top_ = 1;
  }

  [[nodiscard]] double across(double x) const {
    if (logarithmic_) return std::log(x / low_) / std::log(high_ / low_);
    return (x - low_) / (high_ - low_);
  }
  [[nodiscard]] double up(double y) const { return y / top_; }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }
  [[nodiscard]] double top() const { return top_; }

  [[nodiscard]] std::vector<double> ticks() const {
    if (!logarithmic_) return axis_ticks(low_, high_, 9, counts_);
    std::vector<double> ticks;
    const bool wide = high_ / low_ > 1e4;
    for (double power = std::pow(10, std::floor(std::log10(low_))); power <= high_; power *= 10)
      for (double factor : {1.0, 2.0, 5.0})
        if (low_ <= power * factor && power * factor <= high_ && (factor == 1 || !wide))
          ticks.push_back(power * factor);
    return ticks;
  }

 private:
  bool logarithmic_;
  bool counts_;
  double low_ = 0;
  double high_ = 1;
  double top_;
};

constexpr double kPlotLeft = 80;
constexpr double kPlotTop = 48;
constexpr double kPlotWidth = 660;
constexpr double kPlotHeight = 380;

std::string_view colour_of(const Plot::Line& line, std::size_t number) {
  return line.colour.empty() ? series_colour(number) : line.colour;
}

Point on_paper(const Axes& axes, const Point& p) {
  return {kPlotLeft + axes.across(p.x) * kPlotWidth, kPlotTop + (1 - axes.up(p.y)) * kPlotHeight};
}

bool is_empty(const Plot& plot) {
  return std::ranges::all_of(plot.lines,
                             [](const Plot::Line& line) { return line.points.empty(); });
}

void draw_axes(Svg& svg, const Plot& plot, const Axes& axes) {
  const double bottom = kPlotTop + kPlotHeight;
  for (double tick : axis_ticks(0, axes.top(), 8, plot.counts_up)) {
    const double y = kPlotTop + (1 - axes.up(tick)) * kPlotHeight;
    svg.line({kPlotLeft, y}, {kPlotLeft + kPlotWidth, y}, {.stroke = "#E6E6E6"});
    svg.text({kPlotLeft - 8, y + 4}, number_text(tick), {.size = 11, .anchor = Anchor::kEnd});
  }
  // If there are no points, the range of x is not known.
  for (double tick : is_empty(plot) ? std::vector<double>() : axes.ticks()) {
    const double x = kPlotLeft + axes.across(tick) * kPlotWidth;
    svg.line({x, kPlotTop}, {x, bottom + 4}, {.stroke = "#E6E6E6"});
    svg.text({x, bottom + 18}, number_text(tick), {.size = 11, .anchor = Anchor::kMiddle});
  }
  svg.line({kPlotLeft, kPlotTop}, {kPlotLeft, bottom}, {.stroke = "#000000"});
  svg.line({kPlotLeft, bottom}, {kPlotLeft + kPlotWidth, bottom}, {.stroke = "#000000"});
  svg.text({kPlotLeft + kPlotWidth / 2, bottom + 38}, plot.x_label, {.anchor = Anchor::kMiddle});
  svg.text({16, kPlotTop - 8}, plot.y_label, {.size = 11});
}

void draw_line(Svg& svg, const Plot::Line& line, const Axes& axes, std::size_t number) {
  const std::string_view colour = colour_of(line, number);
  std::vector<Point> points;
  for (const Point& p : line.points) {
    const Point at = on_paper(axes, p);
    if (line.is_points)
      svg.circle(at, 4, {.fill = colour}, line.label + ": " + number_text(p.y));
    else if (line.is_step && !points.empty())
      points.push_back({at.x, points.back().y});
    points.push_back(at);
  }
  if (!line.is_points)
    svg.path(points, {.stroke = colour, .stroke_width = 2, .dashes = series_dashes(number)});
}

}  // namespace

std::string to_svg(const Plot& plot) {
  const Axes axes(plot);
  double label = 0;
  for (const Plot::Line& line : plot.lines) label = std::max(label, Svg::width_of(line.label, 11));
  const double caption = plot.caption.empty() ? 0 : 22;
  Svg svg(std::max({kPlotLeft + kPlotWidth + label + 70, Svg::width_of(plot.caption, 11) + 32,
                    Svg::width_of(plot.title, 15) + 32}),
          kPlotTop + kPlotHeight + 56 + caption, plot.title);
  if (!plot.caption.empty())
    svg.text({16, kPlotTop + kPlotHeight + 62}, plot.caption, {.size = 11, .colour = "#595959"});
  svg.text({16, 22}, plot.title, {.size = 15, .bold = true});
  draw_axes(svg, plot, axes);
  if (!plot.nothing.empty() && is_empty(plot))
    svg.text_in({kPlotLeft, kPlotTop, kPlotWidth, kPlotHeight}, plot.nothing,
                {.colour = "#595959"});
  double y = kPlotTop + 10;
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    draw_line(svg, plot.lines[i], axes, i);
    const double x = kPlotLeft + kPlotWidth + 16;
    if (plot.lines[i].is_points)
      svg.circle({x + 12, y - 4}, 4, {.fill = colour_of(plot.lines[i], i)});
    else
      svg.line(
          {x, y - 4}, {x + 24, y - 4},
          {.stroke = colour_of(plot.lines[i], i), .stroke_width = 2, .dashes = series_dashes(i)});
    svg.text({x + 30, y}, plot.lines[i].label, {.size = 11});
    y += 18;
  }
  return svg.document();
}

std::string to_text(const Plot& plot, const TextStyle& style) {
  constexpr std::size_t kRows = 16;
  constexpr std::string_view kMarks = "*o+x#@%&";
  const Axes axes(plot);
  const std::size_t width = style.width - 12;
  std::vector<std::string> rows(kRows, std::string(width, ' '));
  const auto row_of = [&axes](double y) {
    return static_cast<std::size_t>((1 - axes.up(y)) * (kRows - 1) + 0.5);
  };
  const auto set = [&](double across, double y, char mark) {
    const auto column = static_cast<std::size_t>(across * static_cast<double>(width - 1) + 0.5);
    const std::size_t row = row_of(y);
    if (row < kRows && column < width) rows[row][column] = mark;
  };
  std::string legend;
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    const char mark = kMarks[i % kMarks.size()];
    for (const Point& p : plot.lines[i].points) set(axes.across(p.x), p.y, mark);
    legend += std::string(i == 0 ? "" : "   ") + mark + " " + plot.lines[i].label;
  }
  std::string out = plot.y_label + "\n";
  std::vector<std::string> scale(kRows);
  for (double tick : axis_ticks(0, axes.top(), 5, plot.counts_up))
    scale[row_of(tick)] = number_text(tick);
  for (std::size_t r = 0; r < kRows; ++r)
    out += right_aligned(scale[r], 9) + " " + std::string(style.pick("│", "|")) + rows[r] + "\n";
  const std::string high = number_text(axes.high());
  out += std::string(10, ' ') + std::string(style.pick("└", "+")) +
         repeated(style.pick("─", "-"), width) + "\n" + std::string(11, ' ') +
         padded(number_text(axes.low()), width - high.size()) + high + "\n" + std::string(11, ' ') +
         centred(plot.x_label, width) + "\n" + std::string(11, ' ') + legend + "\n";
  return out;
}

}  // namespace spindle::chart
