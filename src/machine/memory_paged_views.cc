// What paged memory shows of itself, and the laws that it keeps.

#include <algorithm>

#include "memory_paged.h"

namespace spindle {

std::vector<MemoryArea> PagedMemory::areas(SpaceId id) const {
  std::vector<MemoryArea> areas;
  for (const auto& [start, area] : space_of(id).areas.all()) areas.push_back(area);
  return areas;
}

AddressSpaceStatistics PagedMemory::statistics(SpaceId id) const {
  const PagedSpace& space = space_of(id);
  AddressSpaceStatistics seen{.size = space.areas.bytes(),
                              .peak_size = space.peak_size,
                              .resident_anonymous = space.anonymous * page_size_,
                              .resident_file = space.of_files * page_size_,
                              .resident_shared = space.of_segments * page_size_,
                              .peak_resident = space.peak_resident * page_size_,
                              .page_tables = inverted_ ? 0 : space.pages.table_bytes(),
                              .swap = space.swapped * page_size_,
                              .working_set = space.recency.working_set() * page_size_,
                              .references = space.references,
                              .minor_faults = space.minor_faults,
                              .major_faults = space.major_faults,
                              .copies = space.copies,
                              .oom_score = oom_score(space),
                              .suspended = space.is_suspended};
  if (allotment_ == Allotment::kFixed)
    seen.resident_limit =
        space.resident_limit != 0 ? space.resident_limit : frames_.size() / spaces_.size();
  for (const auto& [start, area] : space.areas.all()) {
    const bool is_private = area.protection.write && !area.shared;
    if (area.kind == AreaKind::kStack)
      seen.stack += area.bytes();
    else if (is_private)
      seen.data += area.bytes();
    if (area.kind == AreaKind::kFile && area.protection.execute) seen.text += area.bytes();
  }
  return seen;
}

namespace {

/// Books one page of an area.
void add_page(AreaStatistics& area, const PageEntry& entry, const Frame& frame,
              std::uint64_t page_size) {
  area.resident += page_size;
  area.proportional += page_size / frame.mappings;
  if (frame.dirty) area.proportional_dirty += page_size / frame.mappings;
  if (entry.referenced) area.referenced += page_size;
  if (frame.use == FrameUse::kAnonymous) area.anonymous += page_size;
  if (frame.mappings > 1)
    (frame.dirty ? area.shared_dirty : area.shared_clean) += page_size;
  else
    (frame.dirty ? area.private_dirty : area.private_clean) += page_size;
}

}  // namespace

std::vector<AreaStatistics> PagedMemory::area_statistics(SpaceId id) const {
  PagedSpace& space = space_of(id);
  std::vector<AreaStatistics> all;
  for (const auto& [start, area] : space.areas.all()) {
    AreaStatistics& seen = all.emplace_back(AreaStatistics{.area = area});
    space.pages.for_each(page_of(area.start), page_of(area.end), [&](PageEntry& entry) {
      if (entry.present()) return add_page(seen, entry, frames_[entry.frame], page_size_);
      const Slot& slot = swap_[entry.slot];
      const std::uint32_t sharers = slot.holders - (slot.frame != kNoFrame ? 1 : 0);
      seen.swap += page_size_;
      seen.proportional_swap += page_size_ / std::max<std::uint32_t>(sharers, 1);
    });
  }
  return all;
}

MemoryUsage PagedMemory::usage() const {
  MemoryUsage usage = counted_;
  usage.total = frames_.size() * page_size_;
  usage.free = free_.size() * page_size_;
  usage.available = usage.free;
  for (FrameIndex index = 0; index < ever_used_; ++index) {
    const Frame& frame = frames_[index];
    const bool is_recent = frame.last_use + settings_.working_set_references > usage.references;
    const bool is_file = frame.use == FrameUse::kFile;
    const bool is_segment = frame.use == FrameUse::kSegment;
    const bool is_page = is_file || is_segment || frame.use == FrameUse::kAnonymous;
    if (is_page) (is_recent ? usage.active : usage.inactive) += page_size_;
    if (is_file || is_segment) usage.cached += page_size_;
    if (is_segment) usage.shared += page_size_;
    if (is_file && frame.mappings > 0) usage.mapped += page_size_;
    if (is_file && frame.dirty) usage.dirty += page_size_;
    if (is_file && !frame.dirty && frame.mappings == 0) usage.available += page_size_;
    if (frame.use == FrameUse::kAnonymous) usage.anonymous += page_size_;
    if (is_page && frame.slot != kNoSlot) usage.swap_cached += page_size_;
  }
  for (const auto& [id, transfer] : transfers_)
    if (transfer.shown.is_write) usage.writeback += page_size_;
  for (const auto& [id, space] : spaces_) {
    usage.page_tables += space->tables.size() * page_size_;
    for (const auto& [start, area] : space->areas.all())
      if (area.protection.write && !area.shared) usage.committed += area.bytes();
  }
  usage.page_tables += inverted_frames_ * page_size_;
  usage.swap_total = swap_.capacity() * page_size_;
  usage.swap_free = (swap_.capacity() - swap_.used()) * page_size_;
  usage.tlb_hits = tlb_.hits;
  usage.tlb_misses = tlb_.misses;
  usage.tlb_flushes = tlb_.flushes;
  return usage;
}

std::vector<FrameRow> PagedMemory::frames() const {
  std::vector<FrameRow> rows;
  rows.reserve(frames_.size());
  for (FrameIndex index = 0; index < frames_.size(); ++index) {
    const Frame& frame = frames_[index];
    FrameRow row{.frame = FrameNo{index},
                 .use = frame.use,
                 .page = frame.page,
                 .mappings = frame.mappings,
                 .dirty = frame.dirty};
    if (frame.sharers != nullptr) {
      row.space = frame.sharers->space->id;
      row.page = frame.sharers->page;
    }
    for (const PageEntry* at = frame.sharers; at != nullptr; at = at->next_sharer)
      row.referenced = row.referenced || at->referenced;
    rows.push_back(row);
  }
  for (const auto& [id, space] : spaces_)
    for (FrameIndex index : space->tables) rows[index].space = SpaceId{id};
  return rows;
}

std::vector<PageRow> PagedMemory::page_table(SpaceId id) const {
  std::vector<PageRow> rows;
  space_of(id).pages.for_each(0, page_of(VirtualAddress{address_limit_}), [&](PageEntry& entry) {
    PageRow row{.page = entry.page, .writable = entry.writable, .referenced = entry.referenced};
    if (entry.present()) {
      row.frame = FrameNo{entry.frame};
      row.dirty = frames_[entry.frame].dirty;
    } else {
      row.slot = SlotNo{entry.slot};
    }
    rows.push_back(row);
  });
  return rows;
}

std::vector<SpaceId> PagedMemory::spaces() const {
  std::vector<SpaceId> all;
  for (const auto& [id, space] : spaces_) all.push_back(SpaceId{id});
  return all;
}

std::string PagedMemory::broken_law_of(const PagedSpace& space) const {
  std::uint64_t bytes = 0;
  std::uint64_t resident = 0;
  std::uint64_t swap = 0;
  for (const AreaStatistics& area : area_statistics(space.id)) {
    bytes += area.area.bytes();
    resident += area.resident;
    swap += area.swap;
  }
  if (bytes != space.areas.bytes()) return "a space's size is not the sum of its areas";
  if (resident != space.resident() * page_size_) return "resident pages are not those of the areas";
  if (swap != space.swapped * page_size_) return "swapped pages are not those of the areas";
  if (space.tables.size() < tables_for(space.pages.table_bytes()))
    return "page tables have too few frames";
  return {};
}

std::string PagedMemory::broken_law() const {
  std::uint64_t free = 0;
  std::uint64_t mappings = 0;
  std::uint64_t tables = 0;
  for (const Frame& frame : frames_) {
    if (frame.use == FrameUse::kFree) ++free;
    if (frame.use == FrameUse::kTable) ++tables;
    std::uint64_t sharers = 0;
    for (const PageEntry* at = frame.sharers; at != nullptr; at = at->next_sharer) ++sharers;
    if (sharers != frame.mappings) return "a frame's mappings are miscounted";
    const bool is_wanted = sharers > 0 || (frame.slot != kNoSlot && swap_[frame.slot].holders > 1);
    if (frame.use == FrameUse::kAnonymous && !is_wanted) return "nobody can map an anonymous page";
    if (frame.dirty && frame.slot != kNoSlot && frame.use != FrameUse::kBusy)
      return "a changed page has a slot";
    mappings += sharers;
  }
  if (free != free_.size()) return "the free frames are miscounted";
  std::uint64_t resident = 0;
  std::uint64_t proportional = 0;
  for (const auto& [id, space] : spaces_) {
    if (std::string law = broken_law_of(*space); !law.empty()) return law;
    resident += space->resident();
    tables -= space->tables.size();
    for (const AreaStatistics& area : area_statistics(space->id)) proportional += area.proportional;
  }
  if (resident != mappings) return "resident pages are not those that are mapped";
  if (tables != inverted_frames_) return "frames of page tables are lost";
  const MemoryUsage seen = usage();
  if (seen.free + seen.anonymous + seen.cached + seen.page_tables > seen.total)
    return "there is more memory used than there is";
  if (proportional > seen.total - seen.free - seen.page_tables)
    return "proportional set sizes are larger than what is used";
  if (!waiting_for_frames_.empty() && transfers_.empty())
    return "somebody waits for frames, and nothing is under way";
  return {};
}

}  // namespace spindle
