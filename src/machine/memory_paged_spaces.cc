// Spaces and their areas, and shared segments.

#include <algorithm>

#include "memory_paged.h"

namespace spindle {

PagedSpace& PagedMemory::space_of(SpaceId id) const {
  if (last_space_ != nullptr && last_space_->id == id) return *last_space_;
  const auto found = spaces_.find(id.value);
  CHECK(found != spaces_.end());
  last_space_ = found->second.get();
  return *last_space_;
}

std::unique_ptr<ReplacementPool> PagedMemory::make_pool(std::uint64_t capacity) {
  return std::make_unique<ReplacementPool>(frames_, settings_.replacement, settings_.conventions,
                                           capacity);
}

PagedSpace& PagedMemory::new_space(const SpaceOptions& options) {
  constexpr std::uint64_t kFirstPool = 16;
  const SpaceId id{++last_id_};
  auto space =
      std::make_unique<PagedSpace>(PagedSpace{id,
                                              {page_size_, address_limit_},
                                              PageMap{shape_},
                                              RecencyList{settings_.working_set_references}});
  space->resident_limit =
      options.resident_limit != 0 ? options.resident_limit : settings_.resident_limit;
  space->oom_adjustment = options.oom_adjustment;
  if (allotment_ != Allotment::kGlobal)
    space->pool = make_pool(space->resident_limit != 0 ? space->resident_limit : kFirstPool);
  return *spaces_.emplace(id.value, std::move(space)).first->second;
}

// The frames of the space's tables, as many as they need now.
Result<> PagedMemory::take_tables(PagedSpace& space) {
  const std::uint64_t wanted = tables_for(space.pages.table_bytes()) - space.tables.size();
  if (!grab(wanted)) return Error{ENOMEM, "there is no memory for page tables"};
  for (std::uint64_t i = 0; i < wanted; ++i) space.tables.push_back(take_frame(FrameUse::kTable));
  return {};
}

Result<SpaceId> PagedMemory::create(const SpaceOptions& options) {
  PagedSpace& space = new_space(options);
  const SpaceId id = space.id;
  if (const Result<> taken = take_tables(space); !taken.ok()) {
    destroy(id);
    return taken.error();
  }
  return id;
}

Result<SpaceId> PagedMemory::fork(SpaceId parent_id) {
  PagedSpace& parent = space_of(parent_id);
  PagedSpace& child =
      new_space({.resident_limit = parent.resident_limit, .oom_adjustment = parent.oom_adjustment});
  const SpaceId id = child.id;
  child.areas = parent.areas;
  count_size(child);
  for (const auto& [start, area] : parent.areas.all()) {
    if (PageObject* object = object_of(area)) object->mapped_bytes += area.bytes();
    if (area.shared) continue;
    parent.pages.for_each(page_of(area.start), page_of(area.end),
                          [&](PageEntry& entry) { copy_entry(child, entry); });
  }
  if (const Result<> taken = take_tables(child); !taken.ok()) {
    destroy(id);
    return taken.error();
  }
  return id;
}

// Both have the page, and neither may write it. Pages of a file are found again in the cache.
void PagedMemory::copy_entry(PagedSpace& child, PageEntry& entry) {
  if (entry.swapped()) {
    child.pages.at(entry.page, child).slot = entry.slot;
    swap_.hold(entry.slot);
    ++child.swapped;
  } else if (frames_[entry.frame].use == FrameUse::kAnonymous) {
    link(child.pages.at(entry.page, child), entry.frame);
  }
}

void PagedMemory::destroy(SpaceId id) {
  PagedSpace& space = space_of(id);
  forget_space(id);
  for (const auto& [start, area] : space.areas.all()) unmap_area(space, area);
  tlb_.invalidate(id);
  if (space.pool)
    for (FrameIndex frame : space.pool->frames()) {
      space.pool->erase(frame);
      enter_pool(frame, nullptr);
    }
  for (FrameIndex frame : space.tables) free_frame(frame);
  std::erase_if(suspended_, [&](const Suspended& waiting) { return waiting.space == id; });
  last_space_ = nullptr;
  spaces_.erase(id.value);
}

PageObject* PagedMemory::object_of(const MemoryArea& area) {
  if (area.kind == AreaKind::kFile) return &file_object(area.file);
  return area.kind == AreaKind::kSegment ? &segments_.at(area.segment.value) : nullptr;
}

void PagedMemory::count_size(PagedSpace& space) {
  space.peak_size = std::max(space.peak_size, space.areas.bytes());
}

Result<VirtualAddress> PagedMemory::map(SpaceId id, const MapRequest& asked) {
  PagedSpace& space = space_of(id);
  MapRequest request = asked;
  if (request.offset % page_size_ != 0)
    return Error{EINVAL, "the offset is not a multiple of the page size"};
  if (request.offset / page_size_ >= kMostPages - request.bytes / page_size_ % kMostPages)
    return Error{EFBIG, "the offset is too large"};
  const bool is_shared_memory = request.kind == AreaKind::kAnonymous && request.shared;
  if (is_shared_memory) {
    request.segment = TRY(create_segment(request.bytes));
    request.kind = AreaKind::kSegment;
  }
  const auto segment = segments_.find(request.segment.value);
  if (request.kind == AreaKind::kSegment) {
    if (segment == segments_.end()) return Error{EINVAL, "there is no such segment"};
    request.shared = true;
  }
  const Result<VirtualAddress> start = space.areas.add(request);
  if (start.ok()) {
    const MemoryArea& area = *space.areas.find(*start);
    if (request.kind == AreaKind::kFile) file_object(request.file).bytes = request.file_bytes;
    if (PageObject* object = object_of(area)) object->mapped_bytes += area.bytes();
    count_size(space);
  }
  if (is_shared_memory) TRY(remove_segment(request.segment));
  return start;
}

void PagedMemory::unmap_pages(PagedSpace& space, VirtualAddress start, VirtualAddress end) {
  const std::uint64_t first = page_of(start);
  const std::uint64_t last = page_of(end);
  space.pages.for_each(first, last, [this](PageEntry& entry) { unmap_entry(entry); });
  space.pages.clear(first, last, [&](PageEntry& entry) { space.recency.drop(entry); });
  const std::uint64_t tables = tables_for(space.pages.table_bytes());
  while (space.tables.size() > tables) {
    free_frame(space.tables.back());
    space.tables.pop_back();
  }
}

void PagedMemory::unmap_area(PagedSpace& space, const MemoryArea& area) {
  unmap_pages(space, area.start, area.end);
  PageObject* object = object_of(area);
  if (object == nullptr) return;
  object->mapped_bytes -= area.bytes();
  if (object->segment && object->is_removed && object->mapped_bytes == 0)
    free_segment(object->segment);
}

Result<> PagedMemory::unmap(SpaceId id, VirtualAddress start, std::uint64_t bytes) {
  PagedSpace& space = space_of(id);
  for (const MemoryArea& area : TRY(space.areas.remove(start, bytes))) unmap_area(space, area);
  return {};
}

Result<> PagedMemory::protect(SpaceId id, VirtualAddress start, std::uint64_t bytes,
                              Protection protection) {
  PagedSpace& space = space_of(id);
  TRY(space.areas.protect(start, bytes, protection));
  const std::uint64_t end = page_of(VirtualAddress{space.areas.round_up(start.value + bytes)});
  space.pages.for_each(page_of(start), end, [&](PageEntry& entry) {
    entry.writable = false;
    tlb_.invalidate(id, entry.page);
  });
  return {};
}

Result<> PagedMemory::set_break(SpaceId id, VirtualAddress end) {
  PagedSpace& space = space_of(id);
  const MemoryArea lost = TRY(space.areas.set_break(end));
  if (lost.start < lost.end) unmap_pages(space, lost.start, lost.end);
  count_size(space);
  return {};
}

Result<SegmentId> PagedMemory::create_segment(std::uint64_t bytes) {
  if (bytes == 0) return Error{EINVAL, "a segment cannot be empty"};
  if (bytes > settings_.bytes + swap_.capacity() * page_size_)
    return Error{ENOSPC, "memory and swap together could not hold it"};
  const SegmentId id{++last_id_};
  PageObject& object = segments_[id.value];
  object.segment = id;
  object.bytes = bytes;
  return id;
}

Result<> PagedMemory::remove_segment(SegmentId id) {
  const auto found = segments_.find(id.value);
  if (found == segments_.end() || found->second.is_removed)
    return Error{ENOENT, "there is no such segment"};
  found->second.is_removed = true;
  if (found->second.mapped_bytes == 0) free_segment(id);
  return {};
}

void PagedMemory::free_segment(SegmentId id) {
  PageObject& object = segments_.at(id.value);
  while (!object.pages.empty()) drop_object_page(object, object.pages.begin()->first);
  segments_.erase(id.value);
}

}  // namespace spindle
