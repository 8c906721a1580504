#include "spindle/chart/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

/// More spans are not drawn: nobody could read them.
constexpr std::size_t kMostTextSpans = 400;
/// Spans that are narrower are gathered into columns of this width; the height shows how full they
/// are.
constexpr double kColumn = 2;

/// The first `most` spans of the lane, with idle ones in the gaps between them.
std::vector<Span> without_gaps(const Lane& lane, std::size_t most) {
  std::vector<Span> all;
  double end = 0;
  for (const Span& span : lane.spans) {
    if (all.size() >= most) break;
    if (end < span.from) all.push_back({end, span.from, "", Meaning::kFree});
    all.push_back(span);
    end = span.to;
  }
  return all;
}

/// All digits of the time: ends that are a millisecond apart must differ, also after an hour.
std::string time_text(double time) {
  const double rounded = std::round(time * 1e4) / 1e4;
  return std::abs(time) < 1e6 ? number_text(time) : fmt::format("{}", rounded);
}

class BoxedBar {
 public:
  BoxedBar(const Lane& lane, const TextStyle& style)
      : style_(style), spans_(without_gaps(lane, kMostTextSpans)) {
    for (const Span& span : spans_)
      widths_.push_back(std::max(columns_of(span.label), columns_of(time_text(span.from))) + 1);
    stretch();
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t first = 0; first < spans_.size();) {
      std::size_t last = first;
      std::size_t width = 1;
      while (last < spans_.size() && (last == first || width + widths_[last] + 1 < room()))
        width += widths_[last++] + 1;
      out += row(first, last);
      first = last;
    }
    return out;
  }

 private:
  /// How much room the bar has; the last time stands to the right of its end.
  [[nodiscard]] std::size_t room() const {
    const std::size_t last_time = spans_.empty() ? 0 : columns_of(time_text(spans_.back().to));
    return style_.width - std::max(last_time, std::size_t{6});
  }

  /// Widens the spans towards their true proportions, as far as the width allows.
  void stretch() {
    std::size_t least = 1;
    double whole = 0;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      least += widths_[i] + 1;
      whole += spans_[i].to - spans_[i].from;
    }
    if (least >= room() || whole <= 0) return;
    const double scale = std::min(2.0, static_cast<double>(room() - least) / whole);
    for (std::size_t i = 0; i < spans_.size(); ++i)
      widths_[i] += static_cast<std::size_t>(scale * (spans_[i].to - spans_[i].from));
  }

  [[nodiscard]] std::string row(std::size_t first, std::size_t last) const {
    std::string top(style_.pick("┌", "+"));
    std::string middle(style_.pick("│", "|"));
    std::string bottom(style_.pick("└", "+"));
    std::string times;
    for (std::size_t i = first; i < last; ++i) {
      const bool ends = i + 1 == last;
      const std::string line = repeated(style_.pick("─", "-"), widths_[i]);
      top += line + std::string(style_.pick(ends ? "┐" : "┬", "+"));
      bottom += line + std::string(style_.pick(ends ? "┘" : "┴", "+"));
      middle += centred(spans_[i].label, widths_[i]) + std::string(style_.pick("│", "|"));
      times += padded(time_text(spans_[i].from), widths_[i] + 1);
    }
    times += time_text(spans_[last - 1].to);
    return top + "\n" + middle + "\n" + bottom + "\n" + times + "\n";
  }

  const TextStyle& style_;
  std::vector<Span> spans_;
  std::vector<std::size_t> widths_;
};

/// The drawing: labels to the left of the axis, the title above it, numbers below.
class TimelineDrawing {
 public:
  explicit TimelineDrawing(const Timeline& timeline) : timeline_(timeline) {
    double label = 0;
    for (const std::vector<Lane>* lanes : {&timeline.resources, &timeline.tasks})
      for (const Lane& lane : *lanes) {
        label = std::max(label, Svg::width_of(lane.label));
        for (const Span& span : lane.spans) end_ = std::max(end_, span.to);
        for (const Mark& mark : lane.marks) end_ = std::max(end_, mark.at);
      }
    if (end_ <= 0) end_ = 1;
    left_ = label + 24;
  }

  [[nodiscard]] std::string document() const {
    const double lanes = static_cast<double>(timeline_.resources.size() + timeline_.tasks.size());
    const double bottom = kTop + lanes * kLane + (timeline_.tasks.empty() ? 0 : kGap);
    Svg svg(left_ + kPlot + kRight, bottom + 78, timeline_.title);
    svg.text({16, 26}, timeline_.title, {.size = 15, .bold = true});
    draw_axis(svg, bottom);
    double y = kTop;
    for (const Lane& lane : timeline_.resources) {
      draw_lane(svg, lane, y, LaneKind::kResource);
      y += kLane;
    }
    y += kGap;
    for (const Lane& lane : timeline_.tasks) {
      draw_lane(svg, lane, y, LaneKind::kTask);
      y += kLane;
    }
    draw_legend(svg, bottom + 62);
    return svg.document();
  }

 private:
  enum class LaneKind : bool { kResource, kTask };
  using Narrow = std::map<std::pair<std::size_t, Meaning>, double>;

  static constexpr double kTop = 44;
  static constexpr double kLane = 30;
  static constexpr double kGap = 10;
  static constexpr double kPlot = 760;
  static constexpr double kRight = 40;

  [[nodiscard]] double x_of(double time) const { return left_ + time / end_ * kPlot; }

