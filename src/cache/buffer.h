// Buffer: one frame of the cache and what is known of the block that stands in it.
//
// A frame is free, or holds a block that is found by its number, or is cut off: its block was
// forgotten (or could not be loaded) while somebody held or transferred it; it becomes free when
// the last of them is done.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/base/id.h"

namespace spindle {

class CacheCore;
struct BlockTransfer;
struct Buffer;

/// A place in a doubly linked list of buffers.
struct BufferLink {
  Buffer* previous = nullptr;
  Buffer* next = nullptr;
};

/// What every access looks at stands in its first 64 bytes, one line of the processor's cache.
struct alignas(64) Buffer {
  CacheCore* cache = nullptr;
  std::byte* bytes = nullptr;
  BlockNo block;
  BlockTransfer* transfer = nullptr;  ///< the load or write-back that uses the frame, or will
  std::uint64_t last_use = 0;  ///< the number of the access to the cache: the order of recency
  std::uint32_t frame = 0;
  std::uint32_t pins = 0;
  std::uint16_t verified_kind = 0;
  bool in_use = false;         ///< not free
  bool cut_off = false;        ///< no longer found by its number
  bool loading = false;        ///< its content is being read
  bool load_failed = false;    ///< what is cut off has no content
  bool write_failed = false;   ///< its last write-back failed
  bool dirty = false;          ///< also while it is being written back
  bool dirtied_again = false;  ///< since the write-back under way began
  bool logged = false;
  bool changed_since_logged = false;
  bool held = false;        ///< until the journal has written it home
  bool read_ahead = false;  ///< nobody has asked for it yet
  bool in_policy = false;   ///< the replacement policy knows the frame

  // While dirty:
  InodeNo owner;
  std::int64_t dirty_since_ns = 0;
  BufferLink by_age;
  BufferLink by_owner;

  /// What observers call kept.
  [[nodiscard]] bool kept() const { return dirty || logged || held; }
  [[nodiscard]] bool evictable() const {
    return pins == 0 && !dirty && transfer == nullptr && !logged;
  }
};

}  // namespace spindle
