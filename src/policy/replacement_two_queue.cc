// 2Q, the full version (Johnson and Shasha: "2Q: A Low Overhead High Performance Buffer Management
// Replacement Algorithm", VLDB 1994), with Kin a quarter and Kout half of the frames.
//
// A new page enters the FIFO A1in; a use there changes nothing. What falls out of A1in is
// remembered in A1out; a page that comes back while it is remembered enters Am, an LRU list.

#include <algorithm>
#include <vector>

#include "frame_lists.h"
#include "ghost_list.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

class TwoQueue final : public InlinedPolicy<TwoQueue> {
 public:
  explicit TwoQueue(std::size_t capacity)
      : frames_(capacity),
        keys_(capacity),
        a1in_limit_(std::max<std::size_t>(1, capacity / 4)),
        a1out_limit_(std::max<std::size_t>(1, capacity / 2)),
        a1out_(a1out_limit_) {}
  [[nodiscard]] std::string_view name() const override { return "2q"; }

  void inserted(FrameNo number, PageKey key) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == kEmpty);
    // Making room may have pushed the page's own key out of A1out; the paper looks before that.
    const bool remembered = a1out_.erase(key) || remembered_ == key;
    remembered_.reset();
    keys_[frame] = key;
    frames_.tag(frame) = remembered ? kMain : kIn;
    frames_.push_front(remembered ? kAm : kA1in, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != kEmpty);
    if (tag == kMain) frames_.move_to_front(kAm, frame);
    if (tag == kInNamed) tag = kIn;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != kEmpty);
    if (tag == kInNamed) remember(keys_[frame]);
    frames_.remove(tag == kMain ? kAm : kA1in, frame);
    tag = kEmpty;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey> incoming) override {
    remembered_.reset();
    if (incoming && a1out_.find(*incoming) == 0) remembered_ = incoming;
    const bool from_in = frames_.size(kA1in) > a1in_limit_ || frames_.size(kAm) == 0;
    FrameIndex frame = last_of(from_in ? kA1in : kAm, evictable);
    if (frame == kEnd) frame = last_of(from_in ? kAm : kA1in, evictable);
    if (frame == kEnd) return std::nullopt;
    if (frames_.tag(frame) == kIn) frames_.tag(frame) = kInNamed;
    return FrameNo{frame};
  }

  [[nodiscard]] VictimReason reason(FrameNo number) const override {
    const bool is_kept = frames_.tag(frame_index(number.value, frames_.capacity())) == kMain;
    return {.ground = is_kept ? VictimGround::kLongestUnusedOfKept : VictimGround::kOldestOfNew,
            .count = frames_.size(kA1in),
            .limit = a1in_limit_};
  }

 private:
  enum List : FrameIndex { kA1in, kAm };
  /// kInNamed: in A1in, and the answer of `victim`; to be remembered if it goes now.
  enum State : std::uint8_t { kEmpty, kIn, kInNamed, kMain };
  static constexpr FrameIndex kEnd = FrameLists<2>::kEnd;

  void remember(PageKey key) {
    if (a1out_.size(0) == a1out_limit_) a1out_.pop_back(0);
    a1out_.push_front(0, key);
  }

  [[nodiscard]] FrameIndex last_of(List list, Evictable evictable) const {
    FrameIndex frame = frames_.back(list);
    while (frame != kEnd && !evictable(FrameNo{frame})) frame = frames_.towards_front(frame);
    return frame;
  }

  FrameLists<2> frames_;
  std::vector<PageKey> keys_;
  std::size_t a1in_limit_;
  std::size_t a1out_limit_;
  GhostLists<1> a1out_;
  std::optional<PageKey> remembered_;  ///< the incoming page, if A1out knew it at `victim`
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_two_queue(std::size_t capacity,
                                                  const ReplacementConventions&) {
  return std::make_unique<TwoQueue>(capacity);
}

}  // namespace spindle
