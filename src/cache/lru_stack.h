// LruStack: LRU's stack of blocks: the depth of a block says in which sizes a read of it is a hit.
// Told of a cache's accesses as a ShadowCache is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "number_table.h"
#include "spindle/cache/cache_observer.h"
#include "spindle/policy/stack_distance.h"

namespace spindle {

class LruStack {
 public:
  /// Blocks deeper in the stack than this are forgotten.
  static constexpr std::size_t kDeepest = 1 << 17;

  void accessed(BlockNo block, CacheAccess access) {
    const std::uint32_t page = page_of(block);
    reads_ += is_read(access) ? 1 : 0;
    is_read(access) ? distances_.refer(page) : distances_.use(page);
    most_blocks_ = std::max(most_blocks_, pages_.size());
    if (pages_.size() > kDeepest) release(distances_.oldest());
  }
  void keep(BlockNo block, bool is_kept) {
    const std::uint32_t page = pages_.find(block.value);
    if (page != NumberTable::kAbsent) blocks_[page].kept = is_kept;
  }
  void forget(Run run) {
    if (run.length > pages_.size())
      return release_if([&](const Page& page) { return run.contains(page.block); });
    for (BlockNo block = run.start; block != run.end(); ++block) {
      const std::uint32_t page = pages_.find(block.value);
      if (page != NumberTable::kAbsent) release(page);
    }
  }
  void empty() {
    release_if([](const Page& page) { return !page.kept; });
  }

  [[nodiscard]] std::uint64_t reads() const { return reads_; }
  /// The number of reads at each depth: they are hits with more frames than that.
  [[nodiscard]] const std::vector<std::uint64_t>& histogram() const {
    return distances_.histogram();
  }
  /// Hits with frames for all blocks.
  [[nodiscard]] std::uint64_t most_hits() const { return reads_ - distances_.cold(); }
  /// How many blocks there were at one time.
  [[nodiscard]] std::size_t most_blocks() const { return most_blocks_; }

 private:
  struct Page {
    BlockNo block;
    bool in_use = false;
    bool kept = false;
  };

  std::uint32_t page_of(BlockNo block) {
    std::uint32_t page = pages_.find(block.value);
    if (page != NumberTable::kAbsent) return page;
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(blocks_.size()));
      blocks_.emplace_back();
    }
    page = free_.back();
    free_.pop_back();
    blocks_[page] = {.block = block, .in_use = true};
    pages_.insert(block.value, page);
    return page;
  }
  void release(std::uint32_t page) {
    distances_.forget(page);
    pages_.erase(blocks_[page].block.value);
    blocks_[page].in_use = false;
    free_.push_back(page);
  }
  template <class Condition>
  void release_if(Condition condition) {
    for (std::uint32_t page = 0; page < blocks_.size(); ++page)
      if (blocks_[page].in_use && condition(blocks_[page])) release(page);
  }

  StackDistances distances_;
  NumberTable pages_;
  std::vector<Page> blocks_;  ///< by page
  std::vector<std::uint32_t> free_;
  std::uint64_t reads_ = 0;
  std::size_t most_blocks_ = 0;
};

}  // namespace spindle
