#include "spindle/chart/graph.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr std::string_view kQuiet = "#595959";

class Drawing {
 public:
  explicit Drawing(const Graph& graph) : graph_(graph) {
    double label = 0;
    for (const Graph::Node& node : graph.nodes) label = std::max(label, Svg::width_of(node.label));
    node_ = std::max(20.0, label / 2 + 8);
    const auto count = static_cast<double>(std::max<std::size_t>(graph.nodes.size(), 2));
    ring_ = std::max(100.0, count * (2 * node_ + 16) / (2 * std::numbers::pi));
  }

  [[nodiscard]] std::string document() const {
    const double side = 2 * (ring_ + node_) + 60;
    const double width = std::max({side, 420.0, Svg::width_of(graph_.title, 15) + 40});
    Svg svg(width, side + 70, graph_.title);
    svg.text({16, 26}, graph_.title, {.size = 15, .bold = true});
    const Point middle{width / 2, 44 + side / 2};
    for (const Graph::Edge& edge : graph_.edges) draw_edge(svg, edge, middle);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) draw_node(svg, n, middle);
    svg.arrow({20, side + 48}, {56, side + 48}, {.stroke = kQuiet, .stroke_width = 1.6});
    svg.text({64, side + 52}, graph_.edge_meaning, {.size = 11});
    const double x = 90 + Svg::width_of(graph_.edge_meaning, 11);
    if (std::ranges::any_of(graph_.nodes, &Graph::Node::is_trouble)) {
      svg.circle({x, side + 48}, 7, {.fill = colour_of(Meaning::kMiss)});
      svg.text({x + 14, side + 52}, graph_.trouble_meaning, {.size = 11});
    }
    return svg.document();
  }

 private:
  [[nodiscard]] Point place(std::size_t node, Point middle) const {
    const double angle = 2 * std::numbers::pi * static_cast<double>(node) /
                             static_cast<double>(std::max<std::size_t>(graph_.nodes.size(), 1)) -
                         std::numbers::pi / 2;
    return {middle.x + ring_ * std::cos(angle), middle.y + ring_ * std::sin(angle)};
  }

  void draw_node(Svg& svg, std::size_t number, Point middle) const {
    const Graph::Node& node = graph_.nodes[number];
    const Point at = place(number, middle);
    svg.circle(at, node_,
               {.fill = node.is_trouble ? colour_of(Meaning::kMiss) : "#FFFFFF",
                .stroke = "#000000",
                .stroke_width = 1.4});
    svg.text_in({at.x - node_, at.y - node_, 2 * node_, 2 * node_}, node.label,
                {.bold = node.is_trouble, .colour = node.is_trouble ? "#FFFFFF" : "#000000"});
  }

  /// From rim to rim; where there is an arrow back, both keep to their right. To the node itself: a
  /// small ring outside.
  void draw_edge(Svg& svg, const Graph::Edge& edge, Point middle) const {
    const bool trouble = graph_.nodes[edge.from].is_trouble && graph_.nodes[edge.to].is_trouble;
    const Look look{.stroke = trouble ? colour_of(Meaning::kMiss) : kQuiet,
                    .stroke_width = trouble ? 2.6 : 1.6};
    const Point a = place(edge.from, middle);
    const Point b = place(edge.to, middle);
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (edge.from == edge.to || length == 0) {
      const double out = std::max(1.0, std::hypot(a.x - middle.x, a.y - middle.y));
      const Point ring{a.x + (a.x - middle.x) / out * (node_ + 8),
                       a.y + (a.y - middle.y) / out * (node_ + 8)};
      svg.circle(ring, 12, look);
      return;
    }
    const Point along{(b.x - a.x) / length, (b.y - a.y) / length};
    const bool both = std::ranges::any_of(graph_.edges, [&](const Graph::Edge& other) {
      return other.from == edge.to && other.to == edge.from;
    });
    const double aside = both ? 7 : 0;
    const Point shift{-along.y * aside, along.x * aside};
    const double rim = std::sqrt(node_ * node_ - aside * aside) + 1;
    svg.arrow({a.x + along.x * rim + shift.x, a.y + along.y * rim + shift.y},
              {b.x - along.x * rim + shift.x, b.y - along.y * rim + shift.y}, look);
  }

  const Graph& graph_;
  double node_ = 0;
  double ring_ = 0;
};

}  // namespace

std::string to_text(const Graph& graph, const TextStyle& style) {
  std::size_t width = 1;
  for (const Graph::Node& node : graph.nodes) width = std::max(width, columns_of(node.label));
  std::string out;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    std::string targets;
    for (const Graph::Edge& edge : graph.edges)
      if (edge.from == n) targets += (targets.empty() ? "" : ", ") + graph.nodes[edge.to].label;
    const bool trouble = graph.nodes[n].is_trouble;
    if (targets.empty() && !trouble) continue;
    out += padded(graph.nodes[n].label, width) + " ";
    if (!targets.empty()) out += std::string(style.pick("──▶ ", "--> ")) + targets;
    if (trouble) out += std::string(style.pick("   ◀ ", "   < ")) + graph.trouble_meaning;
    out += "\n";
  }
  return out;
}

std::string to_svg(const Graph& graph) {
  return Drawing(graph).document();
}

}  // namespace spindle::chart
