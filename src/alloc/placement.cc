#include "spindle/alloc/placement.h"

namespace spindle {
namespace {

std::uint64_t distance(BlockNo from, BlockNo to) {
  return from < to ? to - from : from - to;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Placement& Placement::operator+=(const Placement& other) {
  files += other.files;
  fragmented_files += other.fragmented_files;
  blocks += other.blocks;
  runs += other.runs;
  gap_blocks += other.gap_blocks;
  seeks += other.seeks;
  return *this;
}

double Placement::mean_run_blocks() const {
  return runs == 0 ? 0 : ratio(blocks, runs);
}

double Placement::layout_score() const {
  return blocks == files ? 1 : ratio(blocks - runs, blocks - files);
}

Placement placement_of(std::span<const Extent> extents) {
  Placement found;
  BlockNo end;       ///< of the extent before
  BlockNo read_end;  ///< of the last one that a read fetches
  for (const Extent& extent : extents) {
    if (found.blocks != 0) found.gap_blocks += distance(end, extent.block);
    if (found.blocks == 0 || extent.block != end) ++found.runs;
    if (!extent.unwritten && (found.seeks == 0 || extent.block != read_end)) ++found.seeks;
    found.blocks += extent.length;
    end = extent.block + extent.length;
    if (!extent.unwritten) read_end = end;
  }
  found.files = found.blocks == 0 ? 0 : 1;
  found.fragmented_files = found.runs > 1 ? 1 : 0;
  return found;
}

}  // namespace spindle
