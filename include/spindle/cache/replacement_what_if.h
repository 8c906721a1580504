// ReplacementWhatIf: what would the other replacement policies, and other sizes, have hit?
//
//   ReplacementWhatIf what_if;
//   cache.set_observer(&what_if);
//   for (const ReplacementWhatIf::Row& row : what_if.rows()) ...
//   cache.set_observer(nullptr);
//
// The policy in use at the present size is no question: its row is what the live cache counted.
// For each policy three shadows, caches of half, the same and double the size without any data, see
// the stream of accesses of the live cache. To bound what that costs, only one in
// `sampled_one_in()` of all blocks is looked at, one of each group of neighbours, in shadows that
// are smaller by the same factor (SHARDS: Waldspurger et al., "Efficient MRC Construction with
// SHARDS", FAST 2015): all accesses to a block count or none do, so that distances of reuse keep
// their meaning. By default shadows of the live size have at most 256 frames, which is some 2 MiB
// for all policies together. How far a sample may be off is said beside it: the blocks are dealt
// out to 16 parts, and what the parts differ by is what another sample would differ by.
//
// A shadow passes by the blocks that the live cache could not let go of either; by 8 of them in one
// search, and the one of the policy in use by all. Without sampling, from an empty cache or a new
// policy on, the shadow of the policy in use and of the live size counts exactly what the live
// cache counts, unless that had to wait until any frame could go, or parked frames (FramePool).
//
// What that shadow is off, by its sample most of all, all shadows are off alike. So their ratios
// are corrected by it: stretched, from 0 to its own and from there to 1, so that its own becomes
// the one that the live cache counted, to the last read. Order and steps stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "spindle/cache/cache_observer.h"

namespace spindle {

class ReplacementWhatIf final : public CacheObserver {
 public:
  static constexpr std::size_t kNoSampling = SIZE_MAX;

  /// `most_frames` of a shadow of the live size, at least 1.
  explicit ReplacementWhatIf(std::size_t most_frames = 256);
  ~ReplacementWhatIf() override;

  enum class Size : std::uint8_t { kHalf, kSame, kDouble };
  static constexpr std::size_t kSizes = 3;
  enum class Basis : std::uint8_t {
    kCounted,    ///< by the live cache itself: the policy in use at the present size
    kSimulated,  ///< by a shadow that saw every access
    kSampled,    ///< by a shadow that saw one block in `sampled_one_in()`
  };
  struct Row {
    std::string_view policy;
    Size size = Size::kSame;
    std::uint64_t capacity_blocks = 0;  ///< of the cache that the shadow stands for
    Basis basis = Basis::kSimulated;
    std::uint64_t reads = 0;  ///< on that basis
    std::uint64_t hits = 0;
    /// As the shadow says: of all reads, 0 to 1; 0 before the first. What the sample has too few
    /// or too many reads of, for want or by reason of a block that is used all the time, is taken
    /// to be hits (as SHARDS adjusts).
    double shadow_hit_ratio = 0;
    double hit_ratio = 0;  ///< corrected
    /// Of a sampled one: 19 samples in 20 are not farther than that from what all blocks would
    /// have shown. 0 for the others.
    double error = 0;
  };
  /// For each of `replacement_policy_names`, in that order, its sizes in ascending order; not for
  /// one that misbehaved since. Empty before the first `restarted`.
  [[nodiscard]] std::vector<Row> rows() const;
  /// Of LRU, at every size at which it changes, at most `most` points by rising size, out of the
  /// same sample in one pass (Mattson's stack distances). A block that was freed makes room in all
  /// sizes alike, so that with deletions it is a little better than a cache can be.
  struct CurvePoint {
    std::uint64_t capacity_blocks = 0;
    double hit_ratio = 0;  ///< of all reads; corrected as those of the rows
  };
  [[nodiscard]] std::vector<CurvePoint> lru_curve(std::size_t most) const;
  /// One in so many blocks is looked at.
  [[nodiscard]] std::uint64_t sampled_one_in() const { return one_in_; }

  void accessed(BlockNo block, CacheAccess access) override;
  void forgotten(Run run) override;
  void emptied() override;
  void restarted(const CacheContents& contents) override;
  void counting_begins(std::string_view policy) override;

 private:
  class Shadow;
  class LruStack;
  class Correction;
  struct Access {
    BlockNo block;
    CacheAccess access;
    std::uint8_t part;
  };
  [[nodiscard]] bool is_sampled(BlockNo block);
  void choose_sample(BlockNo block);
  [[nodiscard]] double ratio_of(const Row& counted) const;
  [[nodiscard]] Correction correction() const;
  [[nodiscard]] Row row_of(const Shadow& shadow, const Correction& corrected) const;
  void become_counted(Row& row) const;
  void set_capacity(std::size_t capacity);
  void make_shadows() const;
  void catch_up() const;

  std::size_t most_frames_;
  std::uint64_t one_in_ = 1;
  std::string_view policy_;  ///< in use; empty: not known
  std::uint64_t reads_ = 0;  ///< of the live cache, sampled or not
  std::uint64_t hits_ = 0;
  std::uint64_t group_start_ = 0;   ///< of the neighbours that were asked about last
  std::uint64_t group_sample_ = 0;  ///< the one of them that is looked at
  std::uint8_t group_part_ = 0;     ///< and the part of the sample to which it belongs
  BlockHolder* held_ = nullptr;
  std::vector<Row> identities_;                  ///< the rows before anything is counted
  std::vector<CacheContents::Present> present_;  ///< when it was restarted, of those looked at
  std::vector<std::uint32_t> free_frames_;
  // To catch up is no change that anybody sees.
  mutable std::vector<std::unique_ptr<Shadow>> shadows_;  ///< one for each; none before needed
  mutable Shadow* live_ = nullptr;  ///< of the policy in use; it does not wait; null if sampled
  mutable std::vector<Access> waiting_;  ///< the shadows have not seen these yet
  std::unique_ptr<LruStack> lru_stack_;
};

}  // namespace spindle
