// BareVolume: the layers below the file system over a device in memory, for tests of what is built
// on them. Made, used and ended inside `in_runtime`.
//
// `remount` closes the journal and opens all of it anew; `crash` leaves the journal as it is and
// replays it. The test keeps what an inode would hold.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "mkfs/format_volume.h"
#include "spindle/alloc/file_map.h"
#include "spindle/base/random.h"
#include "spindle/device/memory_device.h"
#include "spindle/journal/replay.h"
#include "support/in_runtime.h"

namespace spindle {

using test::in_runtime;

class BareVolume {
 public:
  explicit BareVolume(std::uint32_t block_size, std::uint64_t size_bytes = 64u << 20)
      : device(block_size, size_bytes / block_size) {
    FormatOptions options;
    options.hash_seed = 1;
    options.now = {1, 0};
    const auto planned = plan_volume(block_size, device.block_count(), options);
    CHECK(planned.ok());
    CHECK(format_volume(device, *planned).ok());
    layout = format::Layout::of(*planned).take();
    open();
  }
  ~BareVolume() {
    if (journal) CHECK(journal->close().ok());
  }

  void remount() {
    CHECK(journal->close().ok());
    reopen();
  }
  void crash() { reopen(); }

  /// Waits until freed blocks can be used again, and counts.
  std::uint64_t free_blocks() {
    CHECK(journal->sync().ok());
    return space->statistics().free_blocks;
  }

  MemoryDevice device;
  format::Layout layout;
  std::unique_ptr<BufferCache> cache;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<SpaceManager> space;
  std::unique_ptr<CachedReader> reader;

 private:
  void open() {
    cache = BufferCache::create(device, {}).take();
    journal = Journal::open(*cache, layout, {}).take();
    space = SpaceManager::open(*cache, *journal, layout).take();
    reader = std::make_unique<CachedReader>(*cache, layout.seed);
  }
  void reopen() {
    reader.reset();
    space.reset();
    journal.reset();
    cache.reset();
    const auto report = replay(device, layout);
    CHECK(report.ok());
    EXPECT_TRUE(report->mismatched.empty());
    open();
  }
};

}  // namespace spindle
