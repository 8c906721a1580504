// LFU and MFU: the page used least, or most, often goes; counts start at 1 when a page is loaded
// and are forgotten when it leaves, unless the convention is to keep them.
//
// Pages of one count stand in a bucket, the buckets in a list in order of count (Shah, Mitra,
// Matani 2010): a use moves the page to the next bucket, so every operation is O(1). Within a
// bucket the pages stand in order of their last use, which breaks ties by recency. MFU and the
// other conventions use a binary heap, O(log n).

#include <unordered_map>
#include <vector>

#include "frame_lists.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

constexpr FrameIndex kNone = ~FrameIndex{0};

class BucketLfu final : public InlinedPolicy<BucketLfu> {
 public:
  explicit BucketLfu(std::size_t capacity) : pages_(capacity), buckets_(capacity + 2) {
    for (FrameIndex bucket = 1; bucket + 1 < buckets_.size(); ++bucket)
      buckets_[bucket].next = bucket + 1;
    buckets_.back().next = kNone;
    free_ = 1;
  }
  [[nodiscard]] std::string_view name() const override { return "lfu"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].bucket == kNone);
    append(bucket_after(kRoot, 1), frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    const FrameIndex bucket = pages_[frame].bucket;
    CHECK(bucket != kNone);
    const FrameIndex above = bucket_after(bucket, buckets_[bucket].count + 1);
    take_out(frame);
    append(above, frame);
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].bucket != kNone);
    take_out(frame);
    pages_[frame].bucket = kNone;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    for (FrameIndex b = buckets_[kRoot].next; b != kRoot; b = buckets_[b].next)
      for (FrameIndex frame = buckets_[b].oldest; frame != kNone; frame = pages_[frame].newer)
        if (evictable(FrameNo{frame})) return FrameNo{frame};
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kFewestUses, .among_equals = VictimGround::kUsedLongestAgo};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const FrameIndex bucket = pages_[index_of(number)].bucket;
    CHECK(bucket != kNone);
    return {.value = buckets_[bucket].count};
  }

 private:
  struct Page {
    FrameIndex older = kNone;
    FrameIndex newer = kNone;
    FrameIndex bucket = kNone;  ///< kNone: the frame is empty
  };
  struct Bucket {
    std::uint64_t count = 0;
    FrameIndex previous = kRoot;
    FrameIndex next = kRoot;
    FrameIndex oldest = kNone;
    FrameIndex newest = kNone;
  };
  static constexpr FrameIndex kRoot = 0;  ///< the ring of buckets begins and ends here

  [[nodiscard]] FrameIndex index_of(FrameNo number) const {
    return frame_index(number.value, static_cast<FrameIndex>(pages_.size()));
  }

  /// The bucket of `count`, whose place is right after `bucket`; made if there is none.
  FrameIndex bucket_after(FrameIndex bucket, std::uint64_t count) {
    const FrameIndex next = buckets_[bucket].next;
    if (next != kRoot && buckets_[next].count == count) return next;
    const FrameIndex made = free_;
    CHECK(made != kNone);
    free_ = buckets_[made].next;
    buckets_[made] = {count, bucket, next, kNone, kNone};
    buckets_[bucket].next = made;
    buckets_[next].previous = made;
    return made;
  }

  void append(FrameIndex bucket, FrameIndex frame) {
    Bucket& home = buckets_[bucket];
    pages_[frame] = {home.newest, kNone, bucket};
    (home.newest == kNone ? home.oldest : pages_[home.newest].newer) = frame;
    home.newest = frame;
  }

  void take_out(FrameIndex frame) {
    const Page page = pages_[frame];
    Bucket& home = buckets_[page.bucket];
    (page.older == kNone ? home.oldest : pages_[page.older].newer) = page.newer;
    (page.newer == kNone ? home.newest : pages_[page.newer].older) = page.older;
    if (home.oldest != kNone) return;
    buckets_[home.previous].next = home.next;
    buckets_[home.next].previous = home.previous;
    home.next = free_;
    free_ = page.bucket;
  }

  std::vector<Page> pages_;
  std::vector<Bucket> buckets_;
  FrameIndex free_ = kNone;
};

