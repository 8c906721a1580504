// What the benchmarks of layers share: a runtime around the loop, and volumes in memory, so that no
// disk and no kernel is in what they measure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "spindle/alloc/space_manager.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/device/memory_device.h"
#include "spindle/format/layout.h"
#include "spindle/fs/file_system.h"
#include "spindle/journal/journal.h"

namespace spindle::bench {

inline constexpr std::uint32_t kBlockSize = 4096;

/// Runs `body` as the first thread of a runtime of its own.
void in_runtime(const std::function<void()>& body);

/// An empty volume.
MemoryDevice formatted_device(std::uint64_t size_bytes);

/// A volume mounted as far as allocation goes. To be made and destroyed inside a runtime.
class OpenVolume {
 public:
  explicit OpenVolume(std::uint64_t size_bytes);
  ~OpenVolume();
  OpenVolume(const OpenVolume&) = delete;
  OpenVolume& operator=(const OpenVolume&) = delete;

 private:
  MemoryDevice device_;

 public:
  format::Layout layout;
  std::unique_ptr<BufferCache> cache;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<SpaceManager> space;
};

}  // namespace spindle::bench
