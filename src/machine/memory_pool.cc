#include "memory_pool.h"

#include <algorithm>

namespace spindle {

ReplacementPool::ReplacementPool(std::vector<Frame>& frames, std::string name,
                                 const ReplacementConventions& conventions, std::size_t capacity)
    : frames_(frames), name_(std::move(name)), conventions_(conventions) {
  frame_at_.assign(capacity, kNoFrame);
  for (std::size_t place = capacity; place-- > 0;)
    free_.push_back(static_cast<std::uint32_t>(place));
  policy_ = make_replacement_policy(name_, capacity, conventions_).take();
}

void ReplacementPool::insert(FrameIndex index) {
  if (free_.empty()) {
    const auto old = static_cast<std::uint32_t>(frame_at_.size());
    frame_at_.resize(2 * std::size_t{old}, kNoFrame);
    for (std::uint32_t place = 2 * old; place-- > old;) free_.push_back(place);
    policy_ = make_replacement_policy(name_, frame_at_.size(), conventions_).take();
    retell();
  }
  Frame& frame = frames_[index];
  frame.pool = this;
  frame.pool_place = free_.back();
  free_.pop_back();
  frame_at_[frame.pool_place] = index;
  ++size_;
  policy_->inserted(FrameNo{frame.pool_place}, frame.key);
  if (frame.dirty) policy_->set_dirty(FrameNo{frame.pool_place}, true);
}

void ReplacementPool::erase(FrameIndex index) {
  Frame& frame = frames_[index];
  policy_->erased(FrameNo{frame.pool_place});
  frame_at_[frame.pool_place] = kNoFrame;
  free_.push_back(frame.pool_place);
  frame.pool = nullptr;
  --size_;
}

std::vector<FrameIndex> ReplacementPool::frames() const {
  std::vector<FrameIndex> all;
  for (FrameIndex frame : frame_at_)
    if (frame != kNoFrame) all.push_back(frame);
  return all;
}

// Tells a new policy what is there.
void ReplacementPool::retell() {
  std::vector<FrameIndex> known = frames();
  std::ranges::stable_sort(known, {}, [this](FrameIndex f) { return frames_[f].last_use; });
  for (FrameIndex index : known) {
    const Frame& frame = frames_[index];
    policy_->inserted(FrameNo{frame.pool_place}, frame.key);
    if (frame.dirty) policy_->set_dirty(FrameNo{frame.pool_place}, true);
  }
}

void ReplacementPool::set_policy(std::string name) {
  name_ = std::move(name);
  policy_ = make_replacement_policy(name_, frame_at_.size(), conventions_).take();
  retell();
}

void ReplacementPool::set_policy(std::unique_ptr<ReplacementPolicy> policy) {
  policy_ = std::move(policy);
  retell();
}

}  // namespace spindle
