// What a machine's reference and dirty bits allow: NRU, enhanced CLOCK, ageing (all three as in
// Tanenbaum), WSClock (Carr and Hennessy 1981); and random replacement, which needs no bits.
//
// All keep one record a frame. NRU and ageing order the frames anew for the first victim after a
// tick; WSClock's hand passes by 64 frames at a time where nothing can have changed. What `victim`
// named stays named until something happens, so that asked twice it answers the same.

#include <algorithm>
#include <limits>
#include <vector>

#include "frame_lists.h"
#include "frame_order.h"
#include "replacement_policies.h"
#include "spindle/base/random.h"

namespace spindle {
namespace {

/// The records, and the events that all policies here book alike.
class BitPolicy : public ReplacementPolicy {
 public:
  explicit BitPolicy(std::size_t capacity) : frames_(capacity) {}

  void inserted(FrameNo number, PageKey) override {
    Frame& frame = frame_of(number);
    CHECK(!frame.resident);
    frame = {.resident = true, .referenced = true, .last_use = now_ + 1};
    happened();
    refer(static_cast<FrameIndex>(number.value));
    came_in(static_cast<FrameIndex>(number.value));
  }

  void touched(FrameNo number) override {
    Frame& frame = frame_of(number);
    CHECK(frame.resident);
    frame.referenced = true;
    happened();
    refer(static_cast<FrameIndex>(number.value));
  }

  void set_dirty(FrameNo number, bool dirty) override {
    frame_of(number).dirty = dirty;
    happened();
    dirtied(static_cast<FrameIndex>(number.value));
  }

  void erased(FrameNo number) override {
    Frame& frame = frame_of(number);
    CHECK(frame.resident);
    frame = {};
    happened();
    went(static_cast<FrameIndex>(number.value));
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    if (named_ && frames_[*named_].resident && evictable(FrameNo{*named_})) return FrameNo{*named_};
    const std::optional<FrameIndex> found = choose(evictable);
    if (!found) return std::nullopt;
    named_ = found;
    return FrameNo{*found};
  }

  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const Frame& frame = frames_[frame_index(number.value, size())];
    return {.referenced = frame.referenced, .dirty = frame.dirty};
  }

 protected:
  struct Frame {
    bool resident = false;
    bool referenced = false;
    bool dirty = false;
    std::uint64_t last_use = 0;  ///< when WSClock saw its use, in references
  };

  virtual std::optional<FrameIndex> choose(Evictable evictable) = 0;
  /// After each reference, which was the `now_`th.
  virtual void referred(FrameIndex) {}
  virtual void came_in(FrameIndex) {}
  virtual void went(FrameIndex) {}
  virtual void dirtied(FrameIndex) {}

  [[nodiscard]] FrameIndex size() const { return static_cast<FrameIndex>(frames_.size()); }
  [[nodiscard]] FrameIndex after(FrameIndex frame) const {
    return frame + 1 == size() ? 0 : frame + 1;
  }
  [[nodiscard]] bool may_go(FrameIndex frame, Evictable evictable) const {
    return frames_[frame].resident && evictable(FrameNo{frame});
  }

  std::vector<Frame> frames_;
  std::uint64_t now_ = 0;  ///< references so far

 private:
  Frame& frame_of(FrameNo number) { return frames_[frame_index(number.value, size())]; }

  void happened() { named_.reset(); }
  void refer(FrameIndex frame) {
    ++now_;
    referred(frame);
  }

  std::optional<FrameIndex> named_;
};

/// Not recently used: the lowest of four classes, neither used nor dirty, dirty, used, both; of
/// those in it the first frame. A tick of the clock forgets which frames were used.
class Nru final : public BitPolicy {
 public:
  Nru(std::size_t capacity, std::uint64_t tick)
      : BitPolicy(capacity),
        tick_(tick == 0 ? capacity : tick),
        used_in_(capacity),
        order_(capacity) {}
  [[nodiscard]] std::string_view name() const override { return "nru"; }
  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kLowestClass, .among_equals = VictimGround::kFirstFrame};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const FrameIndex frame = frame_index(number.value, size());
    return {.referenced = was_used(frame), .dirty = frames_[frame].dirty, .value = class_of(frame)};
  }

 private:
  /// Since the last tick.
  [[nodiscard]] bool was_used(FrameIndex frame) const { return used_in_[frame] == ticks_; }
  [[nodiscard]] std::uint64_t class_of(FrameIndex frame) const {
    return 2 * std::uint64_t{was_used(frame)} + std::uint64_t{frames_[frame].dirty};
  }
  std::optional<FrameIndex> choose(Evictable evictable) override {
    return order_.lowest([this](FrameIndex frame) { return frames_[frame].resident; },
                         [this](FrameIndex frame) { return class_of(frame); }, evictable);
  }
  void referred(FrameIndex frame) override {
    used_in_[frame] = ticks_;
    if (now_ % tick_ != 0) return;
    ++ticks_;
    order_.forget();
  }
  void came_in(FrameIndex frame) override { order_.may_have_fallen(frame, class_of(frame)); }
  void dirtied(FrameIndex frame) override { order_.may_have_fallen(frame, class_of(frame)); }

  std::uint64_t tick_;
  std::uint64_t ticks_ = 1;             ///< so far
  std::vector<std::uint64_t> used_in_;  ///< the tick of each frame's last use
  FrameOrder order_;
};