  void draw_axis(Svg& svg, double bottom) const {
    for (double tick : nice_ticks(0, end_, 12)) {
      svg.line({x_of(tick), kTop - 4}, {x_of(tick), bottom + 4}, {.stroke = "#E6E6E6"});
      svg.text({x_of(tick), bottom + 18}, number_text(tick),
               {.size = 11, .anchor = Anchor::kMiddle});
    }
    svg.line({left_, bottom + 4}, {left_ + kPlot, bottom + 4}, {.stroke = "#000000"});
    svg.text({left_ + kPlot / 2, bottom + 36}, timeline_.time_label, {.anchor = Anchor::kMiddle});
  }

  void draw_lane(Svg& svg, const Lane& lane, double y, LaneKind kind) const {
    const bool is_resource = kind == LaneKind::kResource;
    svg.text({left_ - 10, y + 19}, lane.label, {.anchor = Anchor::kEnd, .bold = is_resource});
    Narrow narrow;
    for (const Span& span : lane.spans) {
      if (x_of(span.to) - x_of(span.from) < kColumn) {
        gather(span, narrow);
        continue;
      }
      const bool thin = !is_resource && span.meaning == Meaning::kWaiting;
      const Box box{x_of(span.from), y + (thin ? 11 : 4), x_of(span.to) - x_of(span.from),
                    thin ? 8.0 : kLane - 8};
      const std::string words =
          span.label.empty() ? std::string(name_of(span.meaning)) : span.label;
      svg.box(box, {.fill = colour_of(span.meaning), .stroke = "#FFFFFF", .stroke_width = 0.8},
              words + ", " + number_text(span.from) + " to " + number_text(span.to));
      if (is_resource && Svg::fits(span.label, box))
        svg.text_in(box, span.label, {.colour = ink_on(span.meaning)});
    }
    draw_narrow(svg, narrow, y);
    for (const Mark& mark : lane.marks) {
      const std::string_view colour = mark.is_bad ? colour_of(Meaning::kMiss) : "#000000";
      const double x = x_of(mark.at);
      const Point flag[] = {{x, y + kLane - 3}, {x, y + 2}, {x + 6, y + 5}, {x, y + 8}};
      svg.path(flag, {.fill = colour, .stroke = colour, .stroke_width = 1.4});
    }
  }

  void gather(const Span& span, Narrow& narrow) const {
    const double from = x_of(span.from) - left_;
    const double to = x_of(span.to) - left_;
    for (auto column = static_cast<std::size_t>(from / kColumn);
         static_cast<double>(column) * kColumn < to; ++column) {
      const double begin = static_cast<double>(column) * kColumn;
      narrow[{column, span.meaning}] +=
          (std::min(to, begin + kColumn) - std::max(from, begin)) / kColumn;
    }
  }

  /// Waiting, which is drawn as a thin line elsewhere, is left out.
  void draw_narrow(Svg& svg, const Narrow& narrow, double y) const {
    for (const auto& [key, share] : narrow) {
      const auto& [column, meaning] = key;
      if (meaning == Meaning::kWaiting) continue;
      const double height = std::clamp(share, 0.05, 1.0) * (kLane - 8);
      svg.box(
          {left_ + static_cast<double>(column) * kColumn, y + kLane - 4 - height, kColumn, height},
          {.fill = colour_of(meaning)});
    }
  }

  void draw_legend(Svg& svg, double y) const {
    std::set<Meaning> used;
    std::set<std::pair<bool, std::string>> flags;
    for (const std::vector<Lane>* lanes : {&timeline_.resources, &timeline_.tasks})
      for (const Lane& lane : *lanes) {
        for (const Span& span : lane.spans) used.insert(span.meaning);
        for (const Mark& mark : lane.marks) flags.insert({mark.is_bad, mark.what});
      }
    double x = left_;
    for (Meaning meaning : used) {
      svg.box({x, y - 10, 14, 12}, {.fill = colour_of(meaning), .stroke = "#8C8C8C"});
      const auto own = timeline_.meanings.find(meaning);
      const std::string_view name =
          own == timeline_.meanings.end() ? name_of(meaning) : own->second;
      svg.text({x + 20, y}, name, {.size = 11});
      x += 36 + Svg::width_of(name, 11);
    }
    for (const auto& [is_bad, what] : flags) {
      const std::string_view colour = is_bad ? colour_of(Meaning::kMiss) : "#000000";
      const Point flag[] = {{x, y + 2}, {x, y - 11}, {x + 6, y - 8}, {x, y - 5}};
      svg.path(flag, {.fill = colour, .stroke = colour, .stroke_width = 1.4});
      svg.text({x + 12, y}, what, {.size = 11});
      x += 28 + Svg::width_of(what, 11);
    }
  }

  const Timeline& timeline_;
  double end_ = 0;
  double left_ = 0;
};

}  // namespace

std::string to_text(const Timeline& timeline, const TextStyle& style) {
  std::string out;
  for (const Lane& lane : timeline.resources) {
    if (lane.spans.empty()) continue;
    if (timeline.resources.size() > 1) out += lane.label + "\n";
    out += BoxedBar(lane, style).text();
    if (lane.spans.size() > kMostTextSpans)
      out += "The first " + std::to_string(kMostTextSpans) + " of " +
             std::to_string(lane.spans.size()) + " spans.\n";
  }
  return out;
}

std::string to_svg(const Timeline& timeline) {
  return TimelineDrawing(timeline).document();
}

}  // namespace spindle::chart
