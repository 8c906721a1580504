// CacheObserver: sees every access to a live cache, without being seen by it.
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

inline bool is_read(CacheAccess access) {
  return access == CacheAccess::kHit || access == CacheAccess::kMiss;
}

/// Knows which blocks a live cache could not let go of now.
class BlockHolder {
 public:
  /// False for a block that it holds and that is in use, dirty or under way.
  [[nodiscard]] virtual bool may_go(BlockNo block) = 0;

 protected:
  ~BlockHolder() = default;
};

/// A live cache when an experiment begins. Its policy is new, and knows nothing but what is
/// present.
struct CacheContents {
  struct Present {
    BlockNo block;
    std::uint32_t frame;      ///< below `capacity`, or a frame that its policy does not know
    bool kept = false;        ///< what `CacheObserver::kept` would say of it
    bool read_ahead = false;  ///< read ahead, and not used since
  };
  std::string_view policy = {};
  std::size_t capacity = 0;                         ///< the frames that its policy knows
  std::span<const Present> present = {};            ///< the one used least recently first
  std::span<const std::uint32_t> free_frames = {};  ///< used before; the next to be taken is last
  BlockHolder* held = nullptr;                      ///< may be asked for as long as it is observed
};

class CacheObserver {
 public:
  virtual ~CacheObserver() = default;
  virtual void accessed(BlockNo block, CacheAccess access) = 0;
  /// A block that is present is dirty or needed by the journal from now on, or is neither now.
  virtual void kept(BlockNo block, bool is_kept) = 0;
  /// A block that was parked (FramePool) may go now, and is the policy's business again.
  virtual void settled(BlockNo block) = 0;
  /// The blocks were freed, or could not be loaded: they are no longer in any cache.
  virtual void forgotten(Run run) = 0;
  /// Every block that may go has left the cache, in the order of the frames.
  virtual void emptied() = 0;
  /// What comes now is to be counted from zero: observing begins, the cache does so itself, or has
  /// another policy.
  virtual void restarted(const CacheContents& contents) = 0;
};

}  // namespace spindle
