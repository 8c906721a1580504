// The guard of a loaded replacement policy.

#include <algorithm>
#include <vector>

#include "plugins.h"
#include "replacement_policies.h"

namespace spindle {
namespace {

class GuardedReplacement final : public ReplacementPolicy {
 public:
  GuardedReplacement(const Plugin& plugin, std::size_t capacity,
                     const ReplacementConventions& conventions)
      : plugin_(plugin), conventions_(conventions), frames_(capacity) {
    const auto& registration =
        *static_cast<const plugin::ReplacementRegistration*>(plugin.registration);
    if (const auto why = own_.make([&] { return registration.make(capacity, conventions); }))
      replace(*why);
  }

  [[nodiscard]] std::string_view name() const override {
    return plainest_ ? plainest_->name() : plugin_.name;
  }

  void inserted(FrameNo frame, PageKey key) override {
    frames_[frame.value] = {++arrivals_, key};
    if (plainest_) return plainest_->inserted(frame, key);
    tell([&] { own_->inserted(frame, key); });
  }

  void touched(FrameNo frame) override {
    if (plainest_) return plainest_->touched(frame);
    tell([&] { own_->touched(frame); });
  }

  void set_dirty(FrameNo frame, bool dirty) override {
    if (plainest_) return plainest_->set_dirty(frame, dirty);
    tell([&] { own_->set_dirty(frame, dirty); });
  }

  void erased(FrameNo frame) override {
    if (plainest_) plainest_->erased(frame);
    frames_[frame.value] = {};
    if (!plainest_) tell([&] { own_->erased(frame); });
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey> incoming) override {
    if (!plainest_) {
      std::optional<FrameNo> frame;
      Questions questions{*this, evictable, std::nullopt};
      std::optional<std::string> why = own_.ask([&] {
        frame = own_->victim({Questions::may_go, &questions}, incoming);
      });
      if (!why && questions.unknown)
        why = "asked for frame " + std::to_string(questions.unknown->value) + words_of_capacity();
      if (!why) why = fault_of(frame, evictable);
      if (!why) return frame;
      replace(*why);
    }
    return plainest_->victim(evictable, incoming);
  }

  [[nodiscard]] VictimReason reason(FrameNo victim) const override {
    if (plainest_) return plainest_->reason(victim);
    VictimReason reason;
    tell([&] { reason = own_->reason(victim); });
    if (!plainest_ && (!is_ground(reason.ground) || !is_ground(reason.among_equals)))
      replace("gave a reason that does not exist");
    // What took its place has not named this victim.
    return plainest_ ? VictimReason{} : reason;
  }

  [[nodiscard]] FrameMarks marks(FrameNo frame) const override {
    FrameMarks marks;
    if (!plainest_) tell([&] { marks = own_->marks(frame); });
    return plainest_ ? plainest_->marks(frame) : marks;
  }

  [[nodiscard]] std::optional<FrameNo> hand() const override {
    std::optional<FrameNo> hand;
    if (!plainest_) tell([&] { hand = own_->hand(); });
    if (!plainest_ && hand && hand->value >= frames_.size())
      replace("has its hand at frame " + std::to_string(hand->value) + words_of_capacity());
    return plainest_ ? plainest_->hand() : hand;
  }

 private:
  struct Frame {
    std::uint64_t arrival = 0;  ///< 0: the frame is empty
    PageKey key = 0;
  };

  /// What the policy may ask while it looks for a victim: the owner knows only frames that hold a
  /// page.
  struct Questions {
    static bool may_go(void* context, FrameNo frame) {
      auto& [guard, evictable, unknown] = *static_cast<Questions*>(context);
      if (frame.value < guard.frames_.size())
        return guard.frames_[frame.value].arrival != 0 && evictable(frame);
      if (!unknown) unknown = frame;
      return false;
    }
    const GuardedReplacement& guard;
    const Evictable& evictable;
    std::optional<FrameNo> unknown;  ///< the first that it asked for and that does not exist
  };

  [[nodiscard]] std::string words_of_capacity() const {
    return ", although there are only " + std::to_string(frames_.size()) + " frames";
  }

  static bool is_ground(VictimGround ground) { return !victim_ground_name(ground).empty(); }

  template <class Call>
  void tell(const Call& call) const {
    if (const auto why = own_.ask(call)) replace(*why);
  }

  [[nodiscard]] std::optional<std::string> fault_of(std::optional<FrameNo> frame,
                                                    const Evictable& evictable) const {
    if (!frame) {
      for (std::size_t i = 0; i < frames_.size(); ++i)
        if (frames_[i].arrival != 0 && evictable(FrameNo{i}))
          return "named no victim, although frame " + std::to_string(i) + " may go";
      return std::nullopt;
    }
    const std::string words = "named frame " + std::to_string(frame->value) + " as the victim";
    if (frame->value >= frames_.size()) return words + words_of_capacity();
    if (frames_[frame->value].arrival == 0) return words + ", which is empty";
    if (!evictable(*frame)) return words + ", which must stay";
    return std::nullopt;
  }

  /// Lets FIFO take over all pages, in the order in which they came.
  void replace(std::string_view why) const {
    plainest_ = make_fifo(frames_.size(), conventions_);
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < frames_.size(); ++i)
      if (frames_[i].arrival != 0) present.push_back(i);
    std::ranges::sort(present, {}, [this](std::size_t i) { return frames_[i].arrival; });
    for (const std::size_t i : present) plainest_->inserted(FrameNo{i}, frames_[i].key);
    report_misbehaviour(plugin_, why, plainest_->name());
  }

  const Plugin& plugin_;
  ReplacementConventions conventions_;
  std::vector<Frame> frames_;
  std::uint64_t arrivals_ = 0;
  OwnPolicy<ReplacementPolicy> own_{plugin_.library};
  /// Null as long as the policy behaves, which questions can find out, too.
  mutable std::unique_ptr<ReplacementPolicy> plainest_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_guarded_replacement(
    const Plugin& plugin, std::size_t capacity, const ReplacementConventions& conventions) {
  return std::make_unique<GuardedReplacement>(plugin, capacity, conventions);
}

}  // namespace spindle
