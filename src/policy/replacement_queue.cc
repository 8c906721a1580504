// LRU, FIFO and MRU: one list; the page at its back goes. LRU moves a page to the front at each
// use; MRU moves it to the front and takes the victim from there.

#include "frame_lists.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

enum class QueueRule : std::uint8_t { kLru, kFifo, kMru };

template <QueueRule kRule>
class Queue final : public InlinedPolicy<Queue<kRule>> {
 public:
  explicit Queue(std::size_t capacity) : frames_(capacity) {}
  [[nodiscard]] std::string_view name() const override {
    return kRule == QueueRule::kLru ? "lru" : kRule == QueueRule::kFifo ? "fifo" : "mru";
  }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == 0);
    frames_.tag(frame) = 1;
    frames_.push_front(0, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != 0);
    if constexpr (kRule != QueueRule::kFifo) frames_.move_to_front(0, frame);
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != 0);
    frames_.tag(frame) = 0;
    frames_.remove(0, frame);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    FrameIndex frame = kRule == QueueRule::kMru ? frames_.front(0) : frames_.back(0);
    while (frame != kEnd && !evictable(FrameNo{frame}))
      frame = kRule == QueueRule::kMru ? frames_.towards_back(frame) : frames_.towards_front(frame);
    return frame == kEnd ? std::nullopt : std::optional(FrameNo{frame});
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    return {.ground = kRule == QueueRule::kLru    ? VictimGround::kUsedLongestAgo
                      : kRule == QueueRule::kFifo ? VictimGround::kLoadedFirst
                                                  : VictimGround::kUsedLast};
  }

 private:
  static constexpr FrameIndex kEnd = FrameLists<1>::kEnd;

  FrameLists<1> frames_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_lru(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Queue<QueueRule::kLru>>(capacity);
}

std::unique_ptr<ReplacementPolicy> make_fifo(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Queue<QueueRule::kFifo>>(capacity);
}

std::unique_ptr<ReplacementPolicy> make_mru(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Queue<QueueRule::kMru>>(capacity);
}

}  // namespace spindle
