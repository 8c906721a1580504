// CLOCK (Corbato 1968): the frames stand in a circle, each with a reference bit; the hand clears
// bits until it meets one that is clear.
//
// The circle is the array of frames itself. The hand stays on the victim until a page is loaded
// there, and then moves on; so `victim` asked twice gives the same answer.

#include <vector>

#include "frame_lists.h"
#include "replacement_policies.h"

namespace spindle {
namespace {

class Clock final : public ReplacementPolicy {
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

}  // namespace

std::unique_ptr<ReplacementPolicy> make_clock(std::size_t capacity,
                                              const ReplacementConventions& conventions) {
  return std::make_unique<Clock>(capacity, conventions.clock_bit_on_load);
}

}  // namespace spindle
