#include "spindle/chart/ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr Point kCentre{340, 300};
constexpr double kInner = 140;
constexpr double kOuter = 200;
constexpr double kThinnest = 0.015;    // of a sector, as a part of a turn
constexpr double kLabelsApart = 0.34;  // so that neither covers the other

std::string unit_of(const Ring& ring, std::uint64_t places) {
  return ring.unit + (places == 1 ? "" : "s");
}

double turn_of(const Ring& ring, double place) {
  return place / static_cast<double>(ring.length) * 2 * std::numbers::pi;
}

Point on_circle(double radius, double turn) {
  return {kCentre.x + radius * std::sin(turn), kCentre.y - radius * std::cos(turn)};
}

/// The part of the ring between two angles, as a polygon that looks round.
std::vector<Point> sector(double from, double to) {
  const auto steps = static_cast<std::size_t>(std::ceil((to - from) / 0.02)) + 1;
  std::vector<Point> points;
  for (std::size_t i = 0; i <= steps; ++i)
    points.push_back(on_circle(
        kOuter, from + (to - from) * static_cast<double>(i) / static_cast<double>(steps)));
  for (std::size_t i = 0; i <= steps; ++i)
    points.push_back(
        on_circle(kInner, to - (to - from) * static_cast<double>(i) / static_cast<double>(steps)));
  points.push_back(points.front());
  return points;
}

void draw_part(Svg& svg, const Ring& ring, const Ring::Part& part) {
  const double from = turn_of(ring, static_cast<double>(part.start));
  // In a large ring a place would be thinner than a line; it must be seen all the same.
  const double to =
      std::max(turn_of(ring, static_cast<double>(part.start + part.length)), from + kThinnest);
  // Edges between neighbours are drawn if there is room for them.
  const bool wide = (to - from) * kInner > 3;
  svg.polygon(sector(from, to),
              {.fill = ring.kinds[part.kind].colour, .stroke = wide ? "#FFFFFF" : "none"},
              part.what);
}

void draw_scale(Svg& svg, const Ring& ring) {
  for (const double tick : nice_ticks(0, static_cast<double>(ring.length), 8)) {
    if (tick >= static_cast<double>(ring.length) * 0.97) continue;
    const double turn = turn_of(ring, tick);
    svg.line(on_circle(kInner - 6, turn), on_circle(kInner, turn), {.stroke = "#000000"});
    const Point at = on_circle(kInner - 24, turn);
    svg.text({at.x, at.y + 4}, number_text(tick), {.size = kSmallText, .anchor = Anchor::kMiddle});
  }
}

/// The angle at which a mark's words stand: where it points, or to the side if another is close by.
double label_turn(const Ring& ring, std::size_t mark) {
  const double turn = turn_of(ring, static_cast<double>(ring.marks[mark].at));
  double shift = 0;
  for (std::size_t k = 0; k < ring.marks.size(); ++k) {
    const double other = turn_of(ring, static_cast<double>(ring.marks[k].at));
    const double apart = std::remainder(turn - other, 2 * std::numbers::pi);
    if (k == mark || std::abs(apart) >= kLabelsApart) continue;
    const bool is_behind = apart > 0 || (apart == 0 && mark > k);
    shift += (is_behind ? 0.5 : -0.5) * (kLabelsApart - std::abs(apart));
  }
  return turn + shift;
}

void draw_marks(Svg& svg, const Ring& ring) {
  constexpr double kReach = kOuter + 24;
  for (std::size_t i = 0; i < ring.marks.size(); ++i) {
    const double turn = label_turn(ring, i);
    const Point place = on_circle(kOuter + 1, turn_of(ring, static_cast<double>(ring.marks[i].at)));
    svg.arrow(on_circle(kReach, turn), place, {.stroke = "#000000"});
    const Point at = on_circle(kReach + 10, turn);
    const Anchor anchor = std::abs(std::sin(turn)) < 0.3 ? Anchor::kMiddle
                          : std::sin(turn) > 0           ? Anchor::kStart
                                                         : Anchor::kEnd;
    svg.text({at.x, at.y + 4}, ring.marks[i].name, {.anchor = anchor, .bold = true});
  }
}

double legend_width(const Ring& ring) {
  double width = 0;
  for (const Ring::Kind& kind : ring.kinds) width = std::max(width, Svg::width_of(kind.name));
  return width + 240;
}

