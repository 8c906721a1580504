// MaxTree: a number for each group, and the next group whose number is large enough in O(log n).
//
// A tournament tree: leaf i holds the number of group i, each inner node the greater of its two
// children. `next` climbs from a leaf until a subtree to its right holds a number large enough and
// goes down to its first; so the search for room never goes through the groups of a full volume.
// The numbers may be upper bounds: a caller that finds less in a group than its number says sets
// the right number and asks again. Not locked.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "spindle/base/check.h"

namespace spindle {

class MaxTree {
 public:
  explicit MaxTree(std::size_t count)
      : count_(count),
        leaves_(std::bit_ceil(std::max<std::size_t>(count, 1))),
        nodes_(2 * leaves_) {}

  [[nodiscard]] std::uint32_t get(std::size_t index) const { return nodes_[leaves_ + index]; }
  [[nodiscard]] std::uint32_t max() const { return nodes_[1]; }

  void set(std::size_t index, std::uint32_t value) {
    CHECK(index < count_);
    std::size_t node = leaves_ + index;
    nodes_[node] = value;
    while (node > 1) {
      node /= 2;
      const std::uint32_t greater = std::max(nodes_[2 * node], nodes_[2 * node + 1]);
      if (nodes_[node] == greater) break;
      nodes_[node] = greater;
    }
  }

  /// The first index from `from` on, going round past the end, whose number is `least` or more.
  [[nodiscard]] std::optional<std::size_t> next(std::size_t from, std::uint32_t least) const {
    if (nodes_[1] < least) return std::nullopt;
    std::size_t node = leaves_ + from;
    while (nodes_[node] < least) {
      while (node % 2 == 1 && node > 1) node /= 2;
      if (node <= 1) return first_below(1, least);
      ++node;
    }
    return first_below(node, least);
  }

  /// The first index with the greatest number.
  [[nodiscard]] std::size_t index_of_max() const { return first_below(1, nodes_[1]); }

 private:
  [[nodiscard]] std::size_t first_below(std::size_t node, std::uint32_t least) const {
    while (node < leaves_) {
      node *= 2;
      if (nodes_[node] < least) ++node;
    }
    return node - leaves_;
  }

  std::size_t count_;
  std::size_t leaves_;  ///< a power of two
  std::vector<std::uint32_t> nodes_;
};

}  // namespace spindle
