// The strategies' table of contents, and what they share: a strategy is one file, and one line
// here.
#pragma once

#include "spindle/alloc/file_map.h"

#define SPINDLE_FILE_MAPS(X) \
  X(contiguous_map)          \
  X(linked_map)              \
  X(fat_map)                 \
  X(indexed_map)             \
  X(extent_map)

namespace spindle {

#define SPINDLE_DECLARE(MAP) const FileMap& MAP();
SPINDLE_FILE_MAPS(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

/// Runs of blocks that one call of shrink or punch frees at most.
inline constexpr int kRunsPerCall = 16;

/// Frees blocks that the file owns, and counts them out of it.
inline Result<> free_blocks(const MapEdit& edit, Run run) {
  MapFile& file = edit.file;
  if (file.blocks < run.length) {
    return corrupt("the file's count of blocks is wrong", Subject::inode(file.inode));
  }
  TRY(edit.space.free(edit.tx, run));
  file.blocks -= run.length;
  return {};
}

}  // namespace spindle
