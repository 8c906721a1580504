// What a machine's reference and dirty bits allow: NRU, enhanced CLOCK, ageing (all three as in
// Tanenbaum), WSClock (Carr and Hennessy 1981); and random replacement, which needs no bits.
//
// All keep one record a frame, and look at each frame a few times for a victim. What `victim`
// named stays named until something happens, so that asked twice it answers the same.

#include <algorithm>
#include <vector>

#include "frame_lists.h"
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
    happened(true);
    came_in(static_cast<FrameIndex>(number.value));
  }

  void touched(FrameNo number) override {
    Frame& frame = frame_of(number);
    CHECK(frame.resident);
    frame.referenced = true;
    happened(true);
  }

  void set_dirty(FrameNo number, bool dirty) override {
    frame_of(number).dirty = dirty;
    happened(false);
  }

  void erased(FrameNo number) override {
    Frame& frame = frame_of(number);
    CHECK(frame.resident);
    frame = {};
    happened(false);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    if (named_ && frames_[*named_].resident && evictable(FrameNo{*named_})) return FrameNo{*named_};
    const std::optional<FrameIndex> found = choose(evictable);
    if (!found) return std::nullopt;
    named_ = found;
    return FrameNo{*found};
  }

 protected:
  struct Frame {
    bool resident = false;
    bool referenced = false;
    bool dirty = false;
    std::uint64_t counter = 0;   ///< ageing's
    std::uint64_t last_use = 0;  ///< as WSClock saw it, in references
  };

  virtual std::optional<FrameIndex> choose(Evictable evictable) = 0;
  /// After each reference.
  virtual void referred() {}
  virtual void came_in(FrameIndex) {}

  [[nodiscard]] FrameIndex size() const { return static_cast<FrameIndex>(frames_.size()); }
  [[nodiscard]] FrameIndex after(FrameIndex frame) const {
    return frame + 1 == size() ? 0 : frame + 1;
  }
  [[nodiscard]] bool may_go(FrameIndex frame, Evictable evictable) const {
    return frames_[frame].resident && evictable(FrameNo{frame});
  }

  /// The one with the lowest key, from frame 0 on.
  template <class Key>
  std::optional<FrameIndex> lowest(Evictable evictable, Key&& key) const {
    std::optional<FrameIndex> best;
    for (FrameIndex frame = 0; frame < size(); ++frame)
      if (may_go(frame, evictable) && (!best || key(frames_[frame]) < key(frames_[*best])))
        best = frame;
    return best;
  }

  std::vector<Frame> frames_;
  std::uint64_t now_ = 0;  ///< references so far

 private:
  Frame& frame_of(FrameNo number) { return frames_[frame_index(number.value, size())]; }

  void happened(bool reference) {
    named_.reset();
    if (!reference) return;
    ++now_;
    referred();
  }

  std::optional<FrameIndex> named_;
};

/// Not recently used: the lowest of four classes, neither used nor dirty, dirty, used, both. A tick
/// of the clock forgets who was used.
class Nru final : public BitPolicy {
 public:
  Nru(std::size_t capacity, std::uint64_t tick)
      : BitPolicy(capacity), tick_(tick == 0 ? capacity : tick) {}
  [[nodiscard]] std::string_view name() const override { return "nru"; }

 private:
  std::optional<FrameIndex> choose(Evictable evictable) override {
    return lowest(evictable, [](const Frame& f) { return 2 * f.referenced + f.dirty; });
  }
  void referred() override {
    if (now_ % tick_ == 0)
      for (Frame& frame : frames_) frame.referenced = false;
  }

  std::uint64_t tick_;
};

/// A counter a page: at each tick it moves right by a bit, and the reference bit enters from the
/// left. The reference bit of the tick that is under way counts as the bit before.
class Aging final : public BitPolicy {
 public:
  Aging(std::size_t capacity, const ReplacementConventions& conventions)
      : BitPolicy(capacity),
        tick_(conventions.tick_references == 0 ? capacity : conventions.tick_references),
        bits_(conventions.aging_bits) {}
  [[nodiscard]] std::string_view name() const override { return "aging"; }

 private:
  std::optional<FrameIndex> choose(Evictable evictable) override {
    return lowest(evictable, [this](const Frame& f) {
      return f.counter | (f.referenced ? std::uint64_t{1} << bits_ : 0);
    });
  }
  void referred() override {
    if (now_ % tick_ != 0) return;
    for (Frame& frame : frames_) {
      frame.counter = frame.counter >> 1 | (frame.referenced ? std::uint64_t{1} << (bits_ - 1) : 0);
      frame.referenced = false;
    }
  }

  std::uint64_t tick_;
  unsigned bits_;
};

/// CLOCK that also sees the dirty bit: a round for pages neither used nor dirty; a round for those
/// only dirty, which clears reference bits; and both again.
class EnhancedClock final : public BitPolicy {
 public:
  explicit EnhancedClock(std::size_t capacity) : BitPolicy(capacity) {}
  [[nodiscard]] std::string_view name() const override { return "enhanced-clock"; }

 private:
  std::optional<FrameIndex> choose(Evictable evictable) override {
    const FrameIndex start = hand_;
    for (int round = 0; round < 4; ++round) {
      const bool dirty = round % 2 == 1;
      for (FrameIndex step = 0; step < size(); ++step, hand_ = after(hand_)) {
        Frame& frame = frames_[hand_];
        if (!may_go(hand_, evictable)) continue;
        if (!frame.referenced && frame.dirty == dirty) return hand_;
        if (round == 1) frame.referenced = false;
      }
    }
    hand_ = start;
    return std::nullopt;
  }
  void came_in(FrameIndex frame) override {
    if (frame == hand_) hand_ = after(hand_);
  }

  FrameIndex hand_ = 0;
};

/// The hand takes the first clean page that has left the working set. If a round finds none, the
/// first clean page that it did not just see used will do, then the first page.
class WsClock final : public BitPolicy {
 public:
  WsClock(std::size_t capacity, std::uint64_t span)
      : BitPolicy(capacity), span_(span == 0 ? 4 * capacity : span) {}
  [[nodiscard]] std::string_view name() const override { return "wsclock"; }

 private:
  std::optional<FrameIndex> choose(Evictable evictable) override {
    std::optional<FrameIndex> clean;
    std::optional<FrameIndex> any;
    FrameIndex at = hand_;
    for (FrameIndex step = 0; step < size(); ++step, at = after(at)) {
      Frame& frame = frames_[at];
      if (!may_go(at, evictable)) continue;
      if (!any) any = at;
      if (frame.referenced) {
        frame.referenced = false;
        frame.last_use = now_;
        continue;
      }
      if (!frame.dirty && !clean) clean = at;
      if (!frame.dirty && now_ - frame.last_use > span_) return hand_ = at;
    }
    if (!any) return std::nullopt;
    return hand_ = clean ? *clean : *any;
  }
  void came_in(FrameIndex frame) override {
    if (frame == hand_) hand_ = after(hand_);
  }

  std::uint64_t span_;
  FrameIndex hand_ = 0;
};

/// A draw for each page that comes in; the next frame from there that may go.
class RandomReplacement final : public BitPolicy {
 public:
  RandomReplacement(std::size_t capacity, std::uint64_t seed)
      : BitPolicy(capacity), random_(seed), start_(draw()) {}
  [[nodiscard]] std::string_view name() const override { return "random"; }

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
