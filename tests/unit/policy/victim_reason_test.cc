// What replacement policies say of their victims, against what happened to the pages; and that
// asking them changes nothing.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

constexpr std::size_t kFrames = 6;

/// What a page has had, by the references, which are numbered from 1 on.
struct History {
  PageKey page = 0;
  std::uint64_t loaded = 0;
  std::uint64_t used = 0;
  std::uint64_t uses = 0;
};

/// One choice, with all that was said and is known about it.
struct Said {
  VictimReason reason;
  std::size_t victim = 0;
  std::size_t hand = 0;  ///< before the search; 0 if the policy has none
  std::vector<FrameMarks> before, after;
  std::vector<History> pages;
  std::vector<std::uint64_t> next_uses;
  std::uint64_t now = 0;

  [[nodiscard]] bool is_first_by(auto&& key) const {
    for (std::size_t frame = 0; frame < kFrames; ++frame)
      if (frame != victim && key(frame) <= key(victim)) return false;
    return true;
  }
  [[nodiscard]] std::uint64_t value(std::size_t frame) const { return before[frame].value.value(); }
  [[nodiscard]] bool was_used(std::size_t frame) const { return before[frame].referenced.value(); }
  [[nodiscard]] bool was_dirty(std::size_t frame) const { return before[frame].dirty.value(); }
  [[nodiscard]] bool is_there_any(auto&& of) const {
    for (std::size_t frame = 0; frame < kFrames; ++frame)
      if (of(frame)) return true;
    return false;
  }
  /// How far the hand goes to the frame.
  [[nodiscard]] std::size_t way(std::size_t frame) const {
    return (frame + kFrames - hand) % kFrames;
  }
};

/// The value, and of equals what the reason says, as one number; the lowest goes.
auto by_value(const Said& said, bool highest) {
  return [&said, highest](std::size_t frame) {
    const std::uint64_t tie = said.reason.among_equals == VictimGround::kFirstFrame ? frame
                              : said.reason.among_equals == VictimGround::kLoadedFirst
                                  ? said.pages[frame].loaded
                                  : said.pages[frame].used;
    return std::pair(highest ? ~said.value(frame) : said.value(frame), tie);
  };
}

void check_hand(const Said& said) {
  ASSERT_FALSE(said.after[said.victim].referenced.value());
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const bool was_passed = said.was_used(said.victim) || said.way(frame) < said.way(said.victim);
    EXPECT_EQ(said.after[frame].referenced, said.was_used(frame) && !was_passed);
    EXPECT_TRUE(said.was_used(said.victim) || !was_passed || said.was_used(frame));
  }
}

void check_rounds(const Said& said) {
  const std::uint64_t round = 1 + 2 * std::uint64_t{said.was_used(said.victim)} +
                              std::uint64_t{said.was_dirty(said.victim)};
  EXPECT_EQ(said.reason.count, round);
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const bool is_before = said.way(frame) < said.way(said.victim);
    const bool was_cleared = round > 2 || (round == 2 && is_before);
    EXPECT_EQ(said.after[frame].referenced, said.was_used(frame) && !was_cleared);
  }
}

void check_working_set(const Said& said) {
  const auto is_clean = [&](std::size_t frame) {
    return !said.was_used(frame) && !said.was_dirty(frame);
  };
  const auto has_left = [&](std::size_t frame) {
    return is_clean(frame) && said.now - said.before[frame].noted_use.value() > said.reason.limit;
  };
  if (said.reason.ground == VictimGround::kLeftWorkingSet) {
    EXPECT_TRUE(has_left(said.victim));
    return;
  }
  EXPECT_FALSE(said.is_there_any(has_left));
  if (said.reason.ground == VictimGround::kFirstClean) {
    EXPECT_TRUE(is_clean(said.victim));
  } else {
    EXPECT_EQ(said.victim, said.hand);
    EXPECT_FALSE(said.is_there_any(is_clean));
  }
}

