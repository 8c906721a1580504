// CacheObserver: who wants to see every access to a live cache, without being seen by it.
//
// Called between suspension points of the cache's runtime; must not suspend and must not call the
// cache. Without an observer the cache pays one comparison an access.
#pragma once

#include <cstdint>
#include <span>

#include "spindle/base/id.h"

namespace spindle {

enum class CacheAccess : std::uint8_t {
  kRead,       ///< counted as a read: a hit or a miss
  kBlank,      ///< brought in, or used, without being read
  kReadAhead,  ///< brought in before anybody asked; only for blocks that are absent
};

class CacheObserver {
 public:
  virtual ~CacheObserver() = default;
  virtual void accessed(BlockNo block, CacheAccess access) = 0;
  /// The blocks were freed, or could not be loaded: they are no longer in any cache.
  virtual void forgotten(Run run) = 0;
  /// Observing begins, or the cache was emptied: it holds at most `capacity` blocks, and these now,
  /// the one used least recently first.
  virtual void restarted(std::size_t capacity, std::span<const BlockNo> present) = 0;
  /// The cache's counters were set to zero.
  virtual void counts_reset() = 0;
};

}  // namespace spindle
