// What the blocks of a volume, or a part of it, are, counted cell by cell: for `spindle picture`.
//
// The maps of all files say what each block is for, the bitmaps what is free; what neither knows is
// shown as unknown. Memory does not grow with the volume. On a damaged volume, of what can be read;
// the rest becomes notes of the answer.
#pragma once

#include "cli/inspect/volume.h"
#include "spindle/chart/block_map.h"

namespace spindle::cli {

/// What tells the blocks of files apart: what they are for, how they were allocated, whose they
/// are, or in how many pieces their file lies.
enum class BlocksBy : std::uint8_t { kKind, kStrategy, kFile, kPieces };

/// Of the blocks in `shown`, which are of the volume. The title is the caller's; the caption says
/// how fragmented files and free space of the whole volume are.
chart::BlockMap count_blocks(InspectedVolume& volume, BlocksBy by, Run shown);

}  // namespace spindle::cli
