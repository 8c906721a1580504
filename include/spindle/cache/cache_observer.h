// CacheObserver: who wants to see every access to a live cache, without being seen by it.
//
// Called between suspension points of the cache's runtime; must not suspend and must not call the
// cache. Without an observer the cache pays one comparison an access.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "spindle/base/id.h"

namespace spindle {

enum class CacheAccess : std::uint8_t {
  kHit,        ///< counted as a read that found the block
  kMiss,       ///< counted as a read that did not
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
  /// What comes now is to be counted from zero: the cache does so itself, or observing begins, or
  /// this policy is in use from now on.
  virtual void counting_begins(std::string_view policy) = 0;
};

}  // namespace spindle
