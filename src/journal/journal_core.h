// JournalCore: what is behind Journal and Transaction.
//
//   journal_core.cc   reservations, commits, waiting for durability, failing
//   group_commit.cc   the thread; closing an epoch and making it durable
//   checkpoint.cc     writing blocks home and moving the tail
//
// It decides when what happens, and who waits for it. The data has classes of its own: Epoch and
// Installer (the changes), HeldBlocks and LoggedData (what is not home), DataRoute (which way file
// data goes), LogSpace (who may use how much of the log), LogWriter (the log on the device).
//
// One thread does all group commits and checkpoints, one thing at a time: so at most one epoch is
// closed and not durable, and none is while blocks are written home. Everything else is done by the
// callers between two suspension points.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "journal/data_route.h"
#include "journal/epoch.h"
#include "journal/held_blocks.h"
#include "journal/log_space.h"
#include "journal/log_writer.h"
#include "journal/logged_data.h"
#include "journal/transaction_state.h"
#include "spindle/journal/journal.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle {

/// A good block of that kind, in the cache.
Result<BlockRef> read_metadata(BufferCache& cache, std::uint64_t volume_seed, BlockNo block,
                               format::BlockKind kind);

class JournalCore {
 public:
  JournalCore(BufferCache& cache, const format::Layout& layout, const Journal::Options& options,
              const log::Tail& tail);
  ~JournalCore();

  // For transactions.

  /// As Journal::begin.
  Result<std::unique_ptr<TransactionState>> begin(std::size_t bytes);
  /// Reserves the bytes if they are there without waiting; false if not.
  bool reserve_more(TransactionState& transaction, std::size_t bytes);
  /// Takes a few bytes whether they are there or not.
  void overdraw(TransactionState& transaction, std::size_t bytes) {
    space_.reserve(bytes);
    transaction.reserved += bytes;
    transaction.used += bytes;
  }
  /// Installs the edits in the open epoch, and gives its number.
  EpochNo install(const TransactionState& transaction);
  /// Gives the reservation back: the transaction has been installed, or is dropped.
  void recycle(std::unique_ptr<TransactionState> transaction);
  Result<BlockRef> read(BlockNo block, format::BlockKind kind);
  BufferCache& cache() { return cache_; }
  [[nodiscard]] const format::Layout& layout() const { return layout_; }
  [[nodiscard]] const HeldBlocks& held() const { return held_; }

  // For Journal, which says what the rest is.

  /// Makes the thread; ENOMEM.
  Result<> start();
  /// Ends the thread, which finishes what it is at. `start` need not have succeeded.
  void stop();
  Result<> sync();
  Result<> sync(EpochNo epoch);
  Result<> sync_file(InodeNo inode, EpochNo last_metadata_change);
  Result<> checkpoint_now();
  Result<> prepare(const FirstContent& content);
  Result<> initialise(const FirstContent& content, const WrittenMark& mark);
  void set_commit_interval_ns(std::int64_t interval_ns);
  [[nodiscard]] JournalStatistics statistics() const;
  [[nodiscard]] const LogSpace& space() const { return space_; }
  [[nodiscard]] EpochNo open_epoch() const { return open_.number; }
  [[nodiscard]] EpochNo durable_epoch() const { return durable_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  void on_durable(std::function<void(EpochNo)> callback);
  void on_failure(std::function<void(const Error&)> callback);

 private:
  struct SpaceWaiter {
    std::size_t bytes = 0;
  };
  /// What a commit does if the log has no room for the epoch: a checkpoint, or nothing.
  enum class FullLog : std::uint8_t { kEmpty, kLeave };
  /// What happens to those who call `sync` during a checkpoint.
  enum class Syncs : std::uint8_t { kServed, kWait };

  // journal_core.cc
  [[nodiscard]] Error refusal() const;
  [[nodiscard]] std::size_t blocks_to_checkpoint() const { return held_.size() + logged_.size(); }
  [[nodiscard]] bool leaves_room_in_cache() const;
  [[nodiscard]] bool fits(std::size_t bytes) const;
  Result<> wait_for_space(std::size_t bytes);
  [[nodiscard]] bool fits_initialise() const;
  Result<> wait_to_initialise();
  void install_first(const BlockRef& frame, const FirstContent& first);
  void changes_began();
  void fail(const Error& error);
  Result<> wait_durable(EpochNo epoch);
  Result<> flush_data();

  // group_commit.cc
  void run();
  [[nodiscard]] bool sync_is_waiting() const;
  [[nodiscard]] std::size_t large_epoch_bytes() const;
  void close_if_large();
  [[nodiscard]] bool commit_due() const;
  [[nodiscard]] bool space_is_short() const;
  Result<> serve_one();
  Result<> make_space();
  void gather_syncs();
  Result<> commit_epoch(FullLog full);
  /// Of the open epoch with so many blocks of file data.
  [[nodiscard]] std::size_t entry_bytes(std::size_t data_blocks) const;
  void sort_ordered();
  DataPlan close_epoch();
  Result<> write_ordered(const DataPlan& plan);
  Result<> write_entry();
  Result<> flush_log();
  void finish_epoch();

  // checkpoint.cc
  [[nodiscard]] bool checkpoint_due() const;
  [[nodiscard]] bool holds_much() const;
  Result<> checkpoint(Syncs syncs);
  Result<> write_home(std::span<const BlockNo> blocks, EpochNo limit);
  Result<> move_tail(EpochNo limit);

  BufferCache& cache_;
  BlockDevice& device_;
  const format::Layout layout_;
  Journal::Options options_;
  const std::size_t cache_blocks_;

  Epoch open_;
  Epoch closing_;
  EpochNo durable_;
  HeldBlocks held_;
  LoggedData logged_;
  LogSpace space_;
  LogWriter log_;
  Installer installer_;
  DataRoute route_;
  std::optional<Error> failure_;

  // Waiting for room in the log.
  std::deque<SpaceWaiter*> space_waiters_;  ///< first come, first served
  bool initialise_waits_ = false;
  bool space_wanted_ = false;  ///< the thread is to make room
  std::size_t live_transactions_ = 0;
  thread::WaitQueue space_changed_{"journal: log space"};
  thread::Mutex initialise_mutex_{"journal: initialise"};

  // Waiting for durability.
  EpochNo wanted_;                    ///< somebody waits for it to be durable
  std::size_t expected_syncs_ = 0;    ///< how many waited during the last commit
  std::int64_t last_commit_ns_ = 0;   ///< how long that took
  std::size_t file_flushes_ = 0;      ///< sync_file calls that are writing data home
  std::uint64_t flushed_writes_ = 0;  ///< data_writes of the cache when the last flush began
  thread::WaitQueue durable_changed_{"journal: sync"};

  // Waiting for a checkpoint.
  std::uint64_t checkpoints_wanted_ = 0;
  std::uint64_t checkpoints_served_ = 0;
  thread::WaitQueue checkpoint_done_{"journal: checkpoint"};

  // The thread, and what it waits for.
  bool stops_ = false;
  thread::WaitQueue work_{"journal: work"};
  thread::Thread thread_;

  std::vector<std::unique_ptr<TransactionState>> spare_;  ///< to be begun again
  std::vector<std::function<void(EpochNo)>> durable_callbacks_;
  std::vector<std::function<void(const Error&)>> failure_callbacks_;
  std::vector<std::byte> bounce_;  ///< copies of the blocks that a checkpoint writes home
  JournalStatistics counts_;       ///< only those that are not counted elsewhere
};

}  // namespace spindle