/// A counter a page: at each tick it moves right by a bit, and the reference bit enters from the
/// left. The reference bit of the tick that is under way counts as the bit before.
class Aging final : public BitPolicy {
 public:
  Aging(std::size_t capacity, const ReplacementConventions& conventions)
      : BitPolicy(capacity),
        tick_(conventions.tick_references == 0 ? capacity : conventions.tick_references),
        bits_(conventions.aging_bits),
        counters_(capacity),
        order_(capacity) {}
  [[nodiscard]] std::string_view name() const override { return "aging"; }
  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kLowestCounter,
            .among_equals = VictimGround::kFirstFrame,
            .limit = bits_};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const std::uint64_t counter = counter_of(frame_index(number.value, size()));
    return {.referenced = (counter & reference_bit()) != 0, .value = counter};
  }

 private:
  /// As it was at a tick; since then it moved on.
  struct Counter {
    std::uint64_t bits = 0;
    std::uint64_t tick = 0;
  };

  [[nodiscard]] std::uint64_t counter_of(FrameIndex frame) const {
    const Counter& counter = counters_[frame];
    const std::uint64_t ticks = ticks_ - counter.tick;
    return ticks < 64 ? counter.bits >> ticks : 0;
  }
  [[nodiscard]] std::uint64_t reference_bit() const { return std::uint64_t{1} << bits_; }
  std::optional<FrameIndex> choose(Evictable evictable) override {
    return order_.lowest([this](FrameIndex frame) { return frames_[frame].resident; },
                         [this](FrameIndex frame) { return counter_of(frame); }, evictable);
  }
  void referred(FrameIndex frame) override {
    counters_[frame] = {counter_of(frame) | reference_bit(), ticks_};
    if (now_ % tick_ != 0) return;
    ++ticks_;
    order_.forget();
  }
  void came_in(FrameIndex frame) override { order_.may_have_fallen(frame, counter_of(frame)); }
  void went(FrameIndex frame) override { counters_[frame] = {}; }

  std::uint64_t tick_;
  unsigned bits_;            ///< of a counter
  std::uint64_t ticks_ = 0;  ///< so far
  std::vector<Counter> counters_;
  FrameOrder order_;
};

/// CLOCK that also sees the dirty bit: a round for pages neither used nor dirty; a round for those
/// only dirty, which clears reference bits; and both again.
class EnhancedClock final : public BitPolicy {
 public:
  explicit EnhancedClock(std::size_t capacity) : BitPolicy(capacity) {}
  [[nodiscard]] std::string_view name() const override { return "enhanced-clock"; }
  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kRoundOfHand, .count = round_};
  }
  [[nodiscard]] std::optional<FrameNo> hand() const override { return FrameNo{hand_}; }

 private:
  std::optional<FrameIndex> choose(Evictable evictable) override {
    const FrameIndex start = hand_;
    for (unsigned round = 1; round <= 4; ++round) {
      const bool dirty = round % 2 == 0;
      for (FrameIndex step = 0; step < size(); ++step, hand_ = after(hand_)) {
        Frame& frame = frames_[hand_];
        if (!may_go(hand_, evictable)) continue;
        if (!frame.referenced && frame.dirty == dirty) {
          round_ = round;
          return hand_;
        }
        if (round == 2) frame.referenced = false;
      }
    }
    hand_ = start;
    return std::nullopt;
  }
  void came_in(FrameIndex frame) override {
    if (frame == hand_) hand_ = after(hand_);
  }

  FrameIndex hand_ = 0;
  unsigned round_ = 0;  ///< in which the last victim was found
};

