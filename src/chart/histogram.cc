#include "spindle/chart/histogram.h"

#include <algorithm>

#include "spindle/chart/bars.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

std::string range_text(const Histogram& histogram, std::size_t bin) {
  const double limit = histogram.bins[bin].limit;
  // A histogram with a bin of zeros is one of whole numbers.
  const bool counts = histogram.bins.front().limit == 0;
  if (counts && (bin == 0 || histogram.bins[bin - 1].limit + 1 == limit)) return number_text(limit);
  return "to " + number_text(limit);
}

class HistogramDrawing {
 public:
  explicit HistogramDrawing(const Histogram& histogram)
      : histogram_(histogram),
        has_zeros_(!histogram.bins.empty() && histogram.bins.front().limit == 0) {
    double widest = 0;
    for (const Histogram::Bin& bin : histogram.bins) {
      most_ = std::max(most_, bin.count);
      widest = std::max(widest, Svg::width_of(number_text(bin.limit), kSmallText));
    }
    const auto bars = static_cast<double>(std::max<std::size_t>(histogram.bins.size(), 1));
    bar_ = std::max(widest + 8, std::min(90.0, 700 / bars));
    width_ = std::max(bars * bar_ + kGap, 480.0);
  }

  [[nodiscard]] std::string document() const {
    const double bottom = kTop + marks_height() + kHeight;
    const double width =
        std::max({kLeft + width_ + 40, marks_right() + 16, Svg::width_of(histogram_.title, 15) + 32,
                  Svg::width_of(histogram_.caption, kSmallText) + 32});
    Svg svg(width, bottom + 72, histogram_.title);
    svg.text({16, 26}, histogram_.title, {.size = 15, .bold = true});
    svg.text({16, 46}, histogram_.y_label, {.size = kSmallText});
    draw_axis(svg, bottom);
    for (std::size_t i = 0; i < histogram_.bins.size(); ++i) draw_bar(svg, i, bottom);
    if (histogram_.bins.empty())
      svg.text_in({kLeft, kTop, width_, kHeight}, "Nothing has been counted.",
                  {.colour = "#595959"});
    draw_marks(svg, bottom);
    svg.line({kLeft, bottom}, {kLeft + width_, bottom}, {.stroke = "#000000"});
    svg.text({kLeft + width_ / 2, bottom + 36}, histogram_.x_label, {.anchor = Anchor::kMiddle});
    svg.text({16, bottom + 58}, histogram_.caption, {.size = kSmallText, .colour = "#595959"});
    return svg.document();
  }

 private:
  [[nodiscard]] double marks_height() const {
    return 16 * static_cast<double>(histogram_.marks.size());
  }
  [[nodiscard]] double left_of(std::size_t bin) const {
    return kLeft + static_cast<double>(bin) * bar_ + (has_zeros_ && bin > 0 ? kGap : 0);
  }
  [[nodiscard]] double top_of(double count, double bottom) const {
    return bottom - count / std::max(most_, 1.0) * kHeight;
  }

  void draw_axis(Svg& svg, double bottom) const {
    for (const double tick : nice_ticks(0, std::max(most_, 1.0), most_ < 6 ? 5 : 8)) {
      if (tick != static_cast<double>(static_cast<std::uint64_t>(tick))) continue;
      const double y = top_of(tick, bottom);
      svg.line({kLeft, y}, {kLeft + width_, y}, {.stroke = "#E6E6E6"});
      svg.text({kLeft - 8, y + 4}, number_text(tick), {.size = kSmallText, .anchor = Anchor::kEnd});
    }
  }

  void draw_bar(Svg& svg, std::size_t bin, double bottom) const {
    const Histogram::Bin& of = histogram_.bins[bin];
    const double left = left_of(bin);
    const double top = of.count > 0 ? std::min(top_of(of.count, bottom), bottom - 1) : bottom;
    svg.box({left + 1, top, bar_ - 2, bottom - top}, {.fill = colour_of(histogram_.meaning)},
            range_text(histogram_, bin) + ": " + number_text(of.count));
    if (has_zeros_ && bin == 0)
      svg.text({left + bar_ / 2, bottom + 16}, "0",
               {.size = kSmallText, .anchor = Anchor::kMiddle});
    else
      svg.text({left + bar_, bottom + 16}, number_text(of.limit),
               {.size = kSmallText, .anchor = Anchor::kMiddle});
  }

  /// The place of a value among the bars; within a bar values are spread evenly.
  [[nodiscard]] double place_of(double value) const {
    double below = 0;
    for (std::size_t i = 0; i < histogram_.bins.size(); ++i) {
      const double limit = histogram_.bins[i].limit;
      if (value <= limit) {
        const double share =
            limit > below ? std::clamp((value - below) / (limit - below), 0., 1.) : 0.5;
        return left_of(i) + share * bar_;
      }
      below = limit;
    }
    return kLeft + width_;
  }

  /// The words of each mark stand on a line of their own, on the side of the mark's line where no
  /// other mark's line runs through them.
  void draw_marks(Svg& svg, double bottom) const {
    const auto& marks = histogram_.marks;
    if (marks.empty() || histogram_.bins.empty()) return;
    const double first = place_of(marks.front().value);
    const bool to_left = first - Svg::width_of(marks.front().label, kSmallText) > kLeft;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const std::size_t line = to_left ? marks.size() - 1 - i : i;
      const double x = place_of(marks[i].value);
      const double y = kTop + 4 + 16 * static_cast<double>(line);
      svg.line({x, y - 8}, {x, bottom}, {.stroke = "#000000", .dashes = "4 3"});
      svg.text({to_left ? x - 5 : x + 5, y}, marks[i].label,
               {.size = kSmallText, .anchor = to_left ? Anchor::kEnd : Anchor::kStart});
    }
  }
  /// Where the words of all marks end.
  [[nodiscard]] double marks_right() const {
    double right = 0;
    for (const Histogram::Mark& mark : histogram_.marks)
      right = std::max(right, place_of(mark.value) + 5 + Svg::width_of(mark.label, kSmallText));
    return right;
  }

  static constexpr double kLeft = 84;
  static constexpr double kTop = 62;
  static constexpr double kHeight = 320;
  static constexpr double kGap = 12;  ///< behind the bar of zeros

  const Histogram& histogram_;
  bool has_zeros_;
  double most_ = 0;
  double bar_ = 0;
  double width_ = 0;
};

}  // namespace

std::string to_text(const Histogram& histogram, const TextStyle& style) {
  std::string out = histogram.title + "\n\n";
  if (histogram.bins.empty()) return out + "Nothing has been counted.\n";
  Bars bars{"", histogram.x_label + ": " + histogram.y_label, {}, histogram.meaning};
  for (std::size_t i = 0; i < histogram.bins.size(); ++i)
    bars.bars.push_back({range_text(histogram, i), histogram.bins[i].count});
  out += to_text(bars, style);
  for (const Histogram::Mark& mark : histogram.marks) out += mark.label + "\n";
  return out + "\n" + histogram.caption + "\n";
}

std::string to_svg(const Histogram& histogram) {
  return HistogramDrawing(histogram).document();
}

}  // namespace spindle::chart
