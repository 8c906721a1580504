// Cells: a disk in equal parts, as pictures show it.
//
//   for_each_cell({BlockNo{100}, 50}, 64, [&](std::uint64_t cell, std::uint64_t blocks) { ... });
//
// Cell n has the blocks from n * blocks_per_cell on.
#pragma once

#include <algorithm>
#include <cstdint>

#include "spindle/base/id.h"

namespace spindle {

constexpr std::uint64_t cells_of(std::uint64_t block_count, std::uint64_t blocks_per_cell) {
  return (block_count + blocks_per_cell - 1) / blocks_per_cell;
}

/// Calls `visit(cell, blocks)` for each cell that the run touches, with how much of the run is in
/// it.
template <class Visit>
void for_each_cell(Run run, std::uint64_t blocks_per_cell, Visit&& visit) {
  for (std::uint64_t at = run.start.value; at < run.end().value;) {
    const std::uint64_t cell = at / blocks_per_cell;
    const std::uint64_t next = std::min((cell + 1) * blocks_per_cell, run.end().value);
    visit(cell, next - at);
    at = next;
  }
}

}  // namespace spindle
