// ReplacementWhatIf: what would the other replacement policies, and other sizes, have hit?
//
//   ReplacementWhatIf what_if;
//   cache.set_observer(&what_if);
//   for (const ReplacementWhatIf::Row& row : what_if.rows()) ...
//   cache.set_observer(nullptr);
//
// The accesses since the experiment began are kept in a log, 8 bytes each. `rows` plays the log to
// shadows: caches without data, of half, the same and double the size, one for each policy. They
// all start with what was in the live cache. So an experiment costs no more than its log. When the
// log is full, every second block is dropped from it, as if it had never been used, and the shadows
// shrink by the same factor (SHARDS with a bounded sample: Waldspurger et al., "Efficient MRC
// Construction with SHARDS", FAST 2015). When the sample can shrink no more, the shadows are made
// and see each access as it comes. Each row says how far off its sample may be: the blocks are
// dealt out to 16 parts, and the parts differ by as much as another sample would.
//
// The policy in use at the present size needs no shadow: its row is what the live cache counted. As
// long as no block was dropped there is one all the same, as a check. It sees each access at once,
// asks the live cache which blocks may go, and counts the same, unless the live cache had to wait
// for a frame. The other shadows know which blocks are dirty or needed by the journal.
//
// A sample makes all shadows wrong in the same way. How wrong is known of the policy in use, so the
// ratios of all are corrected by it: they are stretched, from 0 to its own and from its own to 1,
// so that its own becomes exactly the one that the live cache counted. Their order stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "spindle/cache/cache_observer.h"

namespace spindle {

class AccessLog;
class LruStack;
class ShadowCache;

class ReplacementWhatIf final : public CacheObserver {
 public:
  /// What it may cost, in memory and in time.
  struct Bounds {
    std::size_t events = std::size_t{1} << 17;  ///< the most events that the log keeps
    std::size_t frames = std::size_t{1} << 16;  ///< the most that a shadow has at first
    /// A sample leaves such a shadow at least this many frames; or, of a small cache, at least one
    /// frame in 16, and 16 in all.
    std::size_t fewest_frames = 256;
  };
  ReplacementWhatIf() : ReplacementWhatIf(Bounds{}) {}
  explicit ReplacementWhatIf(const Bounds& bounds);
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
    std::uint64_t reads = 0;  ///< the reads that were counted on that basis
    std::uint64_t hits = 0;
    /// Of all reads, 0 to 1, as the shadow counted; 0 before the first. If the sample has more or
    /// fewer reads than its share, since it has or lacks a block that is used all the time, the
    /// difference is taken to be hits (as SHARDS adjusts).
    double shadow_hit_ratio = 0;
    double hit_ratio = 0;  ///< corrected by how far off the shadow of the policy in use was
    /// How far off a sampled ratio may be: 19 samples in 20 come closer than this to the ratio of
    /// all blocks. 0 where nothing is sampled.
    double error = 0;
  };
  /// For each of `replacement_policy_names`, in that order, its sizes in ascending order. A policy
  /// that has misbehaved is left out. Empty before the first `restarted`. Takes up to five
  /// microseconds for each event in the log, and lets other threads run meanwhile.
  [[nodiscard]] std::vector<Row> rows() const;
  /// The hit ratio of LRU at every size at which it changes, at most `most` points by rising size,
  /// out of the same log in one pass (Mattson's stack distances). A block that is freed makes room
  /// at every size, so with deletions the curve is a little better than a cache can be.
  struct CurvePoint {
    std::uint64_t capacity_blocks = 0;
    double hit_ratio = 0;  ///< of all reads; corrected as those of the rows
  };
  [[nodiscard]] std::vector<CurvePoint> lru_curve(std::size_t most) const;
  /// One in so many blocks is looked at; 1: all.
  [[nodiscard]] std::uint64_t sampled_one_in() const;

  void accessed(BlockNo block, CacheAccess access) override;
  void kept(BlockNo block, bool is_kept) override;
  void settled(BlockNo block) override;
  void forgotten(Run run) override;
  void emptied() override;
  void restarted(const CacheContents& contents) override;

 private:
  struct Question;
  struct Start;
  struct Result;
  struct Answer;
  class Correction;
  [[nodiscard]] bool feeds() const { return !shadows_.empty(); }
  ShadowCache* live();
  void make_room();
  void begin_to_feed();
  void feed(std::size_t events) const;
  [[nodiscard]] std::shared_ptr<Answer> counted_so_far() const;
  [[nodiscard]] std::shared_ptr<const Answer> fed_answer() const;
  [[nodiscard]] std::shared_ptr<const Answer> ask() const;

  Bounds bounds_;
  std::string_view policy_;  ///< the policy in use; empty: not known
  std::uint64_t reads_ = 0;  ///< reads that the live cache served, sampled or not
  std::uint64_t hits_ = 0;
  std::uint64_t rarest_ = 1;  ///< what `one_in` rises to at most
  BlockHolder* held_ = nullptr;
  std::shared_ptr<const Start> start_;  ///< of the experiment; null before the first
  std::unique_ptr<ShadowCache> live_;   ///< of the policy in use; null when not every block counts
  std::size_t room_ends_at_ = 0;        ///< how long the log may get before something must be done
  // To ask is no change that anybody sees.
  mutable std::unique_ptr<AccessLog> log_;
  mutable std::vector<std::unique_ptr<ShadowCache>> shadows_;  ///< by question, once they are fed
  mutable std::unique_ptr<LruStack> stack_;                    ///< the same
  mutable std::size_t fed_ = 0;                   ///< events of the log that the shadows have seen
  mutable std::shared_ptr<const Answer> answer_;  ///< the last one
};

}  // namespace spindle
