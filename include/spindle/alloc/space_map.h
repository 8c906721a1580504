// Which parts of a volume files own, for pictures of it.
//
//   const auto owned = blocks_in_files(cache, layout, 64);     // of each 64 blocks, how many
//
// As it was committed last. Asks no disk, waits for nothing, and leaves no trace in the cache: it
// looks at the bitmaps that are in memory, as those of the groups in use are. Of a group whose
// bitmap is not, what its descriptor counts is spread evenly over it.
#pragma once

#include <cstdint>
#include <vector>

#include "spindle/cache/buffer_cache.h"
#include "spindle/format/layout.h"

namespace spindle {

/// For each cell of so many blocks, from block 0 on.
std::vector<std::uint64_t> blocks_in_files(BufferCache& cache, const format::Layout& layout,
                                           std::uint64_t blocks_per_cell);

}  // namespace spindle
