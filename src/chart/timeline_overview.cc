// A Gantt chart of any length in the width of a terminal: columns of equal time, shaded by use.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "spindle/chart/svg.h"
#include "spindle/chart/timeline.h"

namespace spindle::chart {
namespace {

constexpr std::size_t kMostUsers = 12;  // of one resource, those that had it longest
constexpr std::size_t kLeastColumns = 10;
constexpr std::array<std::string_view, 5> kFancyShades = {" ", "░", "▒", "▓", "█"};
constexpr std::array<std::string_view, 5> kPlainShades = {" ", ".", ":", "=", "#"};

struct Extent {
  double from = 0;
  double to = 0;
  [[nodiscard]] double length() const { return to - from; }
};

Extent extent_of(const Timeline& timeline) {
  Extent extent{.from = INFINITY, .to = 0};
  for (const Lane& lane : timeline.resources) {
    if (lane.spans.empty()) continue;
    extent.from = std::min(extent.from, lane.spans.front().from);
    extent.to = std::max(extent.to, lane.spans.back().to);
  }
  return extent;
}

/// How much of each column, and in all, one user had the resource.
struct Use {
  std::string label;
  std::vector<double> columns;
  double sum = 0;
};

class LaneOverview {
 public:
  LaneOverview(const Lane& lane, Extent extent, std::size_t columns)
      : extent_(extent), columns_(columns) {
    all_ = {lane.label, std::vector<double>(columns), 0};
    for (const Span& span : lane.spans) {
      Use& use = uses_.try_emplace(span.label, Use{span.label, std::vector<double>(columns), 0})
                     .first->second;
      add(span, use);
      add(span, all_);
    }
  }

  [[nodiscard]] const Use& all() const { return all_; }
  /// The users that had it longest, in that order.
  [[nodiscard]] std::vector<Use> users() const {
    std::vector<Use> users;
    for (const auto& [label, use] : uses_) users.push_back(use);
    std::ranges::stable_sort(users, std::greater<>(), &Use::sum);
    return users;
  }

 private:
  void add(const Span& span, Use& use) const {
    const double width = extent_.length() / static_cast<double>(columns_);
    const auto column_of = [&](double time) {
      const double column = std::floor((time - extent_.from) / width);
      return static_cast<std::size_t>(std::clamp(column, 0.0, static_cast<double>(columns_ - 1)));
    };
    for (std::size_t i = column_of(span.from); i <= column_of(span.to); ++i) {
      const double begin = extent_.from + width * static_cast<double>(i);
      const double part = std::min(span.to, begin + width) - std::max(span.from, begin);
      if (part > 0) use.columns[i] += part / width;
    }
    use.sum += span.to - span.from;
  }

  Extent extent_;
  std::size_t columns_;
  Use all_;
  std::map<std::string, Use> uses_;
};

/// A small use is never shown as none at all.
std::string row_text(const Use& use, const TextStyle& style) {
  std::string text;
  for (const double share : use.columns) {
    const auto level =
        static_cast<std::size_t>(share <= 0 ? 0 : std::clamp(std::round(share * 4), 1.0, 4.0));
    text += style.pick(kFancyShades[level], kPlainShades[level]);
  }
  return text;
}

std::string axis_text(const Timeline& timeline, Extent extent, std::size_t label_width,
                      std::size_t columns) {
  const std::string first = number_text(extent.from);
  const std::string last = number_text(extent.to);
  const std::string axis =
      first + repeated(" ", columns - std::min(columns, columns_of(first) + columns_of(last))) +
      last;
  return padded(timeline.time_label, label_width) + " " + axis + "\n";
}

}  // namespace

std::string overview_text(const Timeline& timeline, const TextStyle& style) {
  const Extent extent = extent_of(timeline);
  if (!(extent.length() > 0)) return "nothing has run yet\n";
  std::size_t label_width = columns_of(timeline.time_label);
  for (const Lane& lane : timeline.resources) {
    label_width = std::max(label_width, columns_of(lane.label));
    for (const Span& span : lane.spans)
      label_width = std::max(label_width, columns_of(span.label) + 2);
  }
  label_width = std::min<std::size_t>(label_width, 26);
  constexpr std::size_t kShareWidth = 8;
  const std::size_t columns =
      std::max(kLeastColumns, style.width - std::min(style.width, label_width + 2 + kShareWidth));
  const auto row = [&](const std::string& label, const Use& use) {
    return fmt::format("{} {}{}{:5.1f} %\n", padded(label, label_width), row_text(use, style),
                       style.pick("│", "|"), 100 * use.sum / extent.length());
  };
  std::string text = timeline.title.empty() ? "" : timeline.title + "\n";
  for (const Lane& lane : timeline.resources) {
    const LaneOverview overview(lane, extent, columns);
    text += row(lane.label, overview.all());
    const auto users = overview.users();
    for (std::size_t i = 0; i < std::min(users.size(), kMostUsers); ++i)
      text += row("  " + users[i].label, users[i]);
    if (users.size() > kMostUsers)
      text += fmt::format("  and {} more\n", users.size() - kMostUsers);
  }
  return text + axis_text(timeline, extent, label_width, columns);
}

}  // namespace spindle::chart
