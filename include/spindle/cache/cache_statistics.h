// What the buffer cache counts. reads = hits + misses; all since the start or the last reset.
#pragma once

#include <cstdint>

namespace spindle {

struct CacheStatistics {
  std::uint64_t reads = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t read_ahead_blocks = 0;  ///< read before anybody asked
  std::uint64_t read_ahead_used = 0;    ///< those among them that were asked for later
  std::uint64_t evictions = 0;
  std::uint64_t written_back = 0;        ///< blocks of file data written home
  std::uint64_t failed_write_backs = 0;  ///< blocks that a transfer did not bring home
  std::uint64_t failed_loads = 0;        ///< transfers of blocks to be read that failed
  std::uint64_t over_capacity = 0;  ///< blocks for which a frame beyond the capacity was needed
  // As things stand now:
  std::uint64_t capacity_blocks = 0;
  std::uint64_t used_blocks = 0;
  std::uint64_t dirty_blocks = 0;  ///< dirty blocks of file data
  std::uint64_t pinned_blocks = 0;
};

}  // namespace spindle
