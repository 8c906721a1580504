// CacheObserver: who wants to see every access to a live cache, without being seen by it.
//
// Called between suspension points of the cache's runtime; must not suspend, and must ask
// the cache nothing but what is held. Without an observer the cache pays one comparison an access.
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

/// Knows which blocks a live cache could not let go of now.
class BlockHolder {
 public:
  /// False for a block that it holds and that is in use, dirty or under way.
  [[nodiscard]] virtual bool may_go(BlockNo block) = 0;

 protected:
  ~BlockHolder() = default;
};

/// A live cache when observing begins.
struct CacheContents {
  struct Present {
    BlockNo block;
    std::uint32_t frame;  ///< from `capacity` on: one that its policy does not know
  };
  std::size_t capacity = 0;                         ///< the frames that its policy knows
  std::span<const Present> present = {};            ///< the one used least recently first
  std::span<const std::uint32_t> free_frames = {};  ///< used before; the next to be taken is last
  BlockHolder* held = nullptr;                      ///< may be asked for as long as it is observed
};

class CacheObserver {
 public:
  virtual ~CacheObserver() = default;
  virtual void accessed(BlockNo block, CacheAccess access) = 0;
  /// The blocks were freed, or could not be loaded: they are no longer in any cache.
  virtual void forgotten(Run run) = 0;
  /// Every block that may go has left the cache, in the order of the frames.
  virtual void emptied() = 0;
  /// Observing begins, or the cache has a new policy, which knows nothing but what is present.
  virtual void restarted(const CacheContents& contents) = 0;
  /// What comes now is to be counted from zero: the cache does so itself, or observing begins, or
  /// this policy is in use from now on.
  virtual void counting_begins(std::string_view policy) = 0;
};

}  // namespace spindle
