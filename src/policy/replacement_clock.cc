// CLOCK (Corbato 1968): the frames stand in a circle, each with a reference bit; the hand clears
// bits until it meets one that is clear.
//
// The circle is the array of frames itself. The hand stays on the victim until a page is loaded
// there, and then moves on; so `victim` asked twice gives the same answer.

// SECOND CHANCE is the same rule kept as a queue: a page with its bit set goes to the front of the
// queue, the bit cleared.

#include <vector>

#include "frame_lists.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

class Clock final : public InlinedPolicy<Clock> {
 public:
  Clock(std::size_t capacity, bool bit_on_load) : frames_(capacity), bit_on_load_(bit_on_load) {}
  [[nodiscard]] std::string_view name() const override { return "clock"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = index_of(number);
    CHECK(frames_[frame] == kEmpty);
    frames_[frame] = bit_on_load_ ? kReferenced : kResident;
    if (frame == hand_) advance();
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(frames_[frame] != kEmpty);
    frames_[frame] = kReferenced;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = index_of(number);
    CHECK(frames_[frame] != kEmpty);
    frames_[frame] = kEmpty;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    const FrameIndex start = hand_;
    for (std::size_t step = 0; step < 2 * frames_.size(); ++step, advance()) {
      std::uint8_t& state = frames_[hand_];
      if (state == kEmpty || !evictable(FrameNo{hand_})) continue;
      if (state == kResident) return FrameNo{hand_};
      state = kResident;
    }
    hand_ = start;
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kBitFoundClear};
  }
  [[nodiscard]] FrameMarks marks(FrameNo frame) const override {
    return {.referenced = frames_[index_of(frame)] == kReferenced};
  }
  [[nodiscard]] std::optional<FrameNo> hand() const override { return FrameNo{hand_}; }

 private:
  enum State : std::uint8_t { kEmpty, kResident, kReferenced };

  [[nodiscard]] FrameIndex index_of(FrameNo number) const {
    return frame_index(number.value, static_cast<FrameIndex>(frames_.size()));
  }
  void advance() { hand_ = hand_ + 1 == frames_.size() ? 0 : hand_ + 1; }

  std::vector<std::uint8_t> frames_;
  FrameIndex hand_ = 0;
  bool bit_on_load_;
};

class SecondChance final : public InlinedPolicy<SecondChance> {
 public:
  SecondChance(std::size_t capacity, bool bit_on_load)
      : frames_(capacity), bit_on_load_(bit_on_load) {}
  [[nodiscard]] std::string_view name() const override { return "second-chance"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == kEmpty);
    frames_.tag(frame) = bit_on_load_ ? kReferenced : kResident;
    frames_.push_front(0, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != kEmpty);
    frames_.tag(frame) = kReferenced;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != kEmpty);
    frames_.tag(frame) = kEmpty;
    frames_.remove(0, frame);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    // What gets its second chance goes to the front, and is met again on this same walk.
    for (FrameIndex frame = frames_.back(0); frame != kEnd;) {
      const FrameIndex next = frames_.towards_front(frame);
      if (evictable(FrameNo{frame})) {
        if (frames_.tag(frame) == kResident) return FrameNo{frame};
        frames_.tag(frame) = kResident;
        if (next == kEnd) continue;
        frames_.move_to_front(0, frame);
      }
      frame = next;
    }
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kBitFoundClearInRow};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    return {.referenced =
                frames_.tag(frame_index(number.value, frames_.capacity())) == kReferenced};
  }

 private:
  enum State : std::uint8_t { kEmpty, kResident, kReferenced };
  static constexpr FrameIndex kEnd = FrameLists<1>::kEnd;

  FrameLists<1> frames_;
  bool bit_on_load_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_second_chance(std::size_t capacity,
                                                      const ReplacementConventions& conventions) {
  return std::make_unique<SecondChance>(capacity, conventions.clock_bit_on_load);
}

std::unique_ptr<ReplacementPolicy> make_clock(std::size_t capacity,
                                              const ReplacementConventions& conventions) {
  return std::make_unique<Clock>(capacity, conventions.clock_bit_on_load);
}

}  // namespace spindle
