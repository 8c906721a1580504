// SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024).
//
// A queue in order of arrival; a use sets the page's visited bit and moves nothing. The hand walks
// from the back to the front, clears the bits of visited pages and evicts the first that is not
// visited; what survives keeps its place.

#include "frame_lists.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

class Sieve final : public InlinedPolicy<Sieve> {
 public:
  explicit Sieve(std::size_t capacity) : frames_(capacity) {}
  [[nodiscard]] std::string_view name() const override { return "sieve"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == kEmpty);
    frames_.tag(frame) = kNew;
    frames_.push_front(0, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != kEmpty);
    frames_.tag(frame) = kVisited;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != kEmpty);
    if (hand_ == frame) hand_ = frames_.towards_front(frame);
    frames_.tag(frame) = kEmpty;
    frames_.remove(0, frame);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    FrameIndex frame = hand_;
    for (std::size_t step = 0; step < 2 * frames_.size(0); ++step) {
      if (frame == kEnd) frame = frames_.back(0);
      if (evictable(FrameNo{frame})) {
        if (frames_.tag(frame) == kNew) {
          hand_ = frame;
          return FrameNo{frame};
        }
        frames_.tag(frame) = kNew;
      }
      frame = frames_.towards_front(frame);
    }
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = VictimGround::kNotVisitedAgain};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    return {.referenced = frames_.tag(frame_index(number.value, frames_.capacity())) == kVisited};
  }

 private:
  enum State : std::uint8_t { kEmpty, kNew, kVisited };
  static constexpr FrameIndex kEnd = FrameLists<1>::kEnd;

  FrameLists<1> frames_;
  FrameIndex hand_ = kEnd;  ///< kEnd: at the back
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_sieve(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Sieve>(capacity);
}

}  // namespace spindle
