#include "spindle/format/pointer_tree.h"

#include <gtest/gtest.h>

#include <vector>

namespace spindle::format {
namespace {

/// All ways from the root to a file block, in the order of the blocks: the slot, then the indices.
void add_ways(std::vector<std::vector<std::uint64_t>>& ways, std::vector<std::uint64_t> way,
              unsigned levels, std::uint64_t pointers) {
  if (levels == 0) return ways.push_back(std::move(way));
  for (std::uint64_t i = 0; i < pointers; ++i) {
    way.push_back(i);
    add_ways(ways, way, levels - 1, pointers);
    way.pop_back();
  }
}

TEST(PointerTree, FindsTheWayToEachBlock) {
  const std::vector<PointerTree> trees = {{.roots = {5, 1, 1, 1}, .pointers = 3},
                                          {.roots = {0, 2, 0, 2}, .pointers = 2},
                                          {.roots = {1, 0, 3, 0}, .pointers = 4},
                                          {.roots = {0, 0, 0, 1}, .pointers = 1}};
  for (const PointerTree& tree : trees) {
    std::vector<std::vector<std::uint64_t>> ways;
    std::uint64_t slot = 0;
    for (unsigned levels = 0; levels < tree.roots.size(); ++levels)
      for (std::uint64_t i = 0; i < tree.roots[levels]; ++i, ++slot) {
        EXPECT_EQ(tree.area_start(slot), ways.size());
        add_ways(ways, {slot}, levels, tree.pointers);
      }
    EXPECT_EQ(tree.slots(), slot);
    ASSERT_EQ(tree.blocks(), ways.size());
    for (std::uint64_t block = 0; block < ways.size(); ++block) {
      const PointerPlace place = tree.place_of(block);
      std::vector<std::uint64_t> way = {place.slot};
      for (unsigned i = 0; i < place.levels; ++i) way.push_back(place.index[i]);
      EXPECT_EQ(way, ways[block]) << block;
    }
  }
}

}  // namespace
}  // namespace spindle::format
