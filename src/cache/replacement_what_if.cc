#include "spindle/cache/replacement_what_if.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "access_log.h"
#include "lru_stack.h"
#include "shadow_cache.h"
#include "spindle/base/check.h"
#include "spindle/policy/replacement_policy.h"
#include "spindle/thread/thread.h"

namespace spindle {

namespace {

/// The events that each shadow is fed in a row: its data is then fetched into the processor's cache
/// once for all of them.
constexpr std::size_t kBatch = 256;
/// How many events are played for `rows` before other threads run: half a millisecond's worth.
constexpr std::size_t kTurn = 8192;
/// The pause between two turns. The disk serves its next request only when no thread is ready, and
/// would wait for the last turn if one followed the other at once.
constexpr std::int64_t kBetweenTurnsNs = 50'000;
/// While more than a batch waits, this many times as many events are fed as come.
constexpr std::size_t kCatchUp = 4;

/// At most `most` of the points, evenly over the logarithm of the size, with the first and the
/// last.
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

void let_others_run() {
  if (thread::current_thread::exists()) thread::sleep_for(kBetweenTurnsNs);
}

/// Plays all that happened; other threads may run meanwhile.
template <class Cache>
void play_all(const AccessLog& log, Cache& cache) {
  for (std::size_t played = 0; played < log.size(); let_others_run()) {
    const auto next = log.some_events(played, kTurn);
    play(next, cache);
    played += next.size();
  }
}

}  // namespace

/// What a row answers.
struct ReplacementWhatIf::Question {
  std::string_view policy;
  Size size = Size::kSame;
  std::size_t capacity = 0;  ///< in blocks
};

/// What is asked, and what was in the cache before anything was counted. Does not change.
struct ReplacementWhatIf::Start {
  std::vector<Question> questions;
  std::vector<CacheContents::Present> present;
  std::vector<std::uint32_t> free_frames;

  /// Fills the cache with what was present, in order of use, as far as it is in the sample.
  template <class Cache>
  void fill(Cache& cache, const AccessLog& log) const {
    for (const CacheContents::Present& each : present) {
      if (!log.is_sampled(each.block)) continue;
      cache.accessed(each.block, each.read_ahead ? CacheAccess::kReadAhead : CacheAccess::kBlank);
      if (each.kept) cache.keep(each.block, true);
    }
  }

  [[nodiscard]] std::unique_ptr<ShadowCache> make_shadow(const Question& question,
                                                         const AccessLog& log) const {
    auto shadow = std::make_unique<ShadowCache>(
        question.policy, std::max<std::size_t>(1, question.capacity / log.one_in()));
    if (log.one_in() == 1 && question.size == Size::kSame)
      shadow->adopt(present, free_frames);
    else
      fill(*shadow, log);
    return shadow;
  }
};

/// A shadow's answer to a question.
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

/// What can be said at one moment.
struct ReplacementWhatIf::Answer {
  std::shared_ptr<const Start> start;
  std::string_view policy;  ///< in use
  std::uint64_t one_in = 1;
  std::size_t events = 0;
  std::uint64_t reads = 0;  ///< as the live cache counted
  std::uint64_t hits = 0;
  std::vector<Result> results;  ///< by question
  std::uint64_t stack_reads = 0;
  std::vector<std::uint64_t> stack_histogram;

  [[nodiscard]] bool is_in_use(const Question& question) const {
    return question.policy == policy && question.size == Size::kSame;
  }
  void take(const LruStack& stack) {
    stack_reads = stack.reads();
    stack_histogram = stack.histogram();
  }
  [[nodiscard]] double expected_reads() const {
    return static_cast<double>(reads) / static_cast<double>(one_in);
  }
  [[nodiscard]] double ratio_of(std::uint64_t misses) const {
    const double hits_expected = expected_reads() - static_cast<double>(misses);
    return std::clamp(hits_expected / expected_reads(), 0.0, 1.0);
  }
  [[nodiscard]] Correction correction() const;
  [[nodiscard]] Row row_of(std::size_t question, const Correction& corrected) const;
};

ReplacementWhatIf::Correction ReplacementWhatIf::Answer::correction() const {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!is_in_use(start->questions[i]) || reads == 0) continue;
    return {ratio_of(results[i].reads - results[i].hits),
            static_cast<double>(hits) / static_cast<double>(reads)};
  }
  return {};
}

