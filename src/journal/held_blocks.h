// HeldBlocks: the metadata blocks whose changes are not all home.
//
// Each is held in its cache frame, which has the newest content. Once an epoch is closed, a block's
// content as of it is stable; when a later epoch changes the block first, the stable content is
// kept aside (`frozen`), so that a checkpoint always finds a version that the log has made durable:
// only one epoch is ever closed and not durable, and no checkpoint writes home while one is.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "spindle/cache/buffer_cache.h"

namespace spindle {

struct HeldBlock {
  BlockRef frame;
  EpochNo first;         ///< the oldest epoch with a change that is not home
  EpochNo changed;       ///< the newest epoch that changed the frame
  EpochNo frozen_epoch;  ///< what `frozen` is as of, if there is one
  std::unique_ptr<std::byte[]> frozen;
  // While a checkpoint has written a version that is not flushed yet:
  EpochNo written;      ///< what it is as of; 0: none
  EpochNo next_change;  ///< the first epoch that changed the block after it; 0: none
};

class HeldBlocks {
 public:
  explicit HeldBlocks(BufferCache& cache) : cache_(cache), block_size_(cache.block_size()) {}

  [[nodiscard]] std::size_t size() const { return blocks_.size(); }
  [[nodiscard]] bool contains(BlockNo block) const { return blocks_.contains(block); }

  /// The open epoch is about to change the frame; the second of the pair says if for the first
  /// time.
  std::pair<HeldBlock*, bool> touch(const BlockRef& frame, EpochNo open);
  /// The blocks were freed by an epoch that is durable now.
  void erase(Run run, EpochNo freed);

  /// Blocks with changes of epochs up to `limit` that are not home, ascending.
  [[nodiscard]] std::vector<BlockNo> up_to(EpochNo limit) const;
  /// The version of the block to write home: the newest that is durable. Empty if nothing of the
  /// epochs up to `limit` is to be written (any more).
  std::span<const std::byte> begin_write(BlockNo block, EpochNo limit, EpochNo durable);
  /// What begin_write gave is home.
  void finish_write(BlockNo block);

 private:
  void freeze(HeldBlock& held) const;

  BufferCache& cache_;
  std::size_t block_size_;
  std::unordered_map<BlockNo, HeldBlock> blocks_;
};

}  // namespace spindle
