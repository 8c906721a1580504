#include "spindle/cache/replacement_what_if.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "access_log.h"
#include "lru_stack.h"
#include "shadow_cache.h"
#include "spindle/base/check.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

namespace {

/// Each shadow is fed so many events in a row: what it knows is then fetched into the processor's
/// cache once for all of them.
constexpr std::size_t kBatch = 256;
/// While more than that waits, so many times as much is fed as comes.
constexpr std::size_t kCatchUp = 4;

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

/// The cache holds what was there, used in that order, if it is in the sample.
template <class Cache>
void fill(Cache& cache, const std::vector<CacheContents::Present>& present, const AccessLog& log) {
  for (const CacheContents::Present& each : present) {
    if (!log.is_sampled(each.block)) continue;
    cache.accessed(each.block, each.read_ahead ? CacheAccess::kReadAhead : CacheAccess::kBlank);
    if (each.kept) cache.keep(each.block, true);
  }
}

}  // namespace

/// What a row answers.
struct ReplacementWhatIf::Question {
  std::string_view policy;
  Size size = Size::kSame;
  std::size_t capacity = 0;  ///< in blocks
};

/// What a shadow has to say to it.
struct ReplacementWhatIf::Result {
  std::uint64_t reads = 0;
  std::uint64_t hits = 0;
  double error_of_misses = 0;
  bool is_true_to_name = true;

  static Result of(const ShadowCache& shadow) {
    return {shadow.counts().reads, shadow.counts().hits, shadow.counts().standard_error_of_misses(),
            shadow.is_true_to_name()};
  }
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

ReplacementWhatIf::ReplacementWhatIf(const Bounds& bounds)
    : bounds_(bounds), log_(std::make_unique<AccessLog>()), stack_(std::make_unique<LruStack>()) {
  CHECK(bounds.events > 0 && bounds.frames > 0 && bounds.fewest_frames > 0);
}
ReplacementWhatIf::~ReplacementWhatIf() = default;

std::uint64_t ReplacementWhatIf::sampled_one_in() const {
  return log_->one_in();
}

void ReplacementWhatIf::restarted(const CacheContents& contents) {
  const auto names = replacement_policy_names();
  const auto known = std::ranges::find(names, contents.policy);
  policy_ = known == names.end() ? std::string_view() : *known;
  reads_ = hits_ = 0;
  held_ = contents.held;
  present_.assign(contents.present.begin(), contents.present.end());
  free_frames_.assign(contents.free_frames.begin(), contents.free_frames.end());
  questions_.clear();
  const std::size_t capacity = contents.capacity;
  for (const std::string_view policy : names) {
    questions_.push_back({policy, Size::kHalf, std::max<std::size_t>(1, capacity / 2)});
    questions_.push_back({policy, Size::kSame, capacity});
    questions_.push_back({policy, Size::kDouble, 2 * capacity});
  }
  const auto first = std::bit_ceil((capacity + bounds_.frames - 1) / bounds_.frames);
  rarest_ = std::max(
      first, std::bit_floor(std::max({capacity / bounds_.fewest_frames,
                                      std::min<std::size_t>(16, capacity / 16), std::size_t{1}})));
  log_->begin(first);
  shadows_.clear();
  live_.reset();
  room_ends_at_ = bounds_.events;
  forget_answers();
}

/// What was played of the log no longer is what it holds.
void ReplacementWhatIf::forget_answers() const {
  fed_ = asked_ = stacked_ = 0;
  results_.clear();
  stack_ = std::make_unique<LruStack>();
  fill(*stack_, present_, *log_);
}

/// The shadow that sees all at once, since what is held now may not be so later. A mount has to
/// answer before anybody looks, so it is not made before it is needed.
ShadowCache* ReplacementWhatIf::live() {
  if (live_ || log_->one_in() != 1 || policy_.empty() || questions_.empty()) return live_.get();
  const auto capacity = questions_[static_cast<std::size_t>(Size::kSame)].capacity;
  live_ = std::make_unique<ShadowCache>(policy_, capacity, held_);
  live_->adopt(present_, free_frames_);
  return live_.get();
}

void ReplacementWhatIf::accessed(BlockNo block, CacheAccess access) {
  reads_ += is_read(access) ? 1 : 0;
  hits_ += access == CacheAccess::kHit ? 1 : 0;
  if (ShadowCache* shadow = live()) shadow->accessed(block, access);
  log_->accessed(block, access);
  if (log_->size() >= room_ends_at_) make_room();
}

void ReplacementWhatIf::kept(BlockNo block, bool is_kept) {
  log_->kept(block, is_kept);
}

void ReplacementWhatIf::settled(BlockNo block) {
  if (ShadowCache* shadow = live()) shadow->settle(block);
}

void ReplacementWhatIf::forgotten(Run run) {
  if (ShadowCache* shadow = live()) shadow->forget(run);
  log_->forgotten(run);
  if (log_->size() >= room_ends_at_) make_room();
}

void ReplacementWhatIf::emptied() {
  if (ShadowCache* shadow = live()) shadow->empty();
  log_->emptied();
}

void ReplacementWhatIf::make_room() {
  if (feeds()) {
    feed(kCatchUp * kBatch);
    room_ends_at_ = log_->size() + kBatch;
    return;
  }
  while (log_->size() >= bounds_.events) {
    if (log_->one_in() >= rarest_) return begin_to_feed();
    live_.reset();
    log_->thin();
  }
  forget_answers();
}

void ReplacementWhatIf::begin_to_feed() {
  forget_answers();
  for (const Question& question : questions_) shadows_.push_back(make_shadow(question));
  room_ends_at_ = log_->size() + kBatch;
}

/// So many events at least, if there are.
void ReplacementWhatIf::feed(std::size_t events) const {
  std::size_t end = std::min(fed_ + events, log_->size());
  if (end < log_->size() && log_->is_length(end)) ++end;
  const auto next = log_->events().subspan(fed_, end - fed_);
  for (auto& shadow : shadows_) play(next, *shadow);
  play(next, *stack_);
  fed_ = end;
  if (fed_ < log_->size()) return;
  log_->clear();
  fed_ = 0;
}

std::unique_ptr<ShadowCache> ReplacementWhatIf::make_shadow(const Question& question) const {
  const std::uint64_t one_in = log_->one_in();
  auto shadow = std::make_unique<ShadowCache>(question.policy,
                                              std::max<std::size_t>(1, question.capacity / one_in));
  if (one_in == 1 && question.size == Size::kSame)
    shadow->adopt(present_, free_frames_);
  else
    fill(*shadow, present_, *log_);
  return shadow;
}

/// Brings what is known up to the present.
void ReplacementWhatIf::ask() const {
  if (feeds()) {
    feed(log_->size());
    results_.clear();
    for (std::size_t i = 0; i < shadows_.size(); ++i)
      results_.push_back(Result::of(live_ && is_in_use(questions_[i]) ? *live_ : *shadows_[i]));
    return;
  }
  if (!results_.empty() && asked_ == log_->size()) return;
  play(log_->events().subspan(stacked_), *stack_);
  stacked_ = asked_ = log_->size();
  const std::vector<Result> before = std::exchange(results_, {});
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    // One that misbehaved is not asked again.
    const bool may_ask = before.empty() || before[i].is_true_to_name;
    results_.push_back(may_ask ? play_for(questions_[i]) : before[i]);
  }
}

