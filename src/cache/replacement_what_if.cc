#include "spindle/cache/replacement_what_if.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <unordered_map>

#include "number_table.h"
#include "spindle/base/check.h"
#include "spindle/policy/replacement_policy.h"
#include "spindle/policy/stack_distance.h"

namespace spindle {

namespace {

/// Each shadow is shown so many accesses in a row: what it knows is then fetched into the
/// processor's cache once for all of them.
constexpr std::size_t kMostWaiting = 64;

/// In how many parts the sample is counted, so that their differences tell how good it is.
constexpr std::size_t kParts = 16;

/// While much is read ahead nearly all that is in a small shadow may be held, and to pass by all of
/// it for each victim would cost more than the rest of the cache.
constexpr unsigned kMostPassed = 8;

bool is_read(CacheAccess access) {
  return access == CacheAccess::kHit || access == CacheAccess::kMiss;
}

/// At most `most` of the points, evenly over the logarithm of the size; the first and the last.
std::vector<ReplacementWhatIf::CurvePoint> spread_by_logarithm(
    const std::vector<ReplacementWhatIf::CurvePoint>& all, std::size_t most) {
  if (all.size() <= most) return all;
  const auto place = [&](const auto& point) {
    return std::log(static_cast<double>(point.capacity_blocks));
  };
  const double step = (place(all.back()) - place(all.front())) / static_cast<double>(most - 1);
  std::vector<ReplacementWhatIf::CurvePoint> some;
  double next = place(all.front());
  for (const auto& point : all) {
    if (place(point) < next && &point != &all.back()) continue;
    some.push_back(point);
    next = place(point) + step;
  }
  return some;
}

}  // namespace

/// A cache that holds nothing but numbers. It gives out frames in the order in which FramePool
/// does, since CLOCK goes round in the order of frames.
class ReplacementWhatIf::Shadow {
 public:
  Shadow(std::size_t frames, const Row& identity, BlockHolder* held, unsigned most_passed)
      : row(identity),
        policy_(make_replacement_policy(identity.policy, frames).take()),
        frames_(frames),
        by_block_(std::min<std::size_t>(frames, 1024)),
        held_(held),
        most_passed_(most_passed) {}

  /// Before any access: the frames, too, are those of the live cache.
  void adopt(std::span<const CacheContents::Present> present,
             std::span<const std::uint32_t> free_frames) {
    free_.assign(free_frames.begin(), free_frames.end());
    for (const std::uint32_t frame : free_frames) made_ = std::max(made_, frame + 1);
    for (const auto& [block, frame] : present) {
      if (frame >= frames_.size()) continue;
      put(block, frame, false);
      made_ = std::max(made_, frame + 1);
    }
  }

  void accessed(BlockNo block, CacheAccess access, std::uint8_t part) {
    const std::uint32_t frame = by_block_.find(block.value);
    const bool present = frame != NumberTable::kAbsent;
    if (is_read(access)) {
      ++row.reads;
      row.hits += present ? 1 : 0;
      misses_[part] += present ? 0 : 1;
    }
    if (!present) {
      insert(block, access == CacheAccess::kReadAhead);
    } else if (access != CacheAccess::kReadAhead) {
      use(frame);
    }
  }

  void forget(Run run) {
    if (run.length > by_block_.size()) {
      forget_if([&](const Frame& frame) { return run.contains(frame.block); });
      return;
    }
    for (BlockNo block = run.start; block != run.end(); ++block) {
      const std::uint32_t frame = by_block_.find(block.value);
      if (frame != NumberTable::kAbsent) release(frame);
    }
  }

  /// False once its policy misbehaved, and another took its place.
  [[nodiscard]] bool is_true_to_name() const { return policy_->name() == row.policy; }

  void drop_clean() {
    forget_if([this](const Frame& frame) { return may_go(frame); });
  }

  void clear_counts() {
    row.reads = row.hits = 0;
    misses_ = {};
  }

  /// Of the misses, had other blocks been the sample.
  [[nodiscard]] double standard_error_of_misses() const {
    const double mean = static_cast<double>(row.reads - row.hits) / kParts;
    double squares = 0;
    for (const std::uint64_t misses : misses_) {
      const double difference = static_cast<double>(misses) - mean;
      squares += difference * difference;
    }
    // One more, since no miss in the sample is not none at all.
    return std::sqrt(1 + squares * kParts / (kParts - 1));
  }

  Row row;

 private:
  struct Frame {
    BlockNo block;
    bool in_use = false;
    bool read_ahead = false;
  };

  void insert(BlockNo block, bool read_ahead) { put(block, take_frame(block), read_ahead); }