void check(const Said& said) {
  const auto loaded = [&](std::size_t frame) { return said.pages[frame].loaded; };
  const auto used = [&](std::size_t frame) { return said.pages[frame].used; };
  const VictimReason& reason = said.reason;
  switch (reason.ground) {
    case VictimGround::kUnsaid:
    case VictimGround::kFirstFrame:
      ADD_FAILURE() << "no reason";
      break;
    case VictimGround::kLoadedFirst:
      EXPECT_TRUE(said.is_first_by(loaded));
      break;
    case VictimGround::kUsedLongestAgo:
      EXPECT_TRUE(said.is_first_by(used));
      break;
    case VictimGround::kUsedLast:
      EXPECT_TRUE(said.is_first_by([&](std::size_t frame) { return ~used(frame); }));
      break;
    case VictimGround::kFewestUses:
    case VictimGround::kMostUses:
      EXPECT_TRUE(said.is_first_by(by_value(said, reason.ground == VictimGround::kMostUses)));
      for (std::size_t frame = 0; frame < kFrames; ++frame)
        EXPECT_EQ(said.value(frame), said.pages[frame].uses);
      break;
    case VictimGround::kUsedAgainLatest:
      EXPECT_TRUE(said.is_first_by(by_value(said, true)));
      for (std::size_t frame = 0; frame < kFrames; ++frame)
        EXPECT_EQ(said.value(frame), said.next_uses[frame]);
      break;
    case VictimGround::kLowestClass:
      EXPECT_TRUE(said.is_first_by(by_value(said, false)));
      for (std::size_t frame = 0; frame < kFrames; ++frame)
        EXPECT_EQ(said.value(frame), 2u * said.was_used(frame) + said.was_dirty(frame));
      break;
    case VictimGround::kLowestCounter:
      EXPECT_TRUE(said.is_first_by(by_value(said, false)));
      for (std::size_t frame = 0; frame < kFrames; ++frame)
        EXPECT_EQ(said.value(frame) >> reason.limit, std::uint64_t{said.was_used(frame)});
      break;
    case VictimGround::kBitFoundClear:
      check_hand(said);
      break;
    case VictimGround::kRoundOfHand:
      check_rounds(said);
      break;
    case VictimGround::kLeftWorkingSet:
    case VictimGround::kFirstClean:
    case VictimGround::kWhereHandStood:
      check_working_set(said);
      break;
    case VictimGround::kBitFoundClearInRow:
    case VictimGround::kNotVisitedAgain:
      EXPECT_FALSE(said.after[said.victim].referenced.value());
      break;
    case VictimGround::kOldestOfNew:
      EXPECT_TRUE(reason.count >= reason.limit || reason.count == kFrames);
      break;
    case VictimGround::kLongestUnusedOfKept:
      EXPECT_LE(reason.count, reason.limit);
      break;
    case VictimGround::kOldestOfSmallQueue:
      EXPECT_LE(said.after[said.victim].value.value(), 1u);
      break;
    case VictimGround::kOldestOfMainQueue:
      EXPECT_EQ(said.after[said.victim].value, 0u);
      break;
    case VictimGround::kDrawnByLot:
      break;
  }
}

std::unique_ptr<ReplacementPolicy> made(std::string_view name,
                                        const std::vector<PageKey>& references,
                                        const ReplacementConventions& conventions) {
  return name == "opt" ? make_optimal_policy(kFrames, references)
                       : make_replacement_policy(name, kFrames, conventions).take();
}

class Memory {
 public:
  Memory(std::string_view name, const std::vector<PageKey>& references,
         const ReplacementConventions& conventions)
      : references_(references),
        keep_counts_(conventions.keep_counts),
        asked_(made(name, references, conventions)),
        silent_(made(name, references, conventions)) {}

