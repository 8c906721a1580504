// LoggedData: the blocks of file data of which the log holds a copy that a replay would write.
//
// Such a block must not be called durable by writing it home alone, for a replay would undo that:
// if its content has changed since, it must be logged again. What was logged is remembered by its
// hash. The cache keeps the blocks in memory while they are marked as logged, and tells which of
// them are changed.
#pragma once

#include <set>
#include <unordered_map>
#include <vector>

#include "spindle/cache/buffer_cache.h"

namespace spindle {

class LoggedData {
 public:
  explicit LoggedData(BufferCache& cache) : cache_(cache) {}

  [[nodiscard]] std::size_t size() const { return blocks_.size(); }
  /// How many blocks of the owner are logged.
  [[nodiscard]] std::size_t count(InodeNo owner) const;
  [[nodiscard]] bool contains(BlockNo block) const { return blocks_.contains(block); }
  /// The owner's logged blocks with another content than the log's.
  [[nodiscard]] std::vector<BlockRef> changed(InodeNo owner);
  [[nodiscard]] bool any_changed(InodeNo owner);
  /// Whether the log holds all of the owner's dirty blocks.
  [[nodiscard]] bool holds_all_dirty(InodeNo owner) const;
  /// No entry after this one holds a block of the owner.
  [[nodiscard]] EpochNo last_epoch(InodeNo owner) const;

  /// The block, with the content it has now, is in the log entry of `epoch`.
  void add(const BlockRef& block, InodeNo owner, EpochNo epoch);
  /// The blocks were freed by an epoch that is durable now.
  void erase(Run run);
  [[nodiscard]] std::vector<BlockNo> up_to(EpochNo limit) const;
  /// The log's entries up to that of `limit` are gone.
  void drop(EpochNo limit);

 private:
  struct Logged {
    InodeNo owner;
    EpochNo epoch;
    std::uint64_t hash = 0;
  };
  using Blocks = std::unordered_map<BlockNo, Logged>;
  struct Owner {
    std::size_t logged = 0;  ///< blocks
    EpochNo last_epoch;
    std::set<BlockNo> touched;  ///< changed since they were logged, maybe back to what they were
  };

  Blocks::iterator drop(Blocks::iterator at);
  void leave_owner(Blocks::iterator at);

  BufferCache& cache_;
  Blocks blocks_;
  std::unordered_map<InodeNo, Owner> owners_;
};

}  // namespace spindle