ReplacementWhatIf::Result ReplacementWhatIf::play_for(const Question& question) const {
  if (live_ && is_in_use(question)) return Result::of(*live_);
  // Where nothing ever had to go, all policies are one.
  if (log_->one_in() == 1 &&
      stack_->most_blocks() <= std::min(question.capacity, LruStack::kDeepest))
    return {.reads = stack_->reads(), .hits = stack_->most_hits()};
  const auto shadow = make_shadow(question);
  play(log_->events(), *shadow);
  return Result::of(*shadow);
}

bool ReplacementWhatIf::is_in_use(const Question& question) const {
  return question.policy == policy_ && question.size == Size::kSame;
}

double ReplacementWhatIf::ratio_of(std::uint64_t misses) const {
  const double expected = static_cast<double>(reads_) / static_cast<double>(log_->one_in());
  return std::clamp(1.0 - static_cast<double>(misses) / expected, 0.0, 1.0);
}

ReplacementWhatIf::Correction ReplacementWhatIf::correction() const {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    if (!is_in_use(questions_[i]) || reads_ == 0) continue;
    return {ratio_of(results_[i].reads - results_[i].hits),
            static_cast<double>(hits_) / static_cast<double>(reads_)};
  }
  return {};
}

ReplacementWhatIf::Row ReplacementWhatIf::row_of(std::size_t i, const Correction& corrected) const {
  const Question& question = questions_[i];
  const Result& result = results_[i];
  Row row{.policy = question.policy,
          .size = question.size,
          .capacity_blocks = question.capacity,
          .basis = log_->one_in() == 1 ? Basis::kSimulated : Basis::kSampled,
          .reads = result.reads,
          .hits = result.hits};
  if (reads_ != 0) {
    row.shadow_hit_ratio = ratio_of(result.reads - result.hits);
    row.hit_ratio = corrected(row.shadow_hit_ratio);
    const double expected = static_cast<double>(reads_) / static_cast<double>(log_->one_in());
    const double two_standard_errors = 2 * result.error_of_misses / expected;
    if (row.basis == Basis::kSampled)
      row.error = std::min(1.0, two_standard_errors * corrected.slope(row.shadow_hit_ratio));
  }
  if (!is_in_use(question)) return row;
  // No shadow is needed for what the live cache itself does.
  row.basis = Basis::kCounted;
  row.reads = reads_;
  row.hits = hits_;
  row.error = 0;
  return row;
}

std::vector<ReplacementWhatIf::Row> ReplacementWhatIf::rows() const {
  ask();
  const Correction corrected = correction();
  std::vector<Row> rows;
  for (std::size_t i = 0; i < questions_.size(); ++i)
    if (results_[i].is_true_to_name) rows.push_back(row_of(i, corrected));
  return rows;
}

std::vector<ReplacementWhatIf::CurvePoint> ReplacementWhatIf::lru_curve(std::size_t most) const {
  ask();
  std::vector<CurvePoint> all;
  if (reads_ == 0) return all;
  const Correction corrected = correction();
  const std::vector<std::uint64_t>& histogram = stack_->histogram();
  // What the sample has too few or too many reads of counts as hits of all sizes, as in `rows`.
  std::uint64_t misses = stack_->reads();
  for (std::size_t distance = 0; distance < histogram.size(); ++distance) {
    misses -= histogram[distance];
    if (histogram[distance] == 0 && !all.empty()) continue;
    all.push_back({(distance + 1) * log_->one_in(), corrected(ratio_of(misses))});
  }
  return spread_by_logarithm(all, most);
}

}  // namespace spindle