ReplacementWhatIf::Row ReplacementWhatIf::Answer::row_of(std::size_t i,
                                                         const Correction& corrected) const {
  const Question& question = start->questions[i];
  const Result& result = results[i];
  Row row{.policy = question.policy,
          .size = question.size,
          .capacity_blocks = question.capacity,
          .basis = one_in == 1 ? Basis::kSimulated : Basis::kSampled,
          .reads = result.reads,
          .hits = result.hits};
  if (reads != 0) {
    row.shadow_hit_ratio = ratio_of(result.reads - result.hits);
    row.hit_ratio = corrected(row.shadow_hit_ratio);
    const double two_standard_errors = 2 * result.error_of_misses / expected_reads();
    if (row.basis == Basis::kSampled)
      row.error = std::min(1.0, two_standard_errors * corrected.slope(row.shadow_hit_ratio));
  }
  if (!is_in_use(question)) return row;
  // No shadow is needed for what the live cache itself does.
  row.basis = Basis::kCounted;
  row.reads = reads;
  row.hits = hits;
  row.error = 0;
  return row;
}

ReplacementWhatIf::ReplacementWhatIf(const Bounds& bounds)
    : bounds_(bounds), log_(std::make_unique<AccessLog>()) {
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
  const std::size_t capacity = contents.capacity;
  auto start = std::make_shared<Start>();
  start->present.assign(contents.present.begin(), contents.present.end());
  start->free_frames.assign(contents.free_frames.begin(), contents.free_frames.end());
  for (const std::string_view policy : names) {
    start->questions.push_back({policy, Size::kHalf, std::max<std::size_t>(1, capacity / 2)});
    start->questions.push_back({policy, Size::kSame, capacity});
    start->questions.push_back({policy, Size::kDouble, 2 * capacity});
  }
  start_ = std::move(start);
  const auto first = std::bit_ceil((capacity + bounds_.frames - 1) / bounds_.frames);
  rarest_ = std::max(
      first, std::bit_floor(std::max({capacity / bounds_.fewest_frames,
                                      std::min<std::size_t>(16, capacity / 16), std::size_t{1}})));
  log_->begin(first);
  shadows_.clear();
  stack_.reset();
  live_.reset();
  answer_.reset();
  fed_ = 0;
  room_ends_at_ = bounds_.events;
}

// The shadow of the policy in use. It sees each access at once, since a block that is held now may
// not be held later. It is made when it is first needed: a mount should answer before that.
ShadowCache* ReplacementWhatIf::live() {
  if (live_ || log_->one_in() != 1 || policy_.empty()) return live_.get();
  const auto capacity = start_->questions[static_cast<std::size_t>(Size::kSame)].capacity;
  live_ = std::make_unique<ShadowCache>(policy_, capacity, held_);
  live_->adopt(start_->present, start_->free_frames);
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
}

void ReplacementWhatIf::begin_to_feed() {
  stack_ = std::make_unique<LruStack>();
  start_->fill(*stack_, *log_);
  for (const Question& question : start_->questions)
    shadows_.push_back(start_->make_shadow(question, *log_));
  room_ends_at_ = log_->size() + kBatch;
}

// Feeds at least `events` events, if the log has as many.
void ReplacementWhatIf::feed(std::size_t events) const {
  const auto next = log_->some_events(fed_, events);
  for (auto& shadow : shadows_) play(next, *shadow);
  play(next, *stack_);
  fed_ += next.size();
  if (fed_ < log_->size()) return;
  log_->clear();
  fed_ = 0;
}

