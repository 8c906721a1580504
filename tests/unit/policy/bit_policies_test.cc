// NRU, ageing and WSClock with many frames, some of them pinned and some dirty, against plain
// searches of all frames.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

constexpr unsigned kBits = 4;

/// All frames, and what the three policies know of each.
struct Frames {
  struct Frame {
    bool resident = false;
    bool used = false;
    bool dirty = false;
    bool pinned = false;
    unsigned counter = 0;
    std::uint64_t last_use = 0;
  };
  std::vector<Frame> all;
  std::uint64_t now = 0;
  std::uint64_t tick = 1;
  std::uint64_t span = 1;
  std::size_t hand = 0;

  void refer(std::size_t frame, bool forgets) {
    all[frame].used = true;
    if (++now % tick != 0 || !forgets) return;
    for (Frame& f : all) {
      f.counter = f.counter >> 1 | (f.used ? 1u << (kBits - 1) : 0);
      f.used = false;
    }
  }

  [[nodiscard]] std::optional<FrameNo> lowest(auto&& key) const {
    std::optional<FrameNo> best;
    for (std::size_t f = 0; f < all.size(); ++f)
      if (all[f].resident && !all[f].pinned && (!best || key(all[f]) < key(all[best->value])))
        best = FrameNo{f};
    return best;
  }

  std::optional<FrameNo> by_hand() {
    std::optional<std::size_t> clean, any;
    for (std::size_t step = 0; step < all.size(); ++step) {
      const std::size_t at = (hand + step) % all.size();
      Frame& f = all[at];
      if (!f.resident || f.pinned) continue;
      if (!any) any = at;
      if (f.used) {
        f.used = false;
        f.last_use = now;
        continue;
      }
      if (!f.dirty && !clean) clean = at;
      if (!f.dirty && now - f.last_use > span) return FrameNo{hand = at};
    }
    if (!any) return std::nullopt;
    return FrameNo{hand = clean ? *clean : *any};
  }

  std::optional<FrameNo> victim(std::string_view policy) {
    if (policy == "nru") return lowest([](const Frame& f) { return 2 * f.used + f.dirty; });
    if (policy == "aging")
      return lowest([](const Frame& f) { return f.counter | unsigned{f.used} << kBits; });
    return by_hand();
  }
};

void compare_by_bits(std::string_view name, std::uint64_t seed) {
  Random random(seed);
  const std::size_t capacity = 60 + random.below(300);
  Frames frames{.all = std::vector<Frames::Frame>(capacity),
                .tick = 1 + random.below(2 * capacity),
                .span = 1 + random.below(3 * capacity)};
  const auto policy = std::move(make_replacement_policy(name, capacity,
                                                        {.tick_references = frames.tick,
                                                         .aging_bits = kBits,
                                                         .working_set_references = frames.span}))
                          .take();
  const bool has_ticks = name != "wsclock";
  const Evictable evictable{
      [](void* all, FrameNo frame) { return !static_cast<Frames*>(all)->all[frame.value].pinned; },
      &frames};
  const std::uint64_t hot = 1 + random.below(capacity);
  for (int step = 0; step < 6000; ++step) {
    const std::size_t at = random.below(random.one_in(3) ? capacity : hot);
    Frames::Frame& frame = frames.all[at];
    if (random.one_in(40)) frame.pinned = !frame.pinned;
    if (!frame.resident) {
      frame = {.resident = true, .pinned = frame.pinned, .last_use = frames.now + 1};
      frames.refer(at, has_ticks);
      policy->inserted(FrameNo{at}, at);
      if (at == frames.hand) frames.hand = (at + 1) % capacity;
    } else if (random.one_in(6)) {
      frame.dirty = !frame.dirty;
      policy->set_dirty(FrameNo{at}, frame.dirty);
    } else {
      frames.refer(at, has_ticks);
      policy->touched(FrameNo{at});
    }
    if (!random.one_in(4)) continue;
    const auto expected = frames.victim(name);
    ASSERT_EQ(policy->victim(evictable), expected) << "step " << step;
    if (!expected || random.one_in(5)) continue;
    frames.all[expected->value] = {.pinned = frames.all[expected->value].pinned};
    policy->erased(*expected);
  }
}

TEST(BitPolicies, ManyFramesAreChosenAsBySearchingAll) {
  for (const char* name : {"nru", "aging", "wsclock"})
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(compare_by_bits(name, seed));
    }
}

}  // namespace
}  // namespace spindle
