// LogWriter: the log as the journal writes it, entry behind entry round the ring.
//
// An entry gets its place when its epoch is closed (`place`), and is written there (`write`). Once
// its changes are home, the tail moves beyond it: `write_tail` says so in one of the journal's
// headers, and when that is durable, `drop` gives the room back. Used by the journal's thread; what
// returns a Result may suspend, and nothing is flushed here.
#pragma once

#include <cstdint>
#include <deque>
#include <span>

#include "journal/log_area.h"
#include "spindle/base/id.h"

namespace spindle {

class LogWriter {
 public:
  /// A log without entries that are needed, which goes on at `tail`.
  LogWriter(BlockDevice& device, const format::Layout& layout, const log::Tail& tail)
      : device_(device), layout_(layout), tail_(tail), head_block_(tail.block) {}

  /// Whether no entry is needed any more.
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// In the ring: where the oldest needed entry begins, and where the next one will.
  [[nodiscard]] std::uint64_t tail_block() const {
    return empty() ? head_block_ : entries_.front().start;
  }
  [[nodiscard]] std::uint64_t head_block() const { return head_block_; }

  /// The next entry to be written is that of `epoch`, of so many blocks.
  void place(EpochNo epoch, std::uint64_t blocks) {
    entries_.push_back({epoch, head_block_, blocks});
  }
  /// Writes the whole entry, which was placed.
  Result<> write(std::span<std::byte> entry);

  /// Whether the entry of `limit`, or an older one, is still needed.
  [[nodiscard]] bool reaches(EpochNo limit) const {
    return !empty() && entries_.front().epoch <= limit;
  }
  /// Says in a header that the entries up to that of `limit` are needed no more.
  Result<> write_tail(EpochNo limit);
  /// That header is durable: forgets those entries, and gives the number of blocks that they took.
  std::uint64_t drop(EpochNo limit);

  /// Has the host find room for the log in a sparse image between flushes, so that nobody who waits
  /// for one has to wait for that, too. Once round the ring is enough. Lets other threads go first.
  void make_ready();

 private:
  struct Entry {
    EpochNo epoch;
    std::uint64_t start = 0;
    std::uint64_t blocks = 0;
  };

  BlockDevice& device_;
  const format::Layout& layout_;
  log::Tail tail_;
  std::deque<Entry> entries_;  ///< those that are needed, oldest first
  std::uint64_t head_block_;
  std::uint64_t written_blocks_ = 0;  ///< of the ring, since the beginning
  std::uint64_t ready_blocks_ = 0;    ///< the same, and what the host has room for behind it
};

}  // namespace spindle