std::shared_ptr<ReplacementWhatIf::Answer> ReplacementWhatIf::counted_so_far() const {
  auto answer = std::make_shared<Answer>();
  answer->start = start_;
  answer->policy = policy_;
  answer->one_in = log_->one_in();
  answer->events = log_->size();
  answer->reads = reads_;
  answer->hits = hits_;
  return answer;
}

std::shared_ptr<const ReplacementWhatIf::Answer> ReplacementWhatIf::fed_answer() const {
  feed(log_->size());
  const std::shared_ptr<Answer> answer = counted_so_far();
  for (std::size_t i = 0; i < shadows_.size(); ++i) {
    const bool is_live = live_ && answer->is_in_use(start_->questions[i]);
    answer->results.push_back(Result::of(is_live ? *live_ : *shadows_[i]));
  }
  answer->take(*stack_);
  return answer;
}

// Other threads may run meanwhile and use the cache, so all is computed from copies of what was
// there at the beginning.
std::shared_ptr<const ReplacementWhatIf::Answer> ReplacementWhatIf::ask() const {
  if (feeds()) return fed_answer();
  const std::shared_ptr<Answer> answer = counted_so_far();
  const std::shared_ptr<const Answer> before = answer_;
  if (before && before->one_in == answer->one_in && before->events == answer->events &&
      before->reads == answer->reads)
    return before;
  const std::optional<Result> live = live_ ? std::optional(Result::of(*live_)) : std::nullopt;
  const std::shared_ptr<const Start> start = start_;
  const AccessLog log = *log_;
  LruStack stack;
  start->fill(stack, log);
  play_all(log, stack);
  answer->take(stack);
  for (std::size_t i = 0; i < start->questions.size(); ++i) {
    const Question& question = start->questions[i];
    // If no block ever had to leave, all policies hit the same.
    const bool fits =
        log.one_in() == 1 && stack.most_blocks() <= std::min(question.capacity, LruStack::kDeepest);
    if (before && !before->results[i].is_true_to_name) {
      answer->results.push_back(before->results[i]);
    } else if (live && answer->is_in_use(question)) {
      answer->results.push_back(*live);
    } else if (fits) {
      answer->results.push_back({.reads = stack.reads(), .hits = stack.most_hits()});
    } else {
      const auto shadow = start->make_shadow(question, log);
      play_all(log, *shadow);
      answer->results.push_back(Result::of(*shadow));
    }
  }
  if (start == start_) answer_ = answer;
  return answer;
}

std::vector<ReplacementWhatIf::Row> ReplacementWhatIf::rows() const {
  std::vector<Row> rows;
  if (!start_) return rows;
  const std::shared_ptr<const Answer> answer = ask();
  const Correction corrected = answer->correction();
  for (std::size_t i = 0; i < answer->results.size(); ++i)
    if (answer->results[i].is_true_to_name) rows.push_back(answer->row_of(i, corrected));
  return rows;
}

std::vector<ReplacementWhatIf::CurvePoint> ReplacementWhatIf::lru_curve(std::size_t most) const {
  std::vector<CurvePoint> all;
  if (reads_ == 0) return all;
  const std::shared_ptr<const Answer> answer = ask();
  const Correction corrected = answer->correction();
  // Reads that the sample has too many or too few of count as hits at every size, as in `rows`.
  std::uint64_t misses = answer->stack_reads;
  for (std::size_t distance = 0; distance < answer->stack_histogram.size(); ++distance) {
    const std::uint64_t hits = answer->stack_histogram[distance];
    misses -= hits;
    if (hits == 0 && !all.empty()) continue;
    all.push_back({(distance + 1) * answer->one_in, corrected(answer->ratio_of(misses))});
  }
  return spread_by_logarithm(all, most);
}

}  // namespace spindle
