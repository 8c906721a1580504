// ARC (Megiddo and Modha: "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003).
//
// T1 holds pages used once, T2 pages used again; B1 and B2 remember what left them. A page that
// returns while B1 knows it moves the target size p of T1 up, one that B2 knows moves it down.
//
// The paper serves a miss in one step: adapt p, REPLACE, load. Here the owner calls `victim` and
// `erased` (REPLACE) before `inserted` (load). So `victim` computes the adapted p for the incoming
// page from the sizes that the ghosts have at that point, and `inserted` makes it p.

#include <algorithm>
#include <vector>

#include "frame_lists.h"
#include "ghost_list.h"
#include "replacement_policies.h"
#include "run_policy.h"

namespace spindle {
namespace {

class Arc final : public InlinedPolicy<Arc> {
 public:
  explicit Arc(std::size_t capacity) : frames_(capacity), keys_(capacity), ghosts_(capacity + 1) {}
  [[nodiscard]] std::string_view name() const override { return "arc"; }

  void inserted(FrameNo number, PageKey key) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    CHECK(frames_.tag(frame) == kEmpty);
    const Lookup lookup = incoming_ && incoming_->key == key ? *incoming_ : look_up(key);
    incoming_.reset();
    target_ = lookup.target;
    const bool is_ghost = lookup.ghost != Ghosts::kNoList;
    if (is_ghost) ghosts_.erase(key);
    keys_[frame] = key;
    frames_.tag(frame) = is_ghost ? kOften : kOnce;
    frames_.push_front(is_ghost ? kT2 : kT1, frame);
    trim_ghosts();
  }

  void touched(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != kEmpty);
    frames_.remove((tag & kInT2) != 0 ? kT2 : kT1, frame);
    frames_.push_front(kT2, frame);
    tag = kOften;
  }

  void erased(FrameNo number) override {
    const FrameIndex frame = frame_index(number.value, frames_.capacity());
    std::uint8_t& tag = frames_.tag(frame);
    CHECK(tag != kEmpty);
    const bool in_t2 = (tag & kInT2) != 0;
    if ((tag & kNamed) != 0) remember(in_t2 ? kB2 : kB1, keys_[frame]);
    frames_.remove(in_t2 ? kT2 : kT1, frame);
    tag = kEmpty;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey> incoming) override {
    incoming_.reset();
    if (incoming) incoming_ = look_up(*incoming);
    const std::size_t target = next_target();
    const bool from_b2 = incoming_ && incoming_->ghost == kB2;
    const std::size_t t1 = frames_.size(kT1);
    const bool from_t1 = t1 != 0 && (t1 > target || (from_b2 && t1 == target));
    FrameIndex frame = last_of(from_t1 ? kT1 : kT2, evictable);
    if (frame == kEnd) frame = last_of(from_t1 ? kT2 : kT1, evictable);
    if (frame == kEnd) return std::nullopt;
    frames_.tag(frame) |= kNamed;
    return FrameNo{frame};
  }

  [[nodiscard]] VictimReason reason(FrameNo number) const override {
    const std::uint8_t tag = frames_.tag(frame_index(number.value, frames_.capacity()));
    return {.ground = (tag & kInT2) != 0 ? VictimGround::kLongestUnusedOfKept
                                         : VictimGround::kOldestOfNew,
            .count = frames_.size(kT1),
            .limit = next_target()};
  }

 private:
  enum List : FrameIndex { kT1, kT2 };
  enum Tag : std::uint8_t { kEmpty = 0, kOnce = 1, kInT2 = 2, kOften = 3, kNamed = 4 };
  enum Ghost : std::uint32_t { kB1, kB2 };
  using Ghosts = GhostLists<2>;
  struct Lookup {
    PageKey key = 0;
    std::uint32_t ghost = Ghosts::kNoList;
    std::size_t target = 0;  ///< p once the page is loaded
  };
  static constexpr FrameIndex kEnd = FrameLists<2>::kEnd;

  [[nodiscard]] std::size_t next_target() const { return incoming_ ? incoming_->target : target_; }

  [[nodiscard]] Lookup look_up(PageKey key) const {
    const std::uint32_t ghost = ghosts_.find(key);
    const std::size_t b1 = ghosts_.size(kB1);
    const std::size_t b2 = ghosts_.size(kB2);
    if (ghost == kB1) {
      const std::size_t step = std::max<std::size_t>(1, b2 / b1);
      return {key, ghost, std::min<std::size_t>(target_ + step, frames_.capacity())};
    }
    if (ghost == kB2) {
      const std::size_t step = std::max<std::size_t>(1, b1 / b2);
      return {key, ghost, target_ - std::min(target_, step)};
    }
    return {key, ghost, target_};
  }

  /// One more than fits may stand there until the page comes in for which room is made.
  void remember(Ghost list, PageKey key) {
    if (ghosts_.size(kB1) + ghosts_.size(kB2) > frames_.capacity())
      ghosts_.pop_back(ghosts_.size(kB2) != 0 ? kB2 : kB1);
    ghosts_.push_front(list, key);
  }

  /// |T1| + |B1| <= c, and with all frames in use all four lists together <= 2c.
  void trim_ghosts() {
    const std::size_t capacity = frames_.capacity();
    while (ghosts_.size(kB1) != 0 && frames_.size(kT1) + ghosts_.size(kB1) > capacity)
      ghosts_.pop_back(kB1);
    while (ghosts_.size(kB2) != 0 && ghosts_.size(kB1) + ghosts_.size(kB2) > capacity)
      ghosts_.pop_back(kB2);
  }

  [[nodiscard]] FrameIndex last_of(List list, Evictable evictable) const {
    FrameIndex frame = frames_.back(list);
    while (frame != kEnd && !evictable(FrameNo{frame})) frame = frames_.towards_front(frame);
    return frame;
  }

  FrameLists<2> frames_;
  std::vector<PageKey> keys_;
  Ghosts ghosts_;
  std::size_t target_ = 0;          ///< p: how many frames T1 should have
  std::optional<Lookup> incoming_;  ///< what `victim` found about the page it made room for
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_arc(std::size_t capacity, const ReplacementConventions&) {
  return std::make_unique<Arc>(capacity);
}

}  // namespace spindle
