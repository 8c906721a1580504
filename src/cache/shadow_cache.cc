#include "shadow_cache.h"

#include <algorithm>
#include <cmath>

#include "access_log.h"
#include "frame_pool.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

/// A search that passes by so many frames parks them, so that later ones need not.
constexpr std::size_t kParkFrom = 16;

}  // namespace

double ShadowCache::Counts::standard_error_of_misses() const {
  const double mean = static_cast<double>(reads - hits) / kSampleParts;
  double squares = 0;
  for (const std::uint64_t part : misses) {
    const double difference = static_cast<double>(part) - mean;
    squares += difference * difference;
  }
  // One more, since a sample without a miss does not prove that there was none.
  return std::sqrt(1 + squares * kSampleParts / (kSampleParts - 1));
}

ShadowCache::ShadowCache(std::string_view policy, std::size_t frames, BlockHolder* live)
    : name_(policy),
      policy_(make_replacement_policy(policy, frames).take()),
      frames_(frames),
      by_block_(std::min<std::size_t>(frames, 1024)),
      live_(live) {}

void ShadowCache::adopt(std::span<const CacheContents::Present> present,
                        std::span<const std::uint32_t> free_frames) {
  free_.assign(free_frames.begin(), free_frames.end());
  for (const std::uint32_t frame : free_frames) made_ = std::max(made_, frame + 1);
  for (const CacheContents::Present& each : present) {
    if (each.frame >= frames_.size()) continue;
    put(each.block, each.frame, each.read_ahead);
    frames_[each.frame].kept = each.kept;
    made_ = std::max(made_, each.frame + 1);
  }
}

void ShadowCache::accessed(BlockNo block, CacheAccess access) {
  const std::uint32_t frame = by_block_.find(block.value);
  const bool present = frame != NumberTable::kAbsent;
  if (is_read(access)) {
    ++counts_.reads;
    if (present)
      ++counts_.hits;
    else
      ++counts_.misses[scattered(block.value) % kSampleParts];
  }
  if (!present)
    put(block, take_frame(block), access == CacheAccess::kReadAhead);
  else if (access != CacheAccess::kReadAhead)
    use(frame);
}

void ShadowCache::keep(BlockNo block, bool is_kept) {
  const std::uint32_t frame = by_block_.find(block.value);
  if (frame == NumberTable::kAbsent) return;
  frames_[frame].kept = is_kept;
  if (!is_kept && live_ == nullptr) settle(block);
}

void ShadowCache::forget(Run run) {
  if (run.length > by_block_.size())
    return release_if([&](const Frame& frame) { return run.contains(frame.block); });
  for (BlockNo block = run.start; block != run.end(); ++block) {
    const std::uint32_t frame = by_block_.find(block.value);
    if (frame != NumberTable::kAbsent) release(frame);
  }
}

void ShadowCache::empty() {
  release_if([this](const Frame& frame) { return may_go(frame); });
}

void ShadowCache::put(BlockNo block, std::uint32_t frame, bool read_ahead) {
  frames_[frame] = {.block = block, .in_use = true, .read_ahead = read_ahead};
  by_block_.insert(block.value, frame);
  join_policy(frame);
}

std::uint32_t ShadowCache::take_frame(BlockNo incoming) {
  if (!free_.empty()) {
    const std::uint32_t frame = free_.back();
    free_.pop_back();
    return frame;
  }
  if (made_ < frames_.size()) return made_++;
  const std::uint32_t frame = evict_for(incoming);
  by_block_.erase(frames_[frame].block.value);
  leave_policy(frame);
  return frame;
}

std::uint32_t ShadowCache::evict_for(BlockNo incoming) {
  passed_.clear();
  std::optional<FrameNo> victim =
      policy_->victim(Evictable{&ShadowCache::frame_may_go, this}, incoming.value);
  const std::size_t park_from = live_ != nullptr ? FramePool::kParkFrom : kParkFrom;
  if (victim && passed_.size() >= park_from) park_passed(*victim);
  if (!victim) {
    for (std::uint32_t frame = 0; frame < made_; ++frame)
      if (frames_[frame].parked) join_policy(frame);
    victim = policy_->victim(Evictable{}, incoming.value);
  }
  CHECK(victim.has_value());
  return static_cast<std::uint32_t>(victim->value);
}

// The victim may be one that was passed by before too many were.
void ShadowCache::park_passed(FrameNo victim) {
  for (const std::uint32_t frame : passed_) {
    if (frames_[frame].parked || frame == victim.value) continue;  // CLOCK looks at a frame twice
    leave_policy(frame);
    frames_[frame].parked = true;
    ++parked_;
  }
}

void ShadowCache::settle(BlockNo block) {
  const std::uint32_t frame = by_block_.find(block.value);
  if (frame != NumberTable::kAbsent && frames_[frame].parked) join_policy(frame);
}

void ShadowCache::leave_policy(std::uint32_t frame) {
  if (!frames_[frame].parked) policy_->erased(FrameNo{frame});
}

void ShadowCache::join_policy(std::uint32_t frame) {
  unpark(frame);
  policy_->inserted(FrameNo{frame}, frames_[frame].block.value);
}

void ShadowCache::unpark(std::uint32_t frame) {
  if (std::exchange(frames_[frame].parked, false)) --parked_;
}

bool ShadowCache::may_go(const Frame& frame) const {
  return live_ == nullptr ? !frame.kept : live_->may_go(frame.block);
}

bool ShadowCache::frame_may_go(void* context, FrameNo frame) {
  auto& shadow = *static_cast<ShadowCache*>(context);
  const std::size_t passed = shadow.passed_.size();
  if (shadow.live_ == nullptr && shadow.parked_ + passed >= shadow.most_kept()) return true;
  if (shadow.may_go(shadow.frames_[frame.value])) return true;
  if (passed < FramePool::kParkAtMost)
    shadow.passed_.push_back(static_cast<std::uint32_t>(frame.value));
  return false;
}

void ShadowCache::use(std::uint32_t frame) {
  const bool arrives = std::exchange(frames_[frame].read_ahead, false);
  if (frames_[frame].parked) return;
  if (!arrives) return policy_->touched(FrameNo{frame});
  leave_policy(frame);
  join_policy(frame);
}

void ShadowCache::release(std::uint32_t frame) {
  by_block_.erase(frames_[frame].block.value);
  leave_policy(frame);
  unpark(frame);
  frames_[frame].in_use = false;
  free_.push_back(frame);
}

template <class Condition>
void ShadowCache::release_if(Condition condition) {
  // As in the live cache, the lowest frame is the first to be taken again.
  for (std::uint32_t frame = made_; frame-- > 0;)
    if (frames_[frame].in_use && condition(frames_[frame])) release(frame);
}

}  // namespace spindle
