// PhaseTree: waiting tasks, each with a phase and a rank, and the one of the highest rank among
// those whose phase is at most, or above, a limit; of equal ranks the one that came first.
//
// A treap (Seidel and Aragon 1989) in order of the phase, whose every subtree knows its best task.
// So all operations are O(log n), whatever phases and ranks there are.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/base/id.h"
#include "spindle/base/random.h"

namespace spindle {

class PhaseTree {
 public:
  struct Item {
    std::int64_t phase = 0;
    std::uint64_t order = 0;  ///< numbers items as they come; no two have the same
    std::int64_t rank = 0;
    TaskId task;
  };

  void insert(const Item& item) {
    const Index added = new_node(item);
    const auto [before, after] = split(root_, {item.phase, item.order});
    root_ = merge(merge(before, added), after);
  }

  /// The item must be there.
  void erase(std::int64_t phase, std::uint64_t order) {
    const auto [before, rest] = split(root_, {phase, order});
    const auto [found, after] = split(rest, {phase, order + 1});
    CHECK(found != kNone && nodes_[found].left == kNone && nodes_[found].right == kNone);
    free_.push_back(found);
    root_ = merge(before, after);
  }

  [[nodiscard]] bool empty() const { return root_ == kNone; }

  /// The best of those whose phase is at most the limit.
  [[nodiscard]] std::optional<Item> best_up_to(std::int64_t limit) const {
    return best_on_one_side(limit, true);
  }
  /// The best of those whose phase is above the limit.
  [[nodiscard]] std::optional<Item> best_above(std::int64_t limit) const {
    return best_on_one_side(limit, false);
  }

  static bool is_better(const Item& a, const Item& b) {
    return a.rank != b.rank ? b.rank < a.rank : a.order < b.order;
  }

 private:
  using Index = std::uint32_t;
  using Key = std::pair<std::int64_t, std::uint64_t>;
  static constexpr Index kNone = ~Index{0};

  struct Node {
    Item item;
    Item best;  ///< the best item of its subtree
    std::uint64_t height = 0;
    Index left = kNone;
    Index right = kNone;
  };

  Index new_node(const Item& item) {
    if (free_.empty()) {
      free_.push_back(static_cast<Index>(nodes_.size()));
      nodes_.emplace_back();
    }
    const Index index = free_.back();
    free_.pop_back();
    nodes_[index] = {item, item, random_(), kNone, kNone};
    return index;
  }

  void update(Index index) {
    Node& node = nodes_[index];
    node.best = node.item;
    for (const Index child : {node.left, node.right})
      if (child != kNone && is_better(nodes_[child].best, node.best))
        node.best = nodes_[child].best;
  }

  /// The items before the key, and the others.
  std::pair<Index, Index> split(Index index, Key key) {
    if (index == kNone) return {kNone, kNone};
    Node& node = nodes_[index];
    const bool is_before = Key{node.item.phase, node.item.order} < key;
    auto [before, rest] = split(is_before ? node.right : node.left, key);
    (is_before ? node.right : node.left) = is_before ? before : rest;
    update(index);
    return is_before ? std::pair(index, rest) : std::pair(before, index);
  }

  /// All of `before` stand before all of `after`.
  Index merge(Index before, Index after) {
    if (before == kNone || after == kNone) return before == kNone ? after : before;
    const bool keeps_first = nodes_[after].height < nodes_[before].height;
    const Index top = keeps_first ? before : after;
    if (keeps_first)
      nodes_[top].right = merge(nodes_[top].right, after);
    else
      nodes_[top].left = merge(before, nodes_[top].left);
    update(top);
    return top;
  }

  [[nodiscard]] std::optional<Item> best_on_one_side(std::int64_t limit, bool low_side) const {
    std::optional<Item> best;
    const auto consider = [&best](const Item& item) {
      if (!best || is_better(item, *best)) best = item;
    };
    for (Index index = root_; index != kNone;) {
      const Node& node = nodes_[index];
      const bool is_in = (node.item.phase <= limit) == low_side;
      const Index inner = low_side ? node.left : node.right;
      const Index outer = low_side ? node.right : node.left;
      if (is_in) consider(node.item);
      if (is_in && inner != kNone) consider(nodes_[inner].best);
      index = is_in ? outer : inner;
    }
    return best;
  }

  Index root_ = kNone;
  std::vector<Node> nodes_;
  std::vector<Index> free_;
  Random random_{1};
};

}  // namespace spindle