/// LFU and MFU in every convention: a binary heap over (count, order of loading or of use).
class HeapLfu final : public InlinedPolicy<HeapLfu> {
 public:
  HeapLfu(std::size_t capacity, bool most, const ReplacementConventions& conventions)
      : pages_(capacity),
        most_(most),
        by_use_(conventions.frequency_tie == ReplacementConventions::Tie::kLeastRecent),
        keep_counts_(conventions.keep_counts) {
    heap_.reserve(capacity);
  }
  [[nodiscard]] std::string_view name() const override { return most_ ? "mfu" : "lfu"; }

  void inserted(FrameNo number, PageKey key) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].place == kNone);
    const std::uint64_t before = keep_counts_ ? counts_[key] : 0;
    pages_[frame] = {before + 1, ++clock_, key, static_cast<FrameIndex>(heap_.size())};
    heap_.push_back(frame);
    rise(pages_[frame].place);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].place != kNone);
    ++pages_[frame].count;
    if (by_use_) pages_[frame].order = ++clock_;
    settle(frame);
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    const FrameIndex place = pages_[frame].place;
    CHECK(place != kNone);
    if (keep_counts_) counts_[pages_[frame].key] = pages_[frame].count;
    const FrameIndex last = heap_.back();
    heap_.pop_back();
    pages_[frame].place = kNone;
    if (last == frame) return;
    put(place, last);
    settle(last);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    FrameIndex best = kNone;
    for (FrameIndex frame : heap_) {
      if (best != kNone && !before(frame, best)) continue;
      if (!evictable(FrameNo{frame})) continue;
      best = frame;
      if (frame == heap_[0]) break;
    }
    return best == kNone ? std::nullopt : std::optional(FrameNo{best});
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = most_ ? VictimGround::kMostUses : VictimGround::kFewestUses,
            .among_equals = by_use_ ? VictimGround::kUsedLongestAgo : VictimGround::kLoadedFirst};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    return {.value = pages_[index_of(number)].count};
  }

 private:
  struct Page {
    std::uint64_t count = 0;
    std::uint64_t order = 0;
    PageKey key = 0;
    FrameIndex place = kNone;  ///< in the heap; kNone: the frame is empty
  };

  [[nodiscard]] FrameIndex index_of(FrameNo number) const {
    return frame_index(number.value, static_cast<FrameIndex>(pages_.size()));
  }
  [[nodiscard]] bool before(FrameIndex a, FrameIndex b) const {
    const Page& x = pages_[a];
    const Page& y = pages_[b];
    if (x.count != y.count) return (x.count < y.count) != most_;
    return x.order < y.order;
  }
  void put(FrameIndex place, FrameIndex frame) {
    heap_[place] = frame;
    pages_[frame].place = place;
  }
  void settle(FrameIndex frame) {
    rise(pages_[frame].place);
    sink(pages_[frame].place);
  }

  void rise(FrameIndex place) {
    const FrameIndex frame = heap_[place];
    while (place != 0 && before(frame, heap_[(place - 1) / 2])) {
      put(place, heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    put(place, frame);
  }

  void sink(FrameIndex place) {
    const FrameIndex frame = heap_[place];
    const auto size = static_cast<FrameIndex>(heap_.size());
    for (FrameIndex child; (child = 2 * place + 1) < size; place = child) {
      if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], frame)) break;
      put(place, heap_[child]);
    }
    put(place, frame);
  }

  std::vector<Page> pages_;
  std::vector<FrameIndex> heap_;
  std::unordered_map<PageKey, std::uint64_t> counts_;  ///< of pages that are out of memory, if kept
  std::uint64_t clock_ = 0;
  bool most_;
  bool by_use_;
  bool keep_counts_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_lfu(std::size_t capacity,
                                            const ReplacementConventions& conventions) {
  if (conventions.keep_counts ||
      conventions.frequency_tie == ReplacementConventions::Tie::kFirstLoaded)
    return std::make_unique<HeapLfu>(capacity, false, conventions);
  return std::make_unique<BucketLfu>(capacity);
}

std::unique_ptr<ReplacementPolicy> make_mfu(std::size_t capacity,
                                            const ReplacementConventions& conventions) {
  return std::make_unique<HeapLfu>(capacity, true, conventions);
}

}  // namespace spindle
