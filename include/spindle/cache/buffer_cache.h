// BufferCache: the blocks of the volume that are in memory, metadata and file data alike.
//
//   BlockRef block = TRY(cache.read(number));      // pinned: stays in memory while the ref lives
//   std::span<const std::byte> bytes = block.bytes();
//
// Two kinds of change, by two owners:
//   file data   `write_access`, change, `mark_dirty`, with no suspension between them: the cache
//               writes the block back by itself, by age and by share, or when asked (flush_file).
//               What is on its way to the device is not changed: write_access waits for it.
//   metadata    is changed by the Journal alone, which holds a ref to each block it has changed (so
//               it stays) and writes it home itself when the log allows. The cache never writes it.
//
// Which clean, unpinned block goes when a frame is needed is said by a ReplacementPolicy, which can
// be changed at any time. Frames are made as they are needed, up to the capacity; only when all of
// them are held, and nobody is about to let one go, up to a quarter more (and at least kMaxRange
// blocks, so that every range can be read). `read` counts one read, read_range one for each block,
// and it is a hit or a miss: reads = hits + misses always. A block that somebody is loading already
// is a hit. Who is about to hold many blocks at once reserves frames for them first, so that many
// such calls together wait for one another instead of finding every frame held.
//
// Used by the runtime's threads (one kernel thread). May suspend: read, read_range, blank, replace
// (when a dirty block must be written first), reserve, write_access, throttle, flush_*, the
// destructor. Outside of a runtime the same calls block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/cache/cache_observer.h"
#include "spindle/cache/cache_statistics.h"
#include "spindle/cache/hit_history.h"
#include "spindle/device/block_device.h"

namespace spindle {

class CacheCore;
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
  friend class CacheCore;
  explicit BlockRef(Buffer* pinned) : buffer_(pinned) {}
  Buffer* buffer_ = nullptr;
};

/// Frames that its owner may hold at once; given back when it goes. Must not outlive the cache.
class FrameReservation {
 public:
  FrameReservation(FrameReservation&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), frames_(other.frames_) {}
  FrameReservation& operator=(FrameReservation&&) = delete;
  ~FrameReservation();

 private:
  friend class CacheCore;
  FrameReservation(CacheCore& core, std::size_t frames) : core_(&core), frames_(frames) {}
  CacheCore* core_;
  std::size_t frames_;
};

class BufferCache {
 public:
  struct Options {
    std::size_t capacity_bytes = 64u << 20;
    std::size_t least_blocks = 64;  ///< are kept whatever capacity_bytes says
    std::string_view policy = "lru";
    unsigned dirty_percent = 40;       ///< share of dirty file data at which writers must wait
    unsigned background_percent = 10;  ///< share at which writing back begins
    std::int64_t dirty_age_ns = 5'000'000'000;  ///< dirty data older than that is written back
  };
  /// EINVAL: a policy that is none, a share over 100, more than 2^26 blocks; ENOMEM: no address
  /// space for the capacity.
  static Result<std::unique_ptr<BufferCache>> create(BlockDevice& device, Options options);
  ~BufferCache();  ///< what is dirty is lost: flush first

  [[nodiscard]] std::uint32_t block_size() const;
  [[nodiscard]] BlockDevice& device();

  /// The block, from memory or from the device. Several who miss at once wait for one transfer.
  /// EINVAL outside of the device, the device's error, ENOMEM if every frame is held.
  Result<BlockRef> read(BlockNo block, IoPurpose purpose = IoPurpose::kMetadata);
  /// Waits, first come, first served, until so many frames may be held beside those that others
  /// have reserved. One that wants more than may be reserved waits until nobody else has any. The
  /// caller has no other reservation, and waits for nobody who may want one while it has this.
  [[nodiscard]] FrameReservation reserve(std::size_t frames);
  /// All blocks of the run (at most kMaxRange), the missing ones in as few transfers as possible.
  Result<std::vector<BlockRef>> read_range(Run run, IoPurpose purpose = IoPurpose::kData);
  /// Begins to read the missing blocks of the runs (kMaxRange in all at most), all at once, and
  /// returns. A hint: may do less, never fails.
  void read_ahead(std::span<const Run> runs);
  void read_ahead(Run run) { read_ahead({&run, 1}); }
  /// A block whose old content is not wanted, without a transfer: a frame full of zeros that may be
  /// changed at once. If the block is in memory, that frame, after `write_access`. Errors as of
  /// `read`.
  Result<BlockRef> blank(BlockNo block);
  /// The same, but the frame may hold anything: the caller fills all of it before it suspends.
  Result<BlockRef> replace(BlockNo block);
  /// The block if it is in memory (not counted as a read, not a touch).
  [[nodiscard]] BlockRef peek(BlockNo block);

