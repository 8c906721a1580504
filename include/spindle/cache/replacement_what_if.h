// ReplacementWhatIf: what would the other replacement policies, and other sizes, have hit?
//
//   ReplacementWhatIf what_if;
//   cache.set_observer(&what_if);
//   for (const ReplacementWhatIf::Row& row : what_if.rows()) ...
//   cache.set_observer(nullptr);
//
// The accesses since the experiment began are kept in a log, 8 bytes each. Who asks has them played
// to shadows, caches of half, the same and double the size without any data, one for each policy;
// all begin with what was in the live cache. So an experiment costs its log and no more. When that
// is full, half of all blocks leave it, as if they had never been looked at, and the shadows are
// smaller by the same factor (SHARDS with a bounded sample: Waldspurger et al., "Efficient MRC
// Construction with SHARDS", FAST 2015). When it is full with as few blocks as there may be, the
// shadows are fed from then on. How far a sample may be off is said beside it: the blocks are dealt
// out to 16 parts, and what the parts differ by is what another sample would differ by.
//
// The policy in use at the present size is no question: its row is what the live cache counted. As
// long as every block is looked at, a shadow of it sees each access at once, asks the live cache
// what may go, and counts the same, unless that had to wait until any frame could go. The others
// know which blocks are dirty or needed by the journal.
//
// What the shadow of the policy in use is off, by its sample most of all, all shadows are off
// alike. So their ratios are corrected by it: stretched, from 0 to its own and from there to 1, so
// that its own becomes the one that the live cache counted, to the last read. Order and steps stay.
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
    std::size_t events = std::size_t{1} << 17;  ///< in the log
    std::size_t frames = std::size_t{1} << 16;  ///< of a shadow of the present size, at first
    /// Of such a shadow, below which no sample goes; of small caches one block in 16 is enough, as
    /// long as 16 frames are left.
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
  /// one that misbehaved since. Empty before the first `restarted`. Takes up to
  /// some five microseconds for each event in the log, in which other threads get their turns.
  [[nodiscard]] std::vector<Row> rows() const;
  /// Of LRU, at every size at which it changes, at most `most` points by rising size, out of the
  /// same log in one pass (Mattson's stack distances). A block that was freed makes room in all
  /// sizes alike, so that with deletions it is a little better than a cache can be.
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
  std::string_view policy_;  ///< in use; empty: not known
  std::uint64_t reads_ = 0;  ///< of the live cache, sampled or not
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
  mutable std::size_t fed_ = 0;                                ///< events of the log
  mutable std::shared_ptr<const Answer> answer_;               ///< the last one
};

}  // namespace spindle