  void put(BlockNo block, std::uint32_t frame, bool read_ahead) {
    frames_[frame] = {.block = block, .in_use = true, .read_ahead = read_ahead};
    by_block_.insert(block.value, frame);
    policy_->inserted(FrameNo{frame}, block.value);
  }

  std::uint32_t take_frame(BlockNo incoming) {
    if (!free_.empty()) {
      const std::uint32_t frame = free_.back();
      free_.pop_back();
      return frame;
    }
    if (made_ < frames_.size()) return made_++;
    passed_ = 0;
    const Evictable evictable{&Shadow::frame_may_go, this};
    std::optional<FrameNo> victim = policy_->victim(evictable, incoming.value);
    if (!victim) victim = policy_->victim(Evictable{}, incoming.value);
    CHECK(victim.has_value());
    const auto frame = static_cast<std::uint32_t>(victim->value);
    by_block_.erase(frames_[frame].block.value);
    policy_->erased(*victim);
    return frame;
  }

  [[nodiscard]] bool may_go(const Frame& frame) const {
    return held_ == nullptr || held_->may_go(frame.block);
  }

  static bool frame_may_go(void* context, FrameNo frame) {
    auto& shadow = *static_cast<Shadow*>(context);
    if (shadow.passed_ == shadow.most_passed_) return true;
    if (shadow.may_go(shadow.frames_[frame.value])) return true;
    ++shadow.passed_;
    return false;
  }

  void use(std::uint32_t frame) {
    if (!frames_[frame].read_ahead) {
      policy_->touched(FrameNo{frame});
      return;
    }
    frames_[frame].read_ahead = false;
    policy_->erased(FrameNo{frame});
    policy_->inserted(FrameNo{frame}, frames_[frame].block.value);
  }

  void release(std::uint32_t frame) {
    by_block_.erase(frames_[frame].block.value);
    policy_->erased(FrameNo{frame});
    frames_[frame].in_use = false;
    free_.push_back(frame);
  }

  template <class Condition>
  void forget_if(Condition condition) {
    for (std::uint32_t frame = 0; frame < made_; ++frame) {
      if (frames_[frame].in_use && condition(frames_[frame])) release(frame);
    }
  }

  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<Frame> frames_;
  std::uint32_t made_ = 0;
  std::vector<std::uint32_t> free_;
  NumberTable by_block_;
  BlockHolder* held_;
  unsigned most_passed_;  ///< in one search for a victim
  unsigned passed_ = 0;
  std::array<std::uint64_t, kParts> misses_{};
};

/// LRU's stack of blocks: a block's depth says in which sizes it is a hit.
class ReplacementWhatIf::LruStack {
 public:
  void accessed(BlockNo block, CacheAccess access) {
    const std::uint32_t page = page_of(block);
    is_read(access) ? distances_.refer(page) : distances_.use(page);
    if (distances_.pages() > kDeepest) forget(blocks_[distances_.oldest()]);
  }

  void forget(Run run) {
    if (run.length > pages_.size()) {
      return forget_if([&](BlockNo block) { return run.contains(block); });
    }
    for (BlockNo block = run.start; block != run.end(); ++block) forget(block);
  }

  template <class Condition>
  void forget_if(Condition condition) {
    std::vector<BlockNo> gone;
    for (const auto& [block, page] : pages_)
      if (condition(block)) gone.push_back(block);
    for (BlockNo block : gone) forget(block);
  }

  void clear_counts() { distances_.clear_counts(); }

  /// How many reads were at that depth: hits with more frames than that.
  [[nodiscard]] const std::vector<std::uint64_t>& histogram() const {
    return distances_.histogram();
  }

 private:
  static constexpr std::size_t kDeepest = 1 << 16;

  std::uint32_t page_of(BlockNo block) {
    const auto [entry, is_new] = pages_.try_emplace(block, 0);
    if (!is_new) return entry->second;
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(blocks_.size()));
      blocks_.emplace_back();
    }
    entry->second = free_.back();
    free_.pop_back();
    blocks_[entry->second] = block;
    return entry->second;
  }

  void forget(BlockNo block) {
    const auto found = pages_.find(block);
    if (found == pages_.end()) return;
    distances_.forget(found->second);
    free_.push_back(found->second);
    pages_.erase(found);
  }

  StackDistances distances_;
  std::unordered_map<BlockNo, std::uint32_t> pages_;
  std::vector<BlockNo> blocks_;  // by page
  std::vector<std::uint32_t> free_;
};

