// DataRoute: which file data goes home, and which into the log.
//
// Data that is ordered before an epoch reaches the disk with it: written home and flushed before
// the log entry, or, if it is little, as a part of that entry, which saves the flush. Data of which
// the log has an older copy must go into the log again (LoggedData). Nothing in here suspends.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "journal/log_space.h"
#include "journal/logged_data.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/format/layout.h"
#include "spindle/journal/journal.h"

namespace spindle {

/// What becomes of the file data of one epoch.
struct DataPlan {
  struct Block {
    BlockRef frame;
    InodeNo owner;
  };
  std::vector<Block> log;
  std::vector<InodeNo> flush;  ///< whose data goes home
};

class DataRoute {
 public:
  /// All of them outlive it.
  DataRoute(BufferCache& cache, const format::Layout& layout, const Journal::Options& options,
            LoggedData& logged, const LogSpace& space)
      : cache_(cache), layout_(layout), options_(options), logged_(logged), space_(space) {}

  /// Bytes that a block of file data takes in a log entry.
  [[nodiscard]] std::size_t block_bytes() const;
  /// The most blocks that any plan for these files has to log, whatever the room.
  [[nodiscard]] std::size_t required_blocks(std::span<const InodeNo> owners);
  /// `epoch_bytes`: of the epoch's entry without file data.
  [[nodiscard]] DataPlan plan(std::span<const InodeNo> owners, std::size_t epoch_bytes);
  /// Whether an fsync of the file's data alone must or had better go by the log. `may_add`: so
  /// little waits for a checkpoint that data which need not be logged may.
  [[nodiscard]] bool goes_by_log(InodeNo inode, bool may_add);

 private:
  /// Of the owner's dirty data, what the log does not have.
  [[nodiscard]] std::size_t unlogged_bytes(InodeNo owner) const;
  [[nodiscard]] bool is_small(std::span<const InodeNo> owners) const;
  bool plan_small(InodeNo owner, std::size_t& room, DataPlan& plan) const;

  BufferCache& cache_;
  const format::Layout& layout_;
  const Journal::Options& options_;
  LoggedData& logged_;
  const LogSpace& space_;
};

}  // namespace spindle
