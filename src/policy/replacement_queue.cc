// LRU and FIFO: one list; the page at its back goes. LRU moves a page to the front at each use.

#include "frame_lists.h"
#include "replacement_policies.h"

namespace spindle {
namespace {

template <bool kMoveOnUse>
class Queue final : public ReplacementPolicy {
 public:
  explicit Queue(std::size_t capacity) : frames_(capacity) {}
  [[nodiscard]] std::string_view name() const override { return kMoveOnUse ? "lru" : "fifo"; }

  void inserted(FrameNo number, PageKey) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == 0);
    frames_.tag(frame) = 1;
    frames_.push_front(0, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != 0);
    if constexpr (kMoveOnUse) frames_.move_to_front(0, frame);
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) != 0);
    frames_.tag(frame) = 0;
    frames_.remove(0, frame);
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    for (FrameIndex frame = frames_.back(0); frame != FrameLists<1>::kEnd;
         frame = frames_.towards_front(frame))
      if (evictable(FrameNo{frame})) return FrameNo{frame};
    return std::nullopt;
  }

 private:
  FrameLists<1> frames_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_lru(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Queue<true>>(capacity);
}

std::unique_ptr<ReplacementPolicy> make_fifo(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Queue<false>>(capacity);
}

}  // namespace spindle