/// Makes the ratio `from` into `to`, and leaves 0 and 1 as they are.
class ReplacementWhatIf::Correction {
 public:
  Correction() = default;
  Correction(double from, double to) : from_(from), to_(to) {}

  double operator()(double ratio) const {
    if (from_ == to_) return ratio;
    if (ratio == from_) return to_;
    return ratio < from_ ? ratio * to_ / from_ : 1 - (1 - ratio) * (1 - to_) / (1 - from_);
  }

  /// By how much a small difference at that ratio is stretched.
  [[nodiscard]] double slope(double ratio) const {
    if (from_ == to_ || ratio == from_) return 1;
    return ratio < from_ ? to_ / from_ : (1 - to_) / (1 - from_);
  }

 private:
  double from_ = 0;
  double to_ = 0;
};

ReplacementWhatIf::ReplacementWhatIf(std::size_t most_frames)
    : most_frames_(most_frames), lru_stack_(std::make_unique<LruStack>()) {
  CHECK(most_frames > 0);
}
ReplacementWhatIf::~ReplacementWhatIf() = default;

bool ReplacementWhatIf::is_sampled(BlockNo block) {
  if (block.value - group_start_ >= one_in_) choose_sample(block);
  return block.value == group_sample_;
}

/// Of each group of neighbours just one, so that no file is sampled too much or too little; which
/// one is said by the last steps of splitmix64.
void ReplacementWhatIf::choose_sample(BlockNo block) {
  const std::uint64_t group = block.value / one_in_;
  std::uint64_t hash = group + 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ull;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBull;
  group_start_ = group * one_in_;
  group_sample_ = group_start_ + (hash ^ (hash >> 31)) % one_in_;
  group_part_ = static_cast<std::uint8_t>(hash >> 60);
  static_assert(kParts == 1u << 4);
}

void ReplacementWhatIf::accessed(BlockNo block, CacheAccess access) {
  reads_ += is_read(access) ? 1 : 0;
  hits_ += access == CacheAccess::kHit ? 1 : 0;
  if (!is_sampled(block)) return;
  waiting_.push_back({block, access, group_part_});
  if (one_in_ == 1) {
    // This one is exact, and what is held now may not be so later.
    if (shadows_.empty()) make_shadows();
    if (live_ != nullptr) live_->accessed(block, access, group_part_);
  }
  if (waiting_.size() == kMostWaiting) catch_up();
}

void ReplacementWhatIf::catch_up() const {
  if (shadows_.empty() && !(waiting_.empty() && present_.empty())) make_shadows();
  for (auto& shadow : shadows_) {
    if (shadow.get() == live_) continue;
    for (const Access& each : waiting_) shadow->accessed(each.block, each.access, each.part);
  }
  for (const Access& each : waiting_) lru_stack_->accessed(each.block, each.access);
  waiting_.clear();
}

void ReplacementWhatIf::forgotten(Run run) {
  if (run.length == 1 && !is_sampled(run.start)) return;
  catch_up();
  for (auto& shadow : shadows_) shadow->forget(run);
  lru_stack_->forget(run);
}

// A mount has to answer before anybody looks, so it does not wait for them.
void ReplacementWhatIf::make_shadows() const {
  for (const Row& row : identities_) {
    const std::size_t frames = std::max<std::size_t>(1, row.capacity_blocks / one_in_);
    const bool is_live = one_in_ == 1 && row.policy == policy_ && row.size == Size::kSame;
    auto shadow = std::make_unique<Shadow>(frames, row, held_, is_live ? UINT_MAX : kMostPassed);
    if (row.basis == Basis::kSimulated && row.size == Size::kSame) {
      shadow->adopt(present_, free_frames_);
    } else {
      for (const auto& [block, frame] : present_) shadow->accessed(block, CacheAccess::kBlank, 0);
    }
    if (is_live) live_ = shadow.get();
    shadows_.push_back(std::move(shadow));
  }
  for (const auto& [block, frame] : present_) lru_stack_->accessed(block, CacheAccess::kBlank);
}

void ReplacementWhatIf::set_capacity(std::size_t capacity) {
  one_in_ = std::max<std::uint64_t>(1, capacity / most_frames_ + (capacity % most_frames_ != 0));
  choose_sample(BlockNo{0});
  shadows_.clear();
  live_ = nullptr;
  identities_.clear();
  lru_stack_ = std::make_unique<LruStack>();
  const std::size_t sizes[kSizes] = {std::max<std::size_t>(1, capacity / 2), capacity,
                                     2 * capacity};
  for (std::string_view policy : replacement_policy_names()) {
    for (Size size : {Size::kHalf, Size::kSame, Size::kDouble}) {
      const std::size_t blocks = sizes[static_cast<std::size_t>(size)];
      identities_.push_back({.policy = policy,
                             .size = size,
                             .capacity_blocks = blocks,
                             .basis = one_in_ == 1 ? Basis::kSimulated : Basis::kSampled});
    }
  }
}

