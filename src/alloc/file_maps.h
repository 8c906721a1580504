// The strategies, by name, and what they share.
#pragma once

#include "spindle/alloc/file_map.h"

namespace spindle {

const FileMap& contiguous_map();
const FileMap& linked_map();
const FileMap& fat_map();
const FileMap& indexed_map();
const FileMap& extent_map();

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
