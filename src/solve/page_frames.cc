#include "page_frames.h"

namespace spindle {

PageFrames::Reference PageFrames::refer(PageKey page, Choice* choice) {
  if (const auto found = where_.find(page); found != where_.end()) {
    const FrameNo frame{found->second};
    policy_->touched(frame);
    return {.hit = true, .frame = frame};
  }
  Reference reference{.frame = FrameNo{pages_.size()}};
  if (pages_.size() == count_) {
    reference.frame = choose(page, choice);
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

FrameNo PageFrames::choose(PageKey incoming, Choice* choice) {
  if (choice == nullptr) return *policy_->victim({}, incoming);
  choice->hand = policy_->hand();
  choice->before = marks();
  const FrameNo victim = *policy_->victim({}, incoming);
  choice->after = marks();
  choice->reason = policy_->reason(victim);
  return victim;
}

std::vector<FrameMarks> PageFrames::marks() const {
  std::vector<FrameMarks> all;
  for (std::size_t frame = 0; frame < pages_.size(); ++frame)
    all.push_back(policy_->marks(FrameNo{frame}));
  return all;
}

}  // namespace spindle
