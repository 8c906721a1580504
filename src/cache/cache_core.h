// CacheCore: what is behind BufferCache. It joins the frames, the dirty blocks and the device.
//
//   cache_core.cc   pins, reads, blanks, forgetting, finding a frame when memory is short
//   range_read.cc   reads of many blocks, reservations for them, read-ahead
//   write_back.cc   dirty data to the device: flushes, the background thread, throttling
//
// Between two suspension points all of it is atomic. After every one of them, what was known of a
// block (that it was absent, dirty, idle) must be looked at again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block_transfer.h"
#include "buffer.h"
#include "dirty_blocks.h"
#include "frame_pool.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/cache/cache_observer.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle {

class CacheCore final : public BlockHolder {
 public:
  CacheCore(BlockDevice& device, const BufferCache::Options& options);
  ~CacheCore();
  /// Before any other use.
  Result<> open(std::string_view policy) { return frames_.open(*this, policy); }

  BlockRef pin(Buffer& buffer);
  void pin_again(Buffer& buffer) { ++buffer.pins; }
  void unpin(Buffer& buffer) {
    if (--buffer.pins == 0) last_unpinned(buffer);
  }
  [[nodiscard]] std::uint32_t block_size() const { return block_size_; }
  [[nodiscard]] BlockDevice& device() { return device_; }
  [[nodiscard]] FramePool& frames() { return frames_; }
  [[nodiscard]] const DirtyBlocks& dirty() const { return dirty_; }

  Result<BlockRef> read(BlockNo block, IoPurpose purpose);
  FrameReservation reserve(std::size_t frames);
  void unreserve(std::size_t frames);
  Result<std::vector<BlockRef>> read_range(Run run, IoPurpose purpose);
  void read_ahead(std::span<const Run> runs);
  Result<BlockRef> blank(BlockNo block);
  Result<BlockRef> replace(BlockNo block);
  BlockRef peek(BlockNo block);
  void write_access(const BlockRef& block);
  void mark_dirty(const BlockRef& block, InodeNo owner);
  void set_logged(const BlockRef& block, bool logged);
  void set_held(const BlockRef& block, bool held);
  std::vector<BlockNo> take_changed_logged() { return std::exchange(changed_logged_, {}); }
  void forget(Run run);
  void drop_clean();

  Result<> throttle();
  Result<> flush_file(InodeNo owner);
  Result<> flush_files(std::span<const InodeNo> owners);
  Result<> flush_all();
  Result<> flush_blocks(std::span<const BlockNo> blocks);
  std::vector<BlockRef> unlogged_dirty_blocks(InodeNo owner);
  void forget_errors(InodeNo owner) { dirty_.take_error(owner); }
  Result<> flush_device();
  [[nodiscard]] std::uint64_t data_writes() const { return data_writes_; }
  Result<> start_write_back();
  void stop_write_back();

  [[nodiscard]] CacheStatistics statistics() const;
  [[nodiscard]] const HitHistory& history() const { return history_; }
  void reset_statistics();
  void set_observer(CacheObserver* observer);
  Result<> set_policy(std::string_view name);
  bool may_go(BlockNo block) override {
    const Buffer* buffer = frames_.find(block);
    return buffer == nullptr || buffer->evictable();
  }

  static Buffer* buffer_of(const BlockRef& block) { return block.buffer_; }

 private:
  /// What happens to a write-back's error: its owner is told by the caller, or by its next flush.
  enum class Report { kToCaller, kToOwner };
  struct ReadAhead;
  /// While one batch is on its way, another is put together and handed to the device, which then
  /// always has something to do.
  static constexpr std::size_t kWriteBackThreads = 2;

