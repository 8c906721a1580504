// Epoch: what becomes durable together, as one entry of the log; and Installer, through which all
// changes come into the open one.
//
// A change is made in the cache's frame, which is held from then on (HeldBlocks), and noted in the
// epoch's log at the same moment. Nothing in here suspends or fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "journal/held_blocks.h"
#include "journal/log_buffer.h"
#include "journal/transaction_state.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/format/block.h"

namespace spindle {

struct Epoch {
  EpochNo number;
  LogBuffer log;
  std::vector<HeldBlock*> changed;  ///< to be sealed when the epoch is closed
  std::vector<Run> revoked;
  std::vector<InodeNo> ordered;
  std::int64_t begun_ns = 0;  ///< when the first change came
  bool is_large = false;      ///< the journal's thread was told that it is time to close it
  std::size_t syncs = 0;      ///< how many wait for it to be durable

  [[nodiscard]] bool empty() const {
    return log.records() == 0 && changed.empty() && ordered.empty();
  }
  /// Bytes of its entry with the seals to come, without file data.
  [[nodiscard]] std::size_t cost() const;
  void clear(EpochNo next);
};

class Installer {
 public:
  /// All three outlive it. `open` is the epoch that is open at the time of each call.
  Installer(BufferCache& cache, HeldBlocks& held, Epoch& open)
      : cache_(cache), held_(held), open_(open) {}

  /// All that the transaction changes, frees, and orders before itself.
  void install(const TransactionState& transaction);
  /// A whole block with its header begun; what the frame holds has no meaning.
  void install_fresh(const BlockRef& frame, std::span<const std::byte> content,
                     format::BlockKind kind);
  /// The bytes from `offset` of the block on.
  void install_bytes(const BlockRef& frame, std::size_t offset, std::span<const std::byte> bytes);

 private:
  void touch(const BlockRef& frame);
  void install_block(const EditedBlock& edited);
  void install_whole(const EditedBlock& edited);
  void install_records(const EditedBlock& edited);

  BufferCache& cache_;
  HeldBlocks& held_;
  Epoch& open_;
};

}  // namespace spindle
