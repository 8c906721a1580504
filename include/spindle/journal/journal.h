// Journal: metadata changes reach the disk all or nothing, in order.
//
// A redo log of byte ranges with group commit. Transactions that commit join the open epoch at
// once, in memory (the changed blocks stand in the BufferCache, held by the journal). A thread of
// the journal closes the epoch: every few seconds, when somebody must have it durable (`sync`), or
// when it has grown large:
//   1 ordered data    the epoch's files' dirty data goes home, and the device is flushed; if it is
//                     little, it goes into the log instead, which saves that flush
//   2 log entry       one checksum over all of it; device flush: now the epoch is durable
//   3 checkpoint      later, when the log fills: changed blocks go home, device flush, the tail
//                     moves on
// A block that a later epoch changes again before it went home is kept in two versions (`frozen`),
// so that nothing that is not durable in the log is ever written home.
//
// When the log cannot be written, the journal fails for good: `begin` and `sync` answer with the
// reason from then on, the volume is read-only, and what was durable stays so.
//
// Lock order: `begin` first, then inodes in ascending number. Nobody waits in `sync` while holding
// an inode. One kernel thread; needs a runtime.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "spindle/cache/buffer_cache.h"
#include "spindle/format/layout.h"
#include "spindle/journal/transaction.h"

namespace spindle {

class JournalCore;

struct JournalStatistics {
  std::uint64_t transactions = 0;        ///< committed
  std::uint64_t epochs = 0;              ///< group commits written
  std::uint64_t log_bytes = 0;           ///< written to the log, padding included
  std::uint64_t data_logged_blocks = 0;  ///< file data that went by way of the log
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpointed_blocks = 0;
  std::uint64_t flushes = 0;
  std::uint64_t waits_for_space = 0;  ///< a transaction had to wait for room in the log
  // As things stand now:
  std::uint64_t open_epoch = 0;
  std::uint64_t durable_epoch = 0;
  std::uint64_t log_capacity_bytes = 0;
  std::uint64_t log_used_bytes = 0;
  std::uint64_t tail_block = 0;  ///< in the log area
  std::uint64_t head_block = 0;
  std::uint64_t blocks_to_checkpoint = 0;
};

/// What a shared metadata block stands for (a bitmap, an inode table block, a FAT block of a fresh
/// group) as long as it has no content on the disk. The functions may be called more than once, and
/// must not suspend.
struct FirstContent {
  BlockNo block;
  format::BlockKind kind{};
  /// Writes the payload of a block that is zero behind its header.
  std::function<void(std::span<std::byte> block)> fill;
};
/// How a group descriptor says that such a block has been written.
struct WrittenMark {
  format::Layout::Place descriptor;
  std::function<void(format::GroupDescriptor&)> set;
};

class Journal {
 public:
  struct Options {
    /// If it is more than a day, nothing happens by the clock. If not, a commit also waits, no
    /// longer than a commit takes, until as many syncs have joined it as came during the last one.
    std::int64_t commit_interval_ns = 5'000'000'000;
    bool data_in_log = false;  ///< data=journal: all file data goes by way of the log
    std::size_t small_data_bytes = 256 * 1024;  ///< ordered data up to this goes into the log
    /// An fsync of overwritten data alone goes by the log up to this, and up to a 64th of the log:
    /// one write in sequence for all who sync, where the blocks may stand anywhere.
    std::size_t small_overwrite_bytes = 16 * 1024;
  };
  /// Opens the journal of a volume whose log has been replayed (replay.h) and starts its thread.
  /// EBUSY if it has not; EUCLEAN if both journal headers are bad.
  static Result<std::unique_ptr<Journal>> open(BufferCache& cache, const format::Layout& layout,
                                               Options options);
  /// Does not commit: what `close` was not called for is as after a power cut.
  ~Journal();

  /// A transaction that will log at most `log_bytes` (see the estimates in transaction.h). Waits
  /// for room in the log. EROFS or the reason once the journal has failed; EFBIG if more than
  /// `largest_transaction`.
  Result<Transaction> begin(std::size_t log_bytes);
  [[nodiscard]] std::size_t largest_transaction() const;

  /// The epoch that what commits now belongs to / the last one that is durable.
  [[nodiscard]] EpochNo open_epoch() const;
  [[nodiscard]] EpochNo durable_epoch() const;
  /// Returns when all that was committed so far (or: up to that epoch) is durable.
  Result<> sync();
  Result<> sync(EpochNo epoch);
  /// fsync: the file's data, and its metadata if it changed in an epoch that is not durable yet.
  Result<> sync_file(InodeNo inode, EpochNo last_metadata_change);
  /// Writes everything home and empties the log.
  Result<> checkpoint();
  /// checkpoint, and ends the thread. After it only the destructor may be called.
  Result<> close();

  /// Gives a block its first content, and marks it as written. Both join the open epoch outside of
  /// any transaction, since they change no meaning; one may be open. If the mark is set already,
  /// the block was written before, and nothing happens.
  Result<> initialise(const FirstContent& content, const WrittenMark& mark);
  /// The first half of `initialise`, for a block without a mark of its own: it counts only once a
  /// later `initialise` sets a mark that stands for it, too.
  Result<> prepare(const FirstContent& content);
  /// Called, in order, each time an epoch has become durable; must not suspend.
  void on_durable(std::function<void(EpochNo)> callback);
  /// Why the journal failed, if it did.
  [[nodiscard]] const std::optional<Error>& failure() const;
  /// Called once when the journal fails; must not suspend.
  void on_failure(std::function<void(const Error&)> callback);

  void set_commit_interval_ns(std::int64_t interval_ns);
  [[nodiscard]] JournalStatistics statistics() const;

 private:
  explicit Journal(std::unique_ptr<JournalCore> core);
  std::unique_ptr<JournalCore> core_;
};

}  // namespace spindle
