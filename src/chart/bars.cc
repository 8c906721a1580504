#include "spindle/chart/bars.h"

#include <algorithm>

#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

double longest_of(const Bars& bars) {
  double longest = 0;
  for (const Bars::Bar& bar : bars.bars) longest = std::max(longest, bar.value);
  return longest > 0 ? longest : 1;
}

}  // namespace

std::string to_text(const Bars& bars, const TextStyle& style) {
  const double longest = longest_of(bars);
  std::size_t labels = 0;
  std::size_t numbers = 0;
  for (const Bars::Bar& bar : bars.bars) {
    labels = std::max(labels, columns_of(bar.label));
    numbers = std::max(numbers, columns_of(number_text(bar.value)));
  }
  const std::size_t room = style.width - std::min(style.width - 10, labels + numbers + 4);
  std::string out = bars.axis_label + "\n";
  for (const Bars::Bar& bar : bars.bars) {
    const auto length =
        static_cast<std::size_t>(bar.value / longest * static_cast<double>(room) + 0.5);
    out += padded(bar.label, labels) + "  " + right_aligned(number_text(bar.value), numbers) +
           "  " + repeated(style.pick("█", "#"), length) + "\n";
  }
  return out;
}

std::string to_svg(const Bars& bars) {
  constexpr double kRow = 26;
  constexpr double kTop = 48;
  constexpr double kPlot = 620;
  double labels = 0;
  for (const Bars::Bar& bar : bars.bars) labels = std::max(labels, Svg::width_of(bar.label));
  const double left = labels + 28;
  const double longest = longest_of(bars);
  const double bottom = kTop + kRow * static_cast<double>(bars.bars.size());
  Svg svg(left + kPlot + 90, bottom + 52, bars.title);
  svg.text({16, 26}, bars.title, {.size = 15, .bold = true});
  for (double tick : nice_ticks(0, longest, 8)) {
    const double x = left + tick / longest * kPlot;
    svg.line({x, kTop - 4}, {x, bottom + 2}, {.stroke = "#E6E6E6"});
    svg.text({x, bottom + 16}, number_text(tick), {.size = 11, .anchor = Anchor::kMiddle});
  }
  double y = kTop;
  for (const Bars::Bar& bar : bars.bars) {
    const double width = bar.value / longest * kPlot;
    svg.text({left - 10, y + 17}, bar.label, {.anchor = Anchor::kEnd});
    svg.box({left, y + 4, width, kRow - 8}, {.fill = colour_of(bars.meaning)},
            bar.label + ": " + number_text(bar.value));
    svg.text({left + width + 6, y + 17}, number_text(bar.value), {.size = 11});
    y += kRow;
  }
  svg.line({left, kTop - 4}, {left, bottom + 2}, {.stroke = "#000000"});
  svg.text({left + kPlot / 2, bottom + 36}, bars.axis_label, {.anchor = Anchor::kMiddle});
  return svg.document();
}

}  // namespace spindle::chart