  void refer(std::size_t at, bool writes) {
    const PageKey page = references_[at];
    const auto found = std::ranges::find(pages_, page, &History::page);
    auto frame = static_cast<std::size_t>(found - pages_.begin());
    if (found != pages_.end()) {
      for (auto* policy : {asked_.get(), silent_.get()}) policy->touched(FrameNo{frame});
    } else {
      if (frame == kFrames) ASSERT_NO_FATAL_FAILURE(frame = evict(at));
      if (frame == pages_.size()) pages_.emplace_back();
      pages_[frame] = {page, at + 1, 0, keep_counts_ ? counts_[page] : 0};
      for (auto* policy : {asked_.get(), silent_.get()}) policy->inserted(FrameNo{frame}, page);
    }
    pages_[frame].used = at + 1;
    counts_[page] = ++pages_[frame].uses;
    if (writes)
      for (auto* policy : {asked_.get(), silent_.get()}) policy->set_dirty(FrameNo{frame}, true);
  }

  std::set<VictimGround> grounds;

 private:
  [[nodiscard]] std::vector<FrameMarks> marks() const {
    std::vector<FrameMarks> all;
    for (std::size_t frame = 0; frame < kFrames; ++frame)
      all.push_back(asked_->marks(FrameNo{frame}));
    return all;
  }

  std::size_t evict(std::size_t at) {
    Said said{.hand = asked_->hand().value_or(FrameNo{0}).value,
              .before = marks(),
              .pages = pages_,
              .now = at};
    const FrameNo victim = asked_->victim({}, references_[at]).value();
    EXPECT_EQ(silent_->victim({}, references_[at]), victim);
    said.after = marks();
    said.reason = asked_->reason(victim);
    said.victim = victim.value;
    for (const History& history : pages_) {
      const auto rest = references_.begin() + static_cast<std::ptrdiff_t>(at);
      const auto next = std::find(rest, references_.end(), history.page);
      said.next_uses.push_back(next == references_.end()
                                   ? kNeverAgain
                                   : static_cast<std::uint64_t>(next - references_.begin()) + 1);
    }
    check(said);
    grounds.insert(said.reason.ground);
    for (auto* policy : {asked_.get(), silent_.get()}) policy->erased(victim);
    return victim.value;
  }

  const std::vector<PageKey>& references_;
  bool keep_counts_;
  std::unique_ptr<ReplacementPolicy> asked_, silent_;
  std::vector<History> pages_;
  std::map<PageKey, std::uint64_t> counts_;
};

TEST(VictimReason, IsTrueOfEveryVictim) {
  std::vector<std::string_view> names = {"opt"};
  for (const std::string_view name : replacement_policy_names()) names.push_back(name);
  std::set<VictimGround> grounds;
  for (const std::string_view name : names)
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      using Tie = ReplacementConventions::Tie;
      Random random(seed);
      std::vector<PageKey> references(300);
      for (PageKey& page : references) page = random.below(random.one_in(3) ? 12 : 7);
      Memory memory(name, references,
                    {.clock_bit_on_load = random.one_in(2),
                     .frequency_tie = random.one_in(2) ? Tie::kLeastRecent : Tie::kFirstLoaded,
                     .keep_counts = random.one_in(2),
                     .seed = seed,
                     .tick_references = 1 + random.below(9),
                     .aging_bits = static_cast<unsigned>(1 + random.below(10)),
                     .working_set_references = 1 + random.below(12)});
      for (std::size_t at = 0; at < references.size(); ++at) {
        memory.refer(at, random.one_in(4));
        ASSERT_FALSE(testing::Test::HasFailure()) << "reference " << at + 1;
      }
      grounds.merge(memory.grounds);
    }
  // Every ground there is was given, but the two that are no grounds of their own.
  for (unsigned number = 0; !victim_ground_name(static_cast<VictimGround>(number)).empty();
       ++number)
    EXPECT_EQ(grounds.contains(static_cast<VictimGround>(number)),
              number != static_cast<unsigned>(VictimGround::kUnsaid) &&
                  number != static_cast<unsigned>(VictimGround::kFirstFrame))
        << victim_ground_name(static_cast<VictimGround>(number));
}

}  // namespace
}  // namespace spindle
