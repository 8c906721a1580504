// Placement: how well the blocks of a file lie, in numbers.
//
//   Placement now = placement_of(extents);        // in the order of the file, without holes
//   total += now;
//   total.layout_score();
//
// A run is what lies in one piece on the disk; a gap is the distance from one run to the next, in
// either direction. The layout score is that of Smith and Seltzer ("File System Aging", SIGMETRICS
// 1997): of all blocks but the first of each file, the share that directly follows the block before
// it in the file; 1 is best.
#pragma once

#include <cstdint>
#include <span>

#include "spindle/alloc/file_map.h"

namespace spindle {

struct Placement {
  std::uint64_t files = 0;             ///< that have blocks
  std::uint64_t fragmented_files = 0;  ///< in more than one run
  std::uint64_t blocks = 0;
  std::uint64_t runs = 0;
  std::uint64_t gap_blocks = 0;
  /// How often the arm must be placed for a read from the first block to the last, the first time
  /// included; blocks without content are not read.
  std::uint64_t seeks = 0;

  Placement& operator+=(const Placement& other);
  [[nodiscard]] std::uint64_t gaps() const { return runs - files; }
  [[nodiscard]] double mean_run_blocks() const;
  [[nodiscard]] double layout_score() const;
};

/// Of one file.
Placement placement_of(std::span<const Extent> extents);

}  // namespace spindle
