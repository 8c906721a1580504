#include "spindle/disk/block_activity.h"

#include <bit>

#include "spindle/base/cells.h"

namespace spindle {

BlockActivity::BlockActivity(std::uint64_t block_count)
    : blocks_per_cell_(
          std::bit_ceil(std::max<std::uint64_t>(cells_of(block_count, kMostCells), 1))) {
  for (auto& counts : counts_) counts.assign(cells_of(block_count, blocks_per_cell_), 0);
}

void BlockActivity::count(Run run, bool is_write) {
  std::vector<std::uint64_t>& counts = counts_[is_write ? 1 : 0];
  for_each_cell(run, blocks_per_cell_,
                [&](std::uint64_t cell, std::uint64_t blocks) { counts[cell] += blocks; });
}

}  // namespace spindle