/// The hand takes the first clean page that has left the working set. If a round finds none, the
/// first clean page that it did not just see used will do, then the first page.
class WsClock final : public BitPolicy {
 public:
  WsClock(std::size_t capacity, std::uint64_t span)
      : BitPolicy(capacity), span_(span == 0 ? 4 * capacity : span), blocks_(capacity / kBlock) {}
  [[nodiscard]] std::string_view name() const override { return "wsclock"; }
  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = ground_, .limit = span_};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    FrameMarks marks = BitPolicy::marks(number);
    marks.noted_use = frames_[number.value].last_use;
    return marks;
  }
  [[nodiscard]] std::optional<FrameNo> hand() const override { return FrameNo{hand_}; }

 private:
  static constexpr FrameIndex kBlock = 64;
  /// What is known of 64 frames together.
  struct Block {
    std::uint64_t referenced = 0;                                      ///< a bit for each
    std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();  ///< no use is older
  };
  struct Found {
    std::optional<FrameIndex> aged;
    std::optional<FrameIndex> clean;
    std::optional<FrameIndex> any;
  };

  std::optional<FrameIndex> choose(Evictable evictable) override {
    Found found;
    FrameIndex at = hand_;
    for (FrameIndex step = 0; step < size();) {
      FrameIndex frames = 1;
      const bool is_block =
          at % kBlock == 0 && at / kBlock < blocks_.size() && step + kBlock <= size();
      if (is_block) frames = kBlock;
      const bool skips = is_block && found.any && found.clean && is_quiet(blocks_[at / kBlock]);
      for (FrameIndex frame = at; !skips && frame < at + frames; ++frame) {
        look_at(frame, evictable, found);
        if (found.aged) return take(*found.aged, VictimGround::kLeftWorkingSet);
      }
      if (is_block && !skips) look_for_oldest(at / kBlock);
      step += frames;
      at = at + frames == size() ? 0 : at + frames;
    }
    if (found.clean) return take(*found.clean, VictimGround::kFirstClean);
    if (found.any) return take(*found.any, VictimGround::kWhereHandStood);
    return std::nullopt;
  }

  FrameIndex take(FrameIndex frame, VictimGround ground) {
    ground_ = ground;
    return hand_ = frame;
  }

  /// Whether the hand would find nothing to do there.
  [[nodiscard]] bool is_quiet(const Block& block) const {
    return block.referenced == 0 && (block.oldest >= now_ || now_ - block.oldest <= span_);
  }

  void look_at(FrameIndex at, Evictable evictable, Found& found) {
    Frame& frame = frames_[at];
    if (!may_go(at, evictable)) return;
    if (!found.any) found.any = at;
    if (frame.referenced) {
      frame.referenced = false;
      frame.last_use = now_;
      if (at / kBlock < blocks_.size())
        blocks_[at / kBlock].referenced &= ~(std::uint64_t{1} << at % kBlock);
      return;
    }
    if (frame.dirty) return;
    if (!found.clean) found.clean = at;
    if (now_ - frame.last_use > span_) found.aged = at;
  }

  void look_for_oldest(FrameIndex number) {
    Block& block = blocks_[number];
    block = {};
    for (FrameIndex i = 0; i < kBlock; ++i) {
      const Frame& frame = frames_[number * kBlock + i];
      if (!frame.resident) continue;
      block.oldest = std::min(block.oldest, frame.last_use);
      if (frame.referenced) block.referenced |= std::uint64_t{1} << i;
    }
  }

  void referred(FrameIndex frame) override {
    if (frame / kBlock >= blocks_.size()) return;
    Block& block = blocks_[frame / kBlock];
    block.referenced |= std::uint64_t{1} << frame % kBlock;
    block.oldest = std::min(block.oldest, frames_[frame].last_use);
  }
  void came_in(FrameIndex frame) override {
    if (frame == hand_) hand_ = after(hand_);
  }

  std::uint64_t span_;
  std::vector<Block> blocks_;  ///< the frames behind the last whole one are in none
  FrameIndex hand_ = 0;
  VictimGround ground_ = VictimGround::kUnsaid;  ///< of the last victim
};

/// Draws a frame for each page that comes in; the victim is the next one from there that may go.
class RandomReplacement final : public BitPolicy {
 public:
  RandomReplacement(std::size_t capacity, std::uint64_t seed)
      : BitPolicy(capacity), random_(seed), start_(draw()) {}
  [[nodiscard]] std::string_view name() const override { return "random"; }
  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kDrawnByLot};
  }

 private:
  [[nodiscard]] FrameIndex draw() { return static_cast<FrameIndex>(random_.below(size())); }

  std::optional<FrameIndex> choose(Evictable evictable) override {
    FrameIndex frame = start_;
    for (FrameIndex step = 0; step < size(); ++step, frame = after(frame))
      if (may_go(frame, evictable)) return frame;
    return std::nullopt;
  }
  void came_in(FrameIndex) override { start_ = draw(); }

  Random random_;
  FrameIndex start_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_nru(std::size_t capacity,
                                            const ReplacementConventions& conventions) {
  return std::make_unique<Nru>(capacity, conventions.tick_references);
}

std::unique_ptr<ReplacementPolicy> make_enhanced_clock(std::size_t capacity,
                                                       const ReplacementConventions&) {
  return std::make_unique<EnhancedClock>(capacity);
}

std::unique_ptr<ReplacementPolicy> make_aging(std::size_t capacity,
                                              const ReplacementConventions& conventions) {
  return std::make_unique<Aging>(capacity, conventions);
}

std::unique_ptr<ReplacementPolicy> make_wsclock(std::size_t capacity,
                                                const ReplacementConventions& conventions) {
  return std::make_unique<WsClock>(capacity, conventions.working_set_references);
}

std::unique_ptr<ReplacementPolicy> make_random_replacement(
    std::size_t capacity, const ReplacementConventions& conventions) {
  return std::make_unique<RandomReplacement>(capacity, conventions.seed);
}

}  // namespace spindle
