// BlockActivity: how much was read and written in each part of a disk, for pictures of it.
//
//   BlockActivity activity(block_count);
//   activity.count(run, is_write);              // a division and an addition
//   activity.written_blocks()[3];               // ever, in the fourth cell
//
// The disk is divided into at most kMostCells cells of equally many blocks, a power of two. The
// counters only grow, so any number of readers may look now and then, and take the difference.
// Not locked.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spindle/base/id.h"

namespace spindle {

class BlockActivity {
 public:
  static constexpr std::uint64_t kMostCells = 1024;

  explicit BlockActivity(std::uint64_t block_count);

  /// The run must lie on the disk.
  void count(Run run, bool is_write);

  [[nodiscard]] std::uint64_t blocks_per_cell() const { return blocks_per_cell_; }
  [[nodiscard]] std::span<const std::uint64_t> read_blocks() const { return counts_[0]; }
  [[nodiscard]] std::span<const std::uint64_t> written_blocks() const { return counts_[1]; }

 private:
  std::uint64_t blocks_per_cell_;
  std::vector<std::uint64_t> counts_[2];
};

}  // namespace spindle
