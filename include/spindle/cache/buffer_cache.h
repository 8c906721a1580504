// BufferCache: the blocks of the volume that are in memory, metadata and file data alike.
//
//   BlockRef block = TRY(cache.read(number));      // pinned: stays in memory while the ref lives
//   std::span<const std::byte> bytes = block.bytes();
//
// Two kinds of change, by two owners:
//   file data   `write_access` then `mark_dirty(block, inode)`: the cache writes it back by itself,
//   by age and
//               by share, or when asked (flush_file). It is never written while somebody holds it
//               writable.
//   metadata    is changed by the Journal alone, which holds a ref to each block it has changed (so
//   it stays)
//               and writes it home itself when the log allows. The cache never writes it.
//
// Which clean, unpinned block goes when a frame is needed is said by a ReplacementPolicy, which can
// be changed at any time. Frames are made as they are needed, up to the capacity. `read` counts one
// read, and it is a hit or a miss: reads = hits + misses always.
//
// Used by the runtime's threads (one kernel thread). May suspend: read, read_range, blank (when a
// dirty block must be written first), write_access, flush_*. Outside of a runtime the same calls
// block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/cache/cache_statistics.h"
#include "spindle/device/block_device.h"

namespace spindle {

class BufferCache;
struct Buffer;

/// A pinned block. Copying pins again. Must not outlive the cache.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(const BlockRef& other);
  BlockRef(BlockRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept;
  ~BlockRef();

  explicit operator bool() const { return buffer_ != nullptr; }
  [[nodiscard]] BlockNo block() const;
  [[nodiscard]] std::span<const std::byte> bytes() const;
  /// The bytes to change. For file data only after `write_access`; for metadata only the journal.
  [[nodiscard]] std::span<std::byte> writable() const;

 private:
  friend class BufferCache;
  explicit BlockRef(Buffer* pinned) : buffer_(pinned) {}
  Buffer* buffer_ = nullptr;
};

class BufferCache {
 public:
  struct Options {
    std::size_t capacity_bytes = 64u << 20;  ///< at least 64 blocks are kept whatever it says
    std::string_view policy = "lru";
    unsigned dirty_percent = 40;       ///< share of dirty file data at which writers must wait
    unsigned background_percent = 10;  ///< share at which writing back begins
    std::int64_t dirty_age_ns = 5'000'000'000;  ///< dirty data older than that is written back
  };
  static Result<std::unique_ptr<BufferCache>> create(BlockDevice& device, Options options);
  ~BufferCache();  ///< what is dirty is lost: flush first

  [[nodiscard]] std::uint32_t block_size() const;
  [[nodiscard]] BlockDevice& device();

  /// The block, from memory or from the device. Several who miss at once wait for one transfer.
  Result<BlockRef> read(BlockNo block, IoPurpose purpose = IoPurpose::kMetadata);
  /// All blocks of the run (at most kMaxRange), the missing ones in as few transfers as possible.
  Result<std::vector<BlockRef>> read_range(Run run, IoPurpose purpose = IoPurpose::kData);
  /// Begins to read the missing blocks of the run and returns at once. A hint: may do less, never
  /// fails.
  void read_ahead(Run run);
  /// A block whose old content is not wanted: a frame, zero-filled, no transfer. If the block is in
  /// memory, that frame, zero-filled after `write_access`.
  Result<BlockRef> blank(BlockNo block);
  /// The block if it is in memory (not counted as a read, not a touch).
  [[nodiscard]] BlockRef peek(BlockNo block);

  /// Waits until no transfer is reading the frame, so that it may be changed.
  Result<> write_access(const BlockRef& block);
  /// File data of `owner` was changed. May not suspend.
  void mark_dirty(const BlockRef& block, InodeNo owner);
  /// Makes a writer wait while too much is dirty. Called with no lock held.
  Result<> throttle();

  /// Writes the owner's dirty data and waits for it. Not a device flush. A write-back of it that
  /// failed since the last call (in the background, too) is reported here, once.
  Result<> flush_file(InodeNo owner);
  Result<> flush_all();
  Result<> flush_blocks(std::span<const BlockNo> blocks);  ///< those of them that are dirty
  /// Pins and returns the owner's dirty blocks, sorted.
  [[nodiscard]] std::vector<BlockRef> dirty_blocks(InodeNo owner);
  [[nodiscard]] std::size_t dirty_count(InodeNo owner) const;
  [[nodiscard]] bool is_dirty(const BlockRef& block) const;
  /// Counts completed transfers of file data to the device, ever: equal before and after = nothing
  /// was written.
  [[nodiscard]] std::uint64_t data_writes() const;
  /// Device flush, remembered so that needless ones are left out: skips if no write completed since
  /// the last.
  Result<> flush_device();

  /// The journal's mark on a block of file data: the log holds a copy of it that a replay would
  /// write. While it stands, a file's data must not be called durable by writing it home alone.
  void set_logged(const BlockRef& block, bool logged);
  [[nodiscard]] bool is_logged(const BlockRef& block) const;

  /// The blocks were freed: their content, dirty or not, is forgotten. Pinned frames are cut off
  /// from their number and live until unpinned.
  void forget(Run run);
  /// Drops every clean, unpinned block (cold-cache measurements).
  void drop_clean();

  Result<> set_policy(std::string_view name);  ///< EINVAL: unknown
  [[nodiscard]] std::string_view policy() const;
  [[nodiscard]] CacheStatistics statistics() const;
  void reset_statistics();

  /// The thread that writes back by age and share; needs a runtime. `stop` ends and joins it.
  void start_write_back();
  void stop_write_back();

  static constexpr std::size_t kMaxRange = 4096;

 private:
  struct State;
  explicit BufferCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  friend class BlockRef;
};

}  // namespace spindle
