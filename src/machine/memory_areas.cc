#include "memory_areas.h"

#include <algorithm>

#include "spindle/machine/memory.h"

namespace spindle {
namespace {

/// Anonymous areas alike that touch are one.
bool can_join(const MemoryArea& low, const MemoryArea& high) {
  return low.kind == AreaKind::kAnonymous && high.kind == AreaKind::kAnonymous &&
         low.end == high.start && low.protection == high.protection && low.name == high.name;
}

}  // namespace

const MemoryArea* AreaMap::find(VirtualAddress address) const {
  auto after = areas_.upper_bound(address);
  if (after == areas_.begin()) return nullptr;
  const MemoryArea& area = std::prev(after)->second;
  return address < area.end ? &area : nullptr;
}

const MemoryArea* AreaMap::grow_stack(VirtualAddress address) {
  const auto above = areas_.upper_bound(address);
  if (above == areas_.end()) return nullptr;
  MemoryArea area = above->second;
  if (area.kind != AreaKind::kStack || address < area.lowest) return nullptr;
  const VirtualAddress start{address.value / page_size_ * page_size_};
  if (!is_free(start, area.start)) return nullptr;
  areas_.erase(above);
  bytes_ += area.start - start;
  area.start = start;
  return &areas_.emplace(start, area).first->second;
}

Result<AreaMap::Range> AreaMap::range(VirtualAddress start, std::uint64_t bytes) const {
  if (bytes == 0) return Error{EINVAL, "the range is empty"};
  if (start.value >= limit_ || bytes > limit_ - start.value)
    return Error{EINVAL, "the range leaves the address space"};
  const VirtualAddress first{start.value / page_size_ * page_size_};
  return Range{first, VirtualAddress{round_up(start.value + bytes)}};
}

bool AreaMap::is_free(VirtualAddress start, VirtualAddress end) const {
  const auto after = areas_.lower_bound(end);
  return after == areas_.begin() || std::prev(after)->second.end <= start;
}

std::optional<VirtualAddress> AreaMap::gap_from(VirtualAddress from, std::uint64_t bytes) const {
  auto next = areas_.upper_bound(from);
  if (next != areas_.begin()) from = std::max(from, std::prev(next)->second.end);
  for (;; from = next->second.end, ++next) {
    const std::uint64_t end = next == areas_.end()                    ? limit_
                              : next->second.kind == AreaKind::kStack ? next->second.lowest.value
                                                                      : next->first.value;
    if (end > from.value && end - from.value >= bytes) return from;
    if (next == areas_.end()) return std::nullopt;
  }
}

Result<VirtualAddress> AreaMap::room_for(const MapRequest& request, std::uint64_t bytes) {
  const auto floor = [this](std::uint64_t address) {
    return VirtualAddress{std::max<std::uint64_t>(address / page_size_, 1) * page_size_};
  };
  if (request.kind == AreaKind::kStack) {
    const std::uint64_t most = std::max(bytes, round_up(request.most_bytes));
    if (most + 2 * page_size_ > limit_) return Error{ENOMEM, "there is no room for such a stack"};
    return VirtualAddress{limit_ - page_size_ - bytes};
  }
  const bool is_heap = request.kind == AreaKind::kHeap;
  const VirtualAddress from = floor(is_heap ? limit_ / 8 : limit_ / 4);
  if (!is_heap && next_place_ > from)
    if (const auto place = gap_from(next_place_, bytes)) return *place;
  if (const auto place = gap_from(from, bytes)) return *place;
  if (const auto place = gap_from(floor(0), bytes)) return *place;
  return Error{ENOMEM, "there is no room in the address space"};
}

Result<VirtualAddress> AreaMap::add(const MapRequest& request) {
  if (request.bytes == 0) return Error{EINVAL, "an area cannot be empty"};
  if (request.bytes > limit_) return Error{ENOMEM, "there is no room in the address space"};
  if (areas_.size() >= MemoryManager::kMaxAreas) return Error{ENOMEM, "there are too many areas"};
  const bool is_single = request.kind == AreaKind::kHeap || request.kind == AreaKind::kStack;
  const auto is_its_like = [&](const auto& entry) { return entry.second.kind == request.kind; };
  if (is_single && std::ranges::any_of(areas_, is_its_like))
    return Error{EINVAL, "there is one already"};
  const std::uint64_t bytes = round_up(request.bytes);
  VirtualAddress start = request.address;
  if (!start) start = TRY(room_for(request, bytes));
  if (start.value % page_size_ != 0) return Error{EINVAL, "an area starts at a page"};
  const Range place = TRY(range(start, bytes));
  if (!is_free(place.start, place.end)) return Error{EEXIST, "something is mapped there"};
  MemoryArea area{.start = place.start,
                  .end = place.end,
                  .kind = request.kind,
                  .protection = request.protection,
                  .shared = request.shared,
                  .file = request.file,
                  .segment = request.segment,
                  .offset = request.offset,
                  .name = request.name};
  if (request.kind == AreaKind::kStack) {
    const std::uint64_t most = std::max(bytes, round_up(request.most_bytes));
    area.lowest =
        VirtualAddress{place.end.value > most + page_size_ ? place.end.value - most : page_size_};
  } else if (!request.address) {
    next_place_ = place.end;
  }
  insert(std::move(area));
  return place.start;
}

void AreaMap::insert(MemoryArea area) {
  bytes_ += area.bytes();
  const auto next = areas_.lower_bound(area.end);
  if (next != areas_.end() && can_join(area, next->second)) {
    area.end = next->second.end;
    areas_.erase(next);
  }
  const auto behind = areas_.lower_bound(area.start);
  if (behind != areas_.begin() && can_join(std::prev(behind)->second, area))
    std::prev(behind)->second.end = area.end;
  else
    areas_.emplace(area.start, std::move(area));
}

// Makes a boundary of areas at the address, if it lies within one.
void AreaMap::split(VirtualAddress at) {
  const MemoryArea* found = find(at);
  if (found == nullptr || found->start == at) return;
  MemoryArea high = *found;
  if (high.kind == AreaKind::kFile || high.kind == AreaKind::kSegment)
    high.offset += at - high.start;
  areas_.find(high.start)->second.end = at;
  high.start = at;
  high.lowest = std::max(high.lowest, high.kind == AreaKind::kStack ? at : high.lowest);
  areas_.emplace(at, std::move(high));
}

Result<std::vector<MemoryArea>> AreaMap::remove(VirtualAddress start, std::uint64_t bytes) {
  const Range gone = TRY(range(start, bytes));
  split(gone.start);
  split(gone.end);
  std::vector<MemoryArea> removed;
  auto area = areas_.lower_bound(gone.start);
  while (area != areas_.end() && area->first < gone.end) {
    bytes_ -= area->second.bytes();
    removed.push_back(std::move(area->second));
    area = areas_.erase(area);
  }
  return removed;
}

Result<> AreaMap::protect(VirtualAddress start, std::uint64_t bytes, Protection protection) {
  const Range changed = TRY(range(start, bytes));
  for (VirtualAddress at = changed.start; at < changed.end;) {
    const MemoryArea* area = find(at);
    if (area == nullptr) return Error{ENOMEM, "not all of the range is mapped"};
    at = area->end;
  }
  split(changed.start);
  split(changed.end);
  for (auto area = areas_.lower_bound(changed.start);
       area != areas_.end() && area->first < changed.end; ++area)
    area->second.protection = protection;
  return {};
}

Result<MemoryArea> AreaMap::set_break(VirtualAddress end) {
  const auto heap = std::ranges::find_if(
      areas_, [](const auto& area) { return area.second.kind == AreaKind::kHeap; });
  if (heap == areas_.end()) return Error{EINVAL, "there is no heap"};
  MemoryArea& area = heap->second;
  if (end <= area.start || end.value > limit_)
    return Error{EINVAL, "the heap must end behind its start"};
  MemoryArea lost = area;
  lost.start = VirtualAddress{round_up(end.value)};
  if (lost.start > area.end && !is_free(area.end, lost.start))
    return Error{ENOMEM, "something is mapped behind the heap"};
  bytes_ = bytes_ + lost.start.value - area.end.value;
  lost.end = std::max(lost.start, area.end);
  area.end = lost.start;
  return lost;
}

const MemoryArea* AreaMap::exactly(VirtualAddress start, std::uint64_t bytes) const {
  const auto area = areas_.find(start);
  const bool same = area != areas_.end() && area->second.bytes() == round_up(bytes);
  return same ? &area->second : nullptr;
}

}  // namespace spindle
