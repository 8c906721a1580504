// Load control, the end of memory, and changes while the machine runs.

#include <algorithm>

#include "memory_paged.h"

namespace spindle {

LoadReview PagedMemory::review(const std::set<SpaceId>& awake) {
  LoadReview review;
  review.references =
      counted_.references - std::exchange(reviewed_references_, counted_.references);
  review.major_faults =
      counted_.major_faults - std::exchange(reviewed_major_faults_, counted_.major_faults);
  review.available_frames = frames_.size() - inverted_frames_;
  const PagedSpace* largest = nullptr;
  std::uint64_t active = 0;
  for (const auto& [id, space] : spaces_) {
    review.available_frames -= space->tables.size();
    const std::uint64_t before = std::exchange(space->reviewed_references, space->references);
    const bool is_active = space->references != before || awake.contains(space->id);
    if (space->is_suspended || !is_active || space->recency.working_set() == 0) continue;
    review.demand_frames += space->recency.working_set();
    ++active;
    if (largest == nullptr || space->resident() > largest->resident()) largest = space.get();
  }
  review.thrashing = review.demand_frames > review.available_frames &&
                     review.major_faults * 100 > review.references;
  if (review.thrashing && active > 1) review.suspend = largest->id;
  if (review.thrashing) return review;
  const auto fits = [&](const Suspended& waiting) {
    return active == 0 || review.demand_frames + waiting.demand_frames <= review.available_frames;
  };
  const auto first = std::ranges::find_if(suspended_, fits);
  if (first != suspended_.end()) review.resume = first->space;
  return review;
}

void PagedMemory::suspend(SpaceId id) {
  PagedSpace& space = space_of(id);
  if (space.is_suspended) return;
  space.is_suspended = true;
  suspended_.push_back({.space = id, .demand_frames = space.recency.working_set()});
  space.pages.for_each(0, page_of(VirtualAddress{address_limit_}),
                       [this](PageEntry& entry) { release(entry); });
}

Result<> PagedMemory::resume(SpaceId id) {
  space_of(id).is_suspended = false;
  std::erase_if(suspended_, [&](const Suspended& waiting) { return waiting.space == id; });
  return {};
}

// A share of memory and swap in thousandths, and the adjustment.
int PagedMemory::oom_score(const PagedSpace& space) const {
  const std::uint64_t all = frames_.size() + swap_.capacity();
  const std::uint64_t used = space.resident() + space.swapped + space.tables.size();
  return std::clamp(static_cast<int>(used * 1000 / all) + space.oom_adjustment, 0, 2000);
}

std::optional<SpaceId> PagedMemory::oom_victim() const {
  std::optional<SpaceId> victim;
  int highest = 0;
  for (const auto& [id, space] : spaces_) {
    if (space->oom_adjustment <= -1000) continue;
    const int score = oom_score(*space);
    if (victim && score < highest) continue;
    highest = score;
    victim = SpaceId{id};
  }
  return victim;
}

void PagedMemory::set_oom_adjustment(SpaceId space, int adjustment) {
  space_of(space).oom_adjustment = std::clamp(adjustment, -1000, 1000);
}

Result<> PagedMemory::set_replacement(std::string_view name) {
  TRY(make_replacement_policy(name, 1, settings_.conventions));
  settings_.replacement = name;
  pool_->set_policy(settings_.replacement);
  for (const auto& [id, space] : spaces_)
    if (space->pool) space->pool->set_policy(settings_.replacement);
  return {};
}

void PagedMemory::set_replacement(std::unique_ptr<ReplacementPolicy> policy) {
  CHECK(allotment_ == Allotment::kGlobal);
  settings_.replacement = policy->name();
  pool_->set_policy(std::move(policy));
}

Result<PagedMemory::Allotment> PagedMemory::allotment_of(std::string_view name) {
  const auto found = std::ranges::find(kAllotments, name);
  if (found == kAllotments.end()) return Error{EINVAL, "no allotment has this name"};
  // The enumerators stand in the same order.
  return static_cast<Allotment>(found - kAllotments.begin());
}

Result<> PagedMemory::set_allotment(std::string_view name) {
  const Allotment changed = TRY(allotment_of(name));
  settings_.allotment = name;
  if (std::exchange(allotment_, changed) == changed) return {};
  std::vector<std::unique_ptr<ReplacementPool>> old;
  for (const auto& [id, space] : spaces_) {
    old.push_back(std::move(space->pool));
    if (changed != Allotment::kGlobal)
      space->pool = make_pool(std::max<std::uint64_t>(space->resident(), 1));
  }
  for (FrameIndex index = 0; index < frames_.size(); ++index) {
    Frame& frame = frames_[index];
    if (frame.pool == nullptr) continue;
    frame.pool->erase(index);
    enter_pool(index, frame.sharers != nullptr ? frame.sharers->space : nullptr);
  }
  return {};
}

Result<> PagedMemory::set_tlb(const MemoryConfiguration::Tlb& tlb) {
  tlb_ = TRY(Tlb::make(tlb, settings_.cpus, settings_.conventions.seed));
  settings_.tlb = tlb;
  return {};
}

Result<> PagedMemory::set_swap_bytes(std::uint64_t bytes) {
  if (bytes / page_size_ > kMaxSlots) return Error{EINVAL, "there would be too many slots"};
  TRY(swap_.resize(bytes / page_size_));
  settings_.swap_bytes = bytes;
  return {};
}

}  // namespace spindle
