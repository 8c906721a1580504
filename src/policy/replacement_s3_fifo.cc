// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP
// 2023).
//
// A small FIFO of a tenth of the frames filters what is used once; what was used more than once
// while in it moves to the main FIFO, the rest leaves its key in the ghost FIFO, and enters the
// main one if it returns in time. The main FIFO gives a page another round for each use counted,
// three at most.

#include <algorithm>
#include <vector>

#include "frame_lists.h"
#include "ghost_list.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

class S3Fifo final : public InlinedPolicy<S3Fifo> {
 public:
  explicit S3Fifo(std::size_t capacity)
      : frames_(capacity),
        keys_(capacity),
        small_limit_(std::max<std::size_t>(1, capacity / 10)),
        main_limit_(capacity - small_limit_),
        ghost_limit_(std::max<std::size_t>(1, main_limit_)),
        ghosts_(ghost_limit_) {}
  [[nodiscard]] std::string_view name() const override { return "s3-fifo"; }

  void inserted(FrameNo number, PageKey key) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == 0);
    const bool remembered = ghosts_.erase(key) || remembered_ == key;
    remembered_.reset();
    keys_[frame] = key;
    frames_.tag(frame) = kResident | (remembered ? kInMain : 0);
    frames_.push_front(remembered ? kMain : kSmall, frame);
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != 0);
    if (frame == named_) named_ = kEnd;
    tag &= static_cast<std::uint8_t>(~kNamed);
    if ((tag & kUses) != kUses) ++tag;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != 0);
    if ((tag & kInMain) == 0 && (tag & kNamed) != 0) remember(keys_[frame]);
    if (frame == named_) named_ = kEnd;
    frames_.remove((tag & kInMain) != 0 ? kMain : kSmall, frame);
    tag = 0;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey> incoming) override {
    remembered_.reset();
    if (incoming && ghosts_.find(*incoming) == 0) remembered_ = incoming;
    // Looking for it may have emptied the small queue so far that a second look would start
    // elsewhere.
    if (named_ != kEnd && evictable(FrameNo{named_})) return FrameNo{named_};
    const bool small_first = frames_.size(kSmall) >= small_limit_;
    for (const bool small : {small_first, !small_first, small_first}) {
      named_ = small ? from_small(evictable) : from_main(evictable);
      if (named_ == kEnd) continue;
      frames_.tag(named_) |= kNamed;
      return FrameNo{named_};
    }
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo number) const override {
    const std::uint8_t tag = frames_.tag(frame_index(number.value, frames_.capacity()));
    return {.ground = (tag & kInMain) != 0 ? VictimGround::kOldestOfMainQueue
                                           : VictimGround::kOldestOfSmallQueue};
  }
  [[nodiscard]] FrameMarks marks(FrameNo number) const override {
    const std::uint8_t tag = frames_.tag(frame_index(number.value, frames_.capacity()));
    return {.value = tag & kUses};
  }

 private:
  enum List : FrameIndex { kSmall, kMain };
  /// The tag of a frame: its uses, 0 to 3, and these; an empty frame's is 0.
  enum Tag : std::uint8_t { kUses = 3, kInMain = 4, kNamed = 8, kResident = 16 };
  static constexpr FrameIndex kEnd = FrameLists<2>::kEnd;

  /// The victim of the small queue; what was used more than once is promoted on the way. Once the
  /// main queue is too long for that, its victim.
  FrameIndex from_small(Evictable evictable) {
    for (FrameIndex frame = frames_.back(kSmall); frame != kEnd;) {
      const FrameIndex next = frames_.towards_front(frame);
      if (evictable(FrameNo{frame})) {
        if ((frames_.tag(frame) & kUses) <= 1) return frame;
        frames_.remove(kSmall, frame);
        frames_.push_front(kMain, frame);
        frames_.tag(frame) = kResident | kInMain;
        if (frames_.size(kMain) > main_limit_) {
          const FrameIndex from_there = from_main(evictable);
          if (from_there != kEnd) return from_there;
        }
      }
      frame = next;
    }
    return kEnd;
  }

  void remember(PageKey key) {
    if (ghosts_.size(0) == ghost_limit_) ghosts_.pop_back(0);
    ghosts_.push_front(0, key);
  }

  FrameIndex from_main(Evictable evictable) {
    // What gets another round goes to the front and so is met again on this same walk.
    for (FrameIndex frame = frames_.back(kMain); frame != kEnd;) {
      const FrameIndex next = frames_.towards_front(frame);
      if (evictable(FrameNo{frame})) {
        if ((frames_.tag(frame) & kUses) == 0) return frame;
        --frames_.tag(frame);
        // Alone at the front, it stays where it is.
        if (next == kEnd) continue;
        frames_.move_to_front(kMain, frame);
      }
      frame = next;
    }
    return kEnd;
  }

  FrameLists<2> frames_;
  std::vector<PageKey> keys_;
  std::size_t small_limit_;
  std::size_t main_limit_;
  std::size_t ghost_limit_;
  GhostLists<1> ghosts_;
  FrameIndex named_ = kEnd;            ///< the answer of the last `victim`, if it still holds
  std::optional<PageKey> remembered_;  ///< the incoming page, if a ghost of it stood at `victim`
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_s3_fifo(std::size_t capacity,
                                                const ReplacementConventions&) {
  return std::make_unique<S3Fifo>(capacity);
}

}  // namespace spindle
