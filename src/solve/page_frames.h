// PageFrames: memory as a textbook draws it, a row of frames and a policy that says whose page
// goes.
//
//   PageFrames frames(std::move(policy), 3);
//   if (!frames.refer(page).hit) ++faults;
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "spindle/policy/replacement_policy.h"

namespace spindle {

/// Frames are filled from the lowest on; when none is empty, the victim's takes the new page.
class PageFrames {
 public:
  PageFrames(std::unique_ptr<ReplacementPolicy> policy, std::size_t count)
      : policy_(std::move(policy)), count_(count) {}

  struct Reference {
    bool hit = false;
    FrameNo frame;                  ///< where the page is now
    std::optional<PageKey> victim;  ///< whose frame it was
  };
  /// What the policy says of the choice of a victim.
  struct Choice {
    VictimReason reason;
    std::optional<FrameNo> hand;     ///< where it stood before the search
    std::vector<FrameMarks> before;  ///< of each frame
    std::vector<FrameMarks> after;   ///< as the search left them
  };
  /// Fills `choice`, if it is given and a page had to go.
  Reference refer(PageKey page, Choice* choice = nullptr);
  /// For a frame that holds a page.
  void set_dirty(FrameNo frame) { policy_->set_dirty(frame, true); }

  /// The pages by frame, as many as are filled.
  [[nodiscard]] const std::vector<PageKey>& pages() const { return pages_; }

 private:
  [[nodiscard]] FrameNo choose(PageKey incoming, Choice* choice);
  [[nodiscard]] std::vector<FrameMarks> marks() const;

  std::unique_ptr<ReplacementPolicy> policy_;
  std::size_t count_;
  std::vector<PageKey> pages_;
  std::unordered_map<PageKey, std::size_t> where_;
};

}  // namespace spindle