void draw_legend(Svg& svg, const Ring& ring, double x) {
  double names = 0;
  for (const Ring::Kind& kind : ring.kinds) names = std::max(names, Svg::width_of(kind.name));
  double y = 120;
  for (std::size_t i = 0; i < ring.kinds.size(); ++i, y += 20) {
    svg.box({x, y - 10, 12, 12}, {.fill = ring.kinds[i].colour, .stroke = "#8C8C8C"});
    svg.text({x + 20, y}, ring.kinds[i].name);
    svg.text({x + names + 110, y}, std::to_string(ring.places_of(i)), {.anchor = Anchor::kEnd});
    svg.text({x + names + 116, y}, unit_of(ring, ring.places_of(i)));
  }
}

/// The kind that most of the places from `from` up to `to` have.
std::size_t kind_between(const Ring& ring, std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> places(ring.kinds.size());
  const auto count = [&](std::uint64_t start, std::uint64_t end, std::size_t kind) {
    const std::uint64_t low = std::max(start, from);
    const std::uint64_t high = std::min(end, to);
    if (low < high) places[kind] += high - low;
  };
  for (const Ring::Part& part : ring.parts) {
    count(part.start, std::min(part.start + part.length, ring.length), part.kind);
    if (part.start + part.length > ring.length)
      count(0, part.start + part.length - ring.length, part.kind);
  }
  const auto most = std::max_element(places.begin() + 1, places.end());
  return most == places.end() || *most == 0 ? 0 : static_cast<std::size_t>(most - places.begin());
}

}  // namespace

std::uint64_t Ring::places_of(std::size_t kind) const {
  std::uint64_t covered = 0;
  std::uint64_t of_kind = 0;
  for (const Part& part : parts) {
    covered += part.length;
    if (part.kind == kind) of_kind += part.length;
  }
  return kind == 0 ? length - std::min(length, covered) + of_kind : of_kind;
}

std::string to_svg(const Ring& ring) {
  constexpr double kLegendLeft = 2 * kCentre.x + 8;
  const double width =
      std::max({kLegendLeft + legend_width(ring), Svg::width_of(ring.title, 15) + 32,
                Svg::width_of(ring.caption, kSmallText) + 32});
  Svg svg(width, 610, ring.title);
  svg.text({16, 26}, ring.title, {.size = 15, .bold = true});
  svg.polygon(sector(0, 2 * std::numbers::pi), {.fill = ring.kinds.front().colour});
  // Thin parts may cover one another; the kind that is named first is drawn last, and is seen.
  for (std::size_t kind = ring.kinds.size(); kind-- > 0;)
    for (const Ring::Part& part : ring.parts)
      if (part.kind == kind) draw_part(svg, ring, part);
  for (const double radius : {kInner, kOuter}) svg.circle(kCentre, radius, {.stroke = "#8C8C8C"});
  draw_scale(svg, ring);
  draw_marks(svg, ring);
  double y = kCentre.y - 9 * static_cast<double>(ring.centre.size() -
                                                 std::min<std::size_t>(1, ring.centre.size()));
  for (const std::string& line : ring.centre) {
    svg.text({kCentre.x, y + 4}, line, {.anchor = Anchor::kMiddle});
    y += 18;
  }
  draw_legend(svg, ring, kLegendLeft);
  svg.text({16, 590}, ring.caption, {.size = kSmallText, .colour = "#595959"});
  return svg.document();
}

std::string to_text(const Ring& ring, const TextStyle& style) {
  const std::size_t letters =
      std::min<std::uint64_t>(ring.length, std::min<std::size_t>(style.width, 64));
  const auto place = [&](std::size_t letter) { return ring.length * letter / letters; };
  std::string line;
  std::string marks(letters + 8, ' ');
  for (std::size_t i = 0; i < letters; ++i)
    line += ring.kinds[kind_between(ring, place(i), place(i + 1))].letter;
  for (const Ring::Mark& mark : ring.marks) {
    const std::size_t at = std::min<std::size_t>(mark.at * letters / ring.length, letters - 1);
    marks[at] = marks[at] == ' ' ? '^' : '*';
  }
  marks.erase(marks.find_last_not_of(' ') + 1);
  std::string out = fmt::format("{}\n\n{}\n{}\n\n", ring.title, line, marks);
  for (const Ring::Mark& mark : ring.marks)
    out += fmt::format("^  {}, {} {}\n", mark.name, ring.unit, mark.at);
  for (std::size_t i = 0; i < ring.kinds.size(); ++i)
    out += fmt::format("{}  {}: {} {}\n", ring.kinds[i].letter, ring.kinds[i].name,
                       ring.places_of(i), unit_of(ring, ring.places_of(i)));
  for (const std::string& words : ring.centre) out += words + "\n";
  return out + "\n" + ring.caption + "\n";
}

}  // namespace spindle::chart
