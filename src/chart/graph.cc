#include "spindle/chart/graph.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr std::string_view kQuiet = "#595959";

/// The places of a tree's nodes, in widths of a leaf and in levels.
std::vector<Point> places_of_tree(const Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::vector<std::vector<std::size_t>> children(count);
  std::vector<bool> is_child(count);
  for (const Graph::Edge& edge : graph.edges) {
    children[edge.from].push_back(edge.to);
    is_child[edge.to] = true;
  }
  std::vector<std::size_t> order;  // parents before their children
  for (std::size_t n = 0; n < count; ++n)
    if (!is_child[n]) order.push_back(n);
  const std::size_t roots = order.size();
  for (std::size_t i = 0; i < order.size(); ++i)
    order.insert(order.end(), children[order[i]].begin(), children[order[i]].end());
  std::vector<double> leaves(count);
  for (std::size_t i = order.size(); i-- > 0;) {
    for (std::size_t child : children[order[i]]) leaves[order[i]] += leaves[child];
    leaves[order[i]] = std::max(leaves[order[i]], 1.0);
  }
  std::vector<Point> places(count);
  double left = 0;
  for (std::size_t i = 0; i < roots; ++i) {
    places[order[i]].x = left + leaves[order[i]] / 2;
    left += leaves[order[i]];
  }
  for (std::size_t n : order) {
    double from = places[n].x - leaves[n] / 2;
    for (std::size_t child : children[n]) {
      places[child] = {from + leaves[child] / 2, places[n].y + 1};
      from += leaves[child];
    }
  }
  return places;
}

class GraphDrawing {
 public:
  explicit GraphDrawing(const Graph& graph) : graph_(graph) {
    double label = 0;
    for (const Graph::Node& node : graph.nodes) label = std::max(label, Svg::width_of(node.label));
    node_ = std::max(20.0, label / 2 + 8);
    least_width_ = std::max(420.0, Svg::width_of(graph_.title, 15) + 40);
    if (graph.is_tree)
      place_as_tree();
    else
      place_on_circle();
  }

  [[nodiscard]] std::string document() const {
    Svg svg(width_, height_ + 70, graph_.title);
    svg.text({16, 26}, graph_.title, {.size = 15, .bold = true});
    for (const Graph::Edge& edge : graph_.edges) draw_edge(svg, edge);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) draw_node(svg, n);
    const double y = height_ + 48;
    svg.arrow({20, y}, {56, y}, {.stroke = kQuiet, .stroke_width = 1.6});
    svg.text({64, y + 4}, graph_.edge_meaning, {.size = 11});
    const double x = 90 + Svg::width_of(graph_.edge_meaning, 11);
    if (std::ranges::any_of(graph_.nodes, &Graph::Node::is_trouble)) {
      svg.circle({x, y}, 7, {.fill = colour_of(Meaning::kMiss)});
      svg.text({x + 14, y + 4}, graph_.trouble_meaning, {.size = 11});
    }
    return svg.document();
  }

 private:
  void place_on_circle() {
    const auto count = static_cast<double>(graph_.nodes.size());
    const double ring =
        std::max(100.0, std::max(count, 2.0) * (2 * node_ + 16) / (2 * std::numbers::pi));
    height_ = 2 * (ring + node_) + 60;
    width_ = std::max(height_, least_width_);
    middle_ = {width_ / 2, 44 + height_ / 2};
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(node) / count - std::numbers::pi / 2;
      places_.push_back({middle_.x + ring * std::cos(angle), middle_.y + ring * std::sin(angle)});
    }
  }

  void place_as_tree() {
    constexpr double kMargin = 20;
    const double across = 2 * node_ + 16;
    const double down = 2 * node_ + 34;
    places_ = places_of_tree(graph_);
    double right = 0;
    for (Point& place : places_) {
      place = {kMargin + place.x * across, 64 + node_ + place.y * down};
      right = std::max(right, place.x);
      height_ = std::max(height_, place.y + node_);
    }
    width_ = std::max(right + across / 2 + kMargin, least_width_);
    middle_ = {width_ / 2, height_ / 2};
  }

  void draw_node(Svg& svg, std::size_t number) const {
    const Graph::Node& node = graph_.nodes[number];
    const Point at = places_[number];
    svg.circle(at, node_,
               {.fill = node.is_trouble ? colour_of(Meaning::kMiss) : "#FFFFFF",
                .stroke = "#000000",
                .stroke_width = 1.4});
    svg.text_in({at.x - node_, at.y - node_, 2 * node_, 2 * node_}, node.label,
                {.bold = node.is_trouble, .colour = node.is_trouble ? "#FFFFFF" : "#000000"});
  }

  /// An arrow goes from rim to rim; if there is one in the other direction, each keeps to its
  /// right. An arrow from a node to itself is a small ring outside of it.
  void draw_edge(Svg& svg, const Graph::Edge& edge) const {
    const bool trouble = graph_.nodes[edge.from].is_trouble && graph_.nodes[edge.to].is_trouble;
    const Look look{.stroke = trouble ? colour_of(Meaning::kMiss) : kQuiet,
                    .stroke_width = trouble ? 2.6 : 1.6};
    const Point a = places_[edge.from];
    const Point b = places_[edge.to];
    // Between a parent's lower end and a child's upper end there is nothing else.
    if (graph_.is_tree) return svg.arrow({a.x, a.y + node_ + 1}, {b.x, b.y - node_ - 1}, look);
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (edge.from == edge.to || length == 0) {
      const double out = std::max(1.0, std::hypot(a.x - middle_.x, a.y - middle_.y));
      const Point ring{a.x + (a.x - middle_.x) / out * (node_ + 8),
                       a.y + (a.y - middle_.y) / out * (node_ + 8)};
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
  double node_ = 0;  ///< the radius of the nodes
  double least_width_ = 0;
  double width_ = 0;
  double height_ = 0;  ///< without the legend
  Point middle_;
  std::vector<Point> places_;
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
  return GraphDrawing(graph).document();
}

}  // namespace spindle::chart