  /// Waits until no transfer is reading the frame, so that it may be changed.
  void write_access(const BlockRef& block);
  /// File data of `owner` was changed. May not suspend.
  void mark_dirty(const BlockRef& block, InodeNo owner);
  /// Makes a writer wait (and write back) while too much is dirty. Called with no lock held. An
  /// error if it is too much because it cannot be written.
  Result<> throttle();

  /// Writes the owner's dirty data and waits for it. Not a device flush. A write-back of it that
  /// failed since the last call (in the background, too) is reported here, once. What could not be
  /// written stays dirty and is tried again.
  Result<> flush_file(InodeNo owner);
  /// Writes the dirty data of all these owners, each named once, and waits for it. Only what cannot
  /// be written now is an error; what failed before and is made good by this counts as reported.
  Result<> flush_files(std::span<const InodeNo> owners);
  /// These two report errors, and so does the next flush_file of the owner.
  Result<> flush_all();
  Result<> flush_blocks(std::span<const BlockNo> blocks);  ///< those of them that are dirty
  /// The inode was freed: what was not reported yet must not meet the next file of that number.
  void forget_errors(InodeNo owner);
  /// Pins and returns the owner's dirty blocks that bear no mark of the journal, sorted.
  [[nodiscard]] std::vector<BlockRef> unlogged_dirty_blocks(InodeNo owner);
  [[nodiscard]] std::size_t dirty_count(InodeNo owner) const;
  [[nodiscard]] bool is_dirty(const BlockRef& block) const;
  /// Counts completed transfers of file data to the device, ever: equal before and after = nothing
  /// was written.
  [[nodiscard]] std::uint64_t data_writes() const;
  /// Device flush, after write-backs of forgotten blocks that are still under way. Left out if no
  /// write-back completed since the last one that succeeded: writes that went past the cache are
  /// the business of those who made them.
  Result<> flush_device();

  /// The journal's mark on a block of file data: the log holds a copy of it that a replay would
  /// write. While it stands, a file's data must not be called durable by writing it home alone; and
  /// the block stays in memory, so that the mark is not lost. Ends with `forget`.
  void set_logged(const BlockRef& block, bool logged);
  [[nodiscard]] bool is_logged(const BlockRef& block) const;
  /// The journal's mark on a block of metadata that it holds until the block is home. It is only
  /// for observers: what keeps the block in memory is the journal's BlockRef.
  void set_held(const BlockRef& block, bool held);
  /// The blocks that bear the log's mark and were marked dirty since they got it, each told of
  /// once.
  [[nodiscard]] std::vector<BlockNo> take_changed_logged();

  /// The kind as which the block's checksum was verified, or 0: it was not since it was loaded,
  /// blanked or forgotten.
  [[nodiscard]] std::uint16_t verified_kind(const BlockRef& block) const;
  void set_verified_kind(const BlockRef& block, std::uint16_t kind);

  /// The blocks were freed: their content, dirty or not, is forgotten. Pinned frames are cut off
  /// from their number and live until unpinned.
  void forget(Run run);
  /// Drops every clean, unpinned block (cold-cache measurements).
  void drop_clean();

  Result<> set_policy(std::string_view name);  ///< EINVAL: unknown
  [[nodiscard]] std::string_view policy() const;
  [[nodiscard]] CacheStatistics statistics() const;
  /// Its reads and hits over time, since the counters were reset.
  [[nodiscard]] const HitHistory& history() const;
  /// An experiment begins: counts from zero, and the policy knows nothing but what is present, and
  /// in which order it was used last.
  void reset_statistics();
  /// Sees every access from now on, until another takes its place; null: nobody. Must live until
  /// then, or as long as the cache.
  void set_observer(CacheObserver* observer);

  /// The thread that writes back by age and share; needs a runtime. ENOMEM. `stop` ends and joins
  /// it, if it was started.
  Result<> start_write_back();
  void stop_write_back();

  static constexpr std::size_t kMaxRange = 4096;

 private:
  explicit BufferCache(std::unique_ptr<CacheCore> core);
  std::unique_ptr<CacheCore> core_;
};

}  // namespace spindle
