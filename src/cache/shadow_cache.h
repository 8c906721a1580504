// ShadowCache: a cache that holds nothing but the numbers of its blocks, to see what a policy would
// have hit.
//
//   ShadowCache shadow("arc", frames);
//   shadow.adopt(present, free_frames);
//   play(log.some_events(0, log.size()), shadow);
//   shadow.counts().hits ...
//
// It gives out frames in the order in which FramePool does, since CLOCK goes round in the order of
// frames. Blocks that the live cache could not let go of (dirty, needed by the journal) stay, but
// in no more than three quarters of the frames: in a small shadow nearly all blocks may be such.
// With a BlockHolder it is a shadow of the live cache itself: each time it asks the holder, which
// also knows what is in use, which block may go, and parks what a FramePool would park, until
// `settle`.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "number_table.h"
#include "spindle/cache/cache_observer.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

/// The number of parts in which blocks are counted: their differences tell how good a sample is.
inline constexpr std::size_t kSampleParts = 16;

class ShadowCache {
 public:
  struct Counts {
    std::uint64_t reads = 0;
    std::uint64_t hits = 0;
    std::array<std::uint64_t, kSampleParts> misses{};  ///< those of each part of the blocks

    /// By how much the number of misses would differ with other blocks in the sample.
    [[nodiscard]] double standard_error_of_misses() const;
  };

  ShadowCache(std::string_view policy, std::size_t frames, BlockHolder* live = nullptr);

  /// To be called first: takes over what the live cache holds, in the same frames.
  void adopt(std::span<const CacheContents::Present> present,
             std::span<const std::uint32_t> free_frames);

  void accessed(BlockNo block, CacheAccess access);
  /// Says whether the live cache must keep the block.
  void keep(BlockNo block, bool is_kept);
  void forget(Run run);
  void settle(BlockNo block);
  /// Evicts all that may go.
  void empty();

  [[nodiscard]] const Counts& counts() const { return counts_; }
  /// False once its policy misbehaved, and another took its place.
  [[nodiscard]] bool is_true_to_name() const { return policy_->name() == name_; }

 private:
  struct Frame {
    BlockNo block;
    bool in_use = false;
    bool read_ahead = false;
    bool kept = false;
    bool parked = false;  ///< the policy does not know it
  };

  void put(BlockNo block, std::uint32_t frame, bool read_ahead);
  std::uint32_t take_frame(BlockNo incoming);
  std::uint32_t evict_for(BlockNo incoming);
  void park_passed(FrameNo victim);
  void leave_policy(std::uint32_t frame);
  void join_policy(std::uint32_t frame);
  void unpark(std::uint32_t frame);
  [[nodiscard]] std::size_t most_kept() const { return frames_.size() * 3 / 4; }
  [[nodiscard]] bool may_go(const Frame& frame) const;
  static bool frame_may_go(void* context, FrameNo frame);
  void use(std::uint32_t frame);
  void release(std::uint32_t frame);
  template <class Condition>
  void release_if(Condition condition);

  std::string_view name_;
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<Frame> frames_;
  std::uint32_t made_ = 0;
  std::vector<std::uint32_t> free_;
  NumberTable by_block_;
  BlockHolder* live_;
  std::size_t parked_ = 0;             ///< frames
  std::vector<std::uint32_t> passed_;  ///< frames that the last search for a victim passed by
  Counts counts_;
};

}  // namespace spindle
