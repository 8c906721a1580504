// Taking the blocks of a run out of a map by block.
#pragma once

#include <iterator>

#include "spindle/base/id.h"

namespace spindle {

/// Calls `drop`, which erases an entry and returns the next, for each of `blocks` in the run. Costs
/// the smaller of the run's length and the number of blocks.
template <class Blocks, class Drop>
void erase_run(Blocks& blocks, Run run, Drop drop) {
  if (run.length <= blocks.size()) {
    for (BlockNo block = run.start; block < run.end(); ++block) {
      if (const auto at = blocks.find(block); at != blocks.end()) drop(at);
    }
    return;
  }
  for (auto at = blocks.begin(); at != blocks.end();) {
    at = run.contains(at->first) ? drop(at) : std::next(at);
  }
}

}  // namespace spindle
