// Graph: nodes and arrows between them: who waits for whom, who is whose parent.
//
// In the picture the nodes stand on a circle, so that no arrow hides another node, or those of a
// tree below their parents; those marked as trouble (a deadlock) and the arrows between them have
// the colour of it, and are bold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Graph {
  struct Node {
    std::string label;
    bool is_trouble = false;
  };
  struct Edge {
    std::size_t from = 0;  ///< number of the node
    std::size_t to = 0;
  };
  std::string title;
  std::string edge_meaning;  ///< "waits for"
  std::string trouble_meaning;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  bool is_tree = false;  ///< no node has two arrows to it, and none leads back
};

std::string to_text(const Graph& graph, const TextStyle& style);
std::string to_svg(const Graph& graph);

}  // namespace spindle::chart