  void last_unpinned(Buffer& buffer);
  void frame_may_be_free();
  void count_access(Buffer& buffer, CacheAccess access);
  void count_miss(BlockNo block);
  void observe(BlockNo block, CacheAccess access) {
    if (observer_ != nullptr) observer_->accessed(block, access);
  }
  void observe_kept(const Buffer& buffer) {
    if (observer_ != nullptr) observer_->kept(buffer.block, buffer.kept());
  }
  void begin_experiment();
  void restart_observer();
  Result<BlockRef> read_slowly(BlockNo block, IoPurpose purpose, bool counted);
  Result<BlockRef> claim(BlockNo block, BlockTransfer* load);
  Buffer* install(Buffer* frame, BlockNo block, BlockTransfer* load);
  Result<Buffer*> acquire_frame(BlockNo incoming);
  Result<> load(std::span<Buffer* const> sorted, BlockTransfer& transfer, IoPurpose purpose);
  void finish_load(std::span<Buffer* const> buffers, BlockTransfer& transfer,
                   const std::optional<Error>& error);
  Result<> collect(Run run, BlockTransfer& transfer, std::vector<BlockRef>& blocks,
                   std::vector<Buffer*>& missing);
  Result<> await_loads(std::vector<BlockRef>& blocks, Run run, IoPurpose purpose);
  void claim_ahead(Run run, std::size_t most, ReadAhead& work);
  void run_read_ahead(ReadAhead* work);
  [[nodiscard]] bool may_reserve(std::size_t frames) const;
  Result<> submit(const RequestList& list);
  void cut_off(Buffer& buffer);

  std::vector<BlockRef> choose_oldest(std::size_t at_most, bool only_unpinned,
                                      std::int64_t dirty_before_ns);
  std::vector<BlockRef> pin_dirty(std::span<const InodeNo> owners);
  Result<> write_all(std::vector<BlockRef> blocks, Report report);
  Result<> write_idle(std::span<Buffer* const> sorted, Report report);
  Result<> write_batch(std::span<Buffer* const> sorted, Report report);
  Result<> write_by_owner(std::span<Buffer* const> sorted, Report report);
  void finish_write(Buffer& buffer, const std::optional<Error>& error, Report report);
  Result<> await_write(Buffer& buffer) const;
  void await_cut_off_writes();
  [[nodiscard]] std::size_t share(unsigned percent) const;
  [[nodiscard]] bool too_much_waits() const;
  void write_back_loop();
  /// One pass of a background thread; false if something could not be written.
  bool write_back_what_is_due();
  [[nodiscard]] std::int64_t next_due_ns() const;

  BlockDevice& device_;
  BufferCache::Options options_;
  std::uint32_t block_size_;
  std::uint64_t block_count_;
  FramePool frames_;
  DirtyBlocks dirty_;
  CacheObserver* observer_ = nullptr;
  std::string observed_policy_;
  CacheStatistics counts_;  ///< only those that are not counted elsewhere
  HitHistory history_;

  std::size_t pinned_ = 0;
  std::size_t reserved_ = 0;  ///< frames
  std::size_t transfers_under_way_ = 0;
  std::size_t write_backs_under_way_ = 0;
  std::size_t writing_ = 0;         ///< dirty blocks that are on their way to the device
  std::size_t cut_off_writes_ = 0;  ///< write-backs under way whose blocks were forgotten
  std::size_t read_aheads_ = 0;     ///< under way
  std::uint64_t data_writes_ = 0;
  std::uint64_t flushed_writes_ = 0;  ///< data_writes_ when the last device flush began
  std::vector<BlockNo> changed_logged_;
  std::optional<Error> last_write_error_;
  thread::WaitQueue frame_waiters_{"cache: a frame"};
  thread::WaitQueue reservation_waiters_{"cache: frames"};
  thread::WaitQueue write_waiters_{"cache: write-back"};
  thread::WaitQueue read_ahead_waiters_{"cache: read-ahead"};

  std::array<thread::Thread, kWriteBackThreads> write_back_threads_;
  thread::WaitQueue write_back_calls_{"cache: work for write-back"};
  bool write_back_stops_ = false;
};

}  // namespace spindle
