// What the blocks of a volume, or a part of it, are, counted cell by cell: for `spindle picture`.
//
// The maps of all files say what each block is for, and the bitmaps what is free; what neither
// knows is shown as unknown. Memory does not grow with the volume. Of a damaged volume, what can be
// read is counted; the rest becomes notes of the answer.
#pragma once

#include "cli/inspect/volume.h"
#include "spindle/chart/block_map.h"

namespace spindle::cli {

/// What tells the blocks of files apart: what they are for, how they were allocated, whose they
/// are, or in how many pieces their file lies.
enum class BlocksBy : std::uint8_t { kKind, kStrategy, kFile, kPieces };

/// Counts the blocks in `shown`, which must lie in the volume. The caller sets the title; the
/// caption says how fragmented files and free space of the whole volume are.
chart::BlockMap count_blocks(InspectedVolume& volume, BlocksBy by, Run shown);

}  // namespace spindle::cli
