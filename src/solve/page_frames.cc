#include "page_frames.h"

namespace spindle {

PageFrames::Reference PageFrames::refer(PageKey page) {
  if (const auto found = where_.find(page); found != where_.end()) {
    const FrameNo frame{found->second};
    policy_->touched(frame);
    return {.hit = true, .frame = frame};
  }
  Reference reference{.frame = FrameNo{pages_.size()}};
  if (pages_.size() == count_) {
    reference.frame = *policy_->victim({}, page);
    policy_->erased(reference.frame);
    PageKey& held = pages_[reference.frame.value];
    reference.victim = held;
    where_.erase(held);
    held = page;
  } else {
    pages_.push_back(page);
  }
  where_[page] = reference.frame.value;
  policy_->inserted(reference.frame, page);
  return reference;
}

}  // namespace spindle
