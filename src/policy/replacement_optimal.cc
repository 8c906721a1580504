// OPT (Belady 1966): possible only where the future is known, as for a trace; what every other
// policy is measured by.

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "frame_lists.h"
#include "place_set.h"
#include "run_policy.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Place = std::uint32_t;  ///< the number of a reference in the run

constexpr Place kNever = std::numeric_limits<Place>::max();

/// For each reference the place of the next one to the same page.
std::vector<Place> next_uses(std::span<const PageKey> references) {
  std::vector<Place> next(references.size(), kNever);
  const PageKey highest = references.empty() ? 0 : *std::ranges::max_element(references);
  if (highest / 4 <= references.size()) {
    std::vector<Place> later(highest + 1, kNever);
    for (std::size_t i = references.size(); i-- > 0;)
      next[i] = std::exchange(later[references[i]], static_cast<Place>(i));
    return next;
  }
  std::unordered_map<PageKey, Place> later;
  for (std::size_t i = references.size(); i-- > 0;) {
    const auto [found, first] = later.try_emplace(references[i], static_cast<Place>(i));
    if (!first) next[i] = std::exchange(found->second, static_cast<Place>(i));
  }
  return next;
}

class Optimal final : public InlinedPolicy<Optimal> {
 public:
  Optimal(std::size_t capacity, std::span<const PageKey> references)
      : pages_(capacity),
        next_use_(next_uses(references)),
        frame_at_(references.size()),
        used_again_(references.size()) {
    CHECK(references.size() < kNever);
  }
  [[nodiscard]] std::string_view name() const override { return "opt"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = index_of(number);
    CHECK(!pages_[frame].resident);
    pages_[frame] = {true, step(), ++loads_};
    enter(frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].resident);
    leave(frame);
    pages_[frame].next_use = step();
    enter(frame);
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(pages_[frame].resident);
    leave(frame);
    pages_[frame].resident = false;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    for (const auto& [load, frame] : never_again_)
      if (evictable(FrameNo{frame})) return FrameNo{frame};
    for (auto place = used_again_.last(); place; place = used_again_.last_before(*place)) {
      const FrameNo frame{frame_at_[*place]};
      if (evictable(frame)) return frame;
    }
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kUsedAgainLatest, .among_equals = VictimGround::kLoadedFirst};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const Place next = pages_[index_of(number)].next_use;
    return {.value = next == kNever ? kNeverAgain : std::uint64_t{next} + 1};
  }

 private:
  struct Page {
    bool resident = false;
    Place next_use = kNever;
    std::uint64_t loaded = 0;
  };

  [[nodiscard]] FrameIndex index_of(FrameNo number) const {
    return frame_index(number.value, static_cast<FrameIndex>(pages_.size()));
  }
  void enter(FrameIndex frame) {
    const Page& page = pages_[frame];
    if (page.next_use == kNever) {
      never_again_.emplace(page.loaded, frame);
    } else {
      frame_at_[page.next_use] = frame;
      used_again_.insert(page.next_use);
    }
  }
  void leave(FrameIndex frame) {
    const Page& page = pages_[frame];
    if (page.next_use == kNever)
      never_again_.erase({page.loaded, frame});
    else
      used_again_.erase(page.next_use);
  }
  /// Goes on to the next reference, and answers when its page is used again.
  Place step() {
    CHECK(now_ < next_use_.size());
    return next_use_[now_++];
  }

  std::vector<Page> pages_;
  std::vector<Place> next_use_;
  std::vector<FrameIndex> frame_at_;  ///< the frame whose page is used next at each place
  PlaceSet used_again_;               ///< the places at which pages in memory are used next
  std::set<std::pair<std::uint64_t, FrameIndex>> never_again_;  ///< in the order of loading
  std::size_t now_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_optimal_policy(std::size_t capacity,
                                                       std::span<const PageKey> references) {
  return std::make_unique<Optimal>(capacity, references);
}

}  // namespace spindle
