// RunSet: the free runs of a volume or of a simulated memory, in memory.
//
// An ordered set of runs that never touch one another: what is added next to a run grows it. It
// answers FreeRuns' questions and takes changes in O(log n), with 40 bytes a run. Adding what is
// free already, or removing what is not free, is refused and changes nothing: that is how a double
// free is found.
//
// Inside stand two treaps over the same nodes: one in order of place, where each node also knows
// the longest run below it, and one in order of length. Not locked.
//
//   RunSet free;
//   free.add({BlockNo{0}, 1024});
//   auto run = policy->choose(free, {.want = 8, .hint = kNoBlock});
//   if (run) free.remove(*run);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "spindle/policy/fit_policy.h"

namespace spindle {

class RunSet final : public FreeRuns {
 public:
  RunSet();

  /// Makes the run free. False, and nothing changes, if a part of it is free already, it is empty,
  /// or its end lies beyond the last number.
  [[nodiscard]] bool add(Run run);
  /// Takes the run out. False, and nothing changes, if a part of it is not free, or it is empty.
  [[nodiscard]] bool remove(Run run);
  void clear();

  /// Blocks in all runs together.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// Runs.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Whether all of the run is free; an empty run is.
  [[nodiscard]] bool contains(Run run) const;

  [[nodiscard]] std::optional<Run> at_or_after(BlockNo at) const override;
  [[nodiscard]] std::optional<Run> first_of(std::uint64_t length, BlockNo from) const override;
  [[nodiscard]] std::optional<Run> shortest_of(std::uint64_t length) const override;
  [[nodiscard]] std::optional<Run> longest() const override;
  /// The last run that starts before `at`.
  [[nodiscard]] std::optional<Run> before(BlockNo at) const;

  /// Calls `visit(Run)` for each run in order of place.
  template <class Visit>
  void for_each(Visit&& visit) const {
    walk(roots_[kByPlace], visit);
  }

  /// How many runs have a length from 2^i to 2^(i+1)-1, for each i.
  [[nodiscard]] std::array<std::uint64_t, 64> histogram() const;

 private:
  using Index = std::uint32_t;
  enum Order : std::uint8_t { kByPlace, kByLength };
  struct Links {
    Index left = 0;
    Index right = 0;
  };
  struct Node {
    Run run;
    std::uint64_t longest = 0;  ///< the longest run of its subtree in the tree by place
    Links links[2];             ///< its children in the tree by place and in that by length
  };
  static constexpr Index kNil = 0;  ///< node 0 stands for none; its run has length 0

  template <Order kOrder>
  [[nodiscard]] bool less(const Run& a, const Run& b) const;
  template <Order kOrder>
  void insert(Index& root, Index node);
  template <Order kOrder>
  void erase(Index& root, Index node);
  template <Order kOrder>
  void split(Index root, const Run& at, Index& left, Index& right);
  template <Order kOrder>
  [[nodiscard]] Index merge(Index left, Index right);
  template <Order kOrder>
  void update(Index node);

  void refresh(Index root, Index node);
  void resize(Index node, Run run);
  void make(Run run);
  void drop(Index node);
  [[nodiscard]] Index last_up_to(BlockNo at) const;
  [[nodiscard]] Index first_after(BlockNo at) const;
  [[nodiscard]] Index first_long(Index root, std::uint64_t length, BlockNo from) const;

  template <class Visit>
  void walk(Index node, Visit& visit) const {
    for (; node != kNil; node = nodes_[node].links[kByPlace].right) {
      walk(nodes_[node].links[kByPlace].left, visit);
      visit(nodes_[node].run);
    }
  }

  std::vector<Node> nodes_;
  Index roots_[2] = {kNil, kNil};
  Index free_ = kNil;  ///< unused nodes, chained by their left link by place
  std::uint64_t total_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace spindle