void ReplacementWhatIf::emptied() {
  catch_up();
  for (auto& shadow : shadows_) shadow->drop_clean();
  lru_stack_->forget_if([this](BlockNo block) { return held_ == nullptr || held_->may_go(block); });
}

// All policies begin anew, as the one in use does. One may have come out of a library since.
void ReplacementWhatIf::restarted(const CacheContents& contents) {
  set_capacity(contents.capacity);
  held_ = contents.held;
  waiting_.clear();
  present_.clear();
  for (const CacheContents::Present& each : contents.present)
    if (is_sampled(each.block)) present_.push_back(each);
  free_frames_.assign(contents.free_frames.begin(), contents.free_frames.end());
}

void ReplacementWhatIf::counting_begins(std::string_view policy) {
  if (!waiting_.empty()) catch_up();
  const auto names = replacement_policy_names();
  const auto known = std::ranges::find(names, policy);
  policy_ = known == names.end() ? std::string_view() : *known;
  reads_ = hits_ = 0;
  for (auto& shadow : shadows_) shadow->clear_counts();
  lru_stack_->clear_counts();
}

double ReplacementWhatIf::ratio_of(const Row& counted) const {
  const double expected = static_cast<double>(reads_) / static_cast<double>(one_in_);
  const double misses = static_cast<double>(counted.reads - counted.hits);
  return std::clamp(1.0 - misses / expected, 0.0, 1.0);
}

ReplacementWhatIf::Correction ReplacementWhatIf::correction() const {
  const auto in_use = std::ranges::find_if(shadows_, [this](const auto& shadow) {
    return shadow->row.policy == policy_ && shadow->row.size == Size::kSame;
  });
  if (in_use == shadows_.end() || reads_ == 0) return {};
  return {ratio_of((*in_use)->row), static_cast<double>(hits_) / static_cast<double>(reads_)};
}

ReplacementWhatIf::Row ReplacementWhatIf::row_of(const Shadow& shadow,
                                                 const Correction& corrected) const {
  Row row = shadow.row;
  if (reads_ == 0) return row;
  row.shadow_hit_ratio = ratio_of(row);
  row.hit_ratio = corrected(row.shadow_hit_ratio);
  if (row.basis == Basis::kSampled) {
    const double expected = static_cast<double>(reads_) / static_cast<double>(one_in_);
    const double two_standard_errors = 2 * shadow.standard_error_of_misses() / expected;
    row.error = std::min(1.0, two_standard_errors * corrected.slope(row.shadow_hit_ratio));
  }
  return row;
}

/// No shadow is needed for what the live cache itself does.
void ReplacementWhatIf::become_counted(Row& row) const {
  row.basis = Basis::kCounted;
  row.reads = reads_;
  row.hits = hits_;
  row.error = 0;
  if (reads_ != 0) row.hit_ratio = static_cast<double>(hits_) / static_cast<double>(reads_);
}

std::vector<ReplacementWhatIf::Row> ReplacementWhatIf::rows() const {
  catch_up();
  const Correction corrected = correction();
  std::vector<Row> rows;
  if (shadows_.empty()) rows = identities_;
  for (const auto& shadow : shadows_)
    if (shadow->is_true_to_name()) rows.push_back(row_of(*shadow, corrected));
  for (Row& row : rows)
    if (row.policy == policy_ && row.size == Size::kSame) become_counted(row);
  return rows;
}

std::vector<ReplacementWhatIf::CurvePoint> ReplacementWhatIf::lru_curve(std::size_t most) const {
  catch_up();
  std::vector<CurvePoint> all;
  if (reads_ == 0 || shadows_.empty()) return all;
  const Correction corrected = correction();
  const std::vector<std::uint64_t>& histogram = lru_stack_->histogram();
  // What the sample has too few or too many reads of counts as hits of all sizes, as in `rows`.
  Row counted{.reads = shadows_.front()->row.reads};
  for (std::size_t distance = 0; distance < histogram.size(); ++distance) {
    counted.hits += histogram[distance];
    if (histogram[distance] == 0 && !all.empty()) continue;
    all.push_back({(distance + 1) * one_in_, corrected(ratio_of(counted))});
  }
  return spread_by_logarithm(all, most);
}

}  // namespace spindle
