// Accesses and page faults.

#include "memory_paged.h"

namespace spindle {
AccessOutcome PagedMemory::access(const MemoryAccess& access) {
  const bool has_word = access.store || access.load;
  if (has_word && access.address.value % sizeof(std::uint64_t) != 0)
    return {.status = Status::kViolation, .violation = Violation::kMisaligned};
  PagedSpace& space = space_of(access.space);
  // Whether a page may be executed is not in its entry.
  if (tlb_.exists() && access.kind != AccessKind::kExecute) {
    PageEntry* entry = tlb_.find(access.cpu, access.space, page_of(access.address));
    if (entry != nullptr && (access.kind != AccessKind::kWrite || entry->writable)) {
      AccessOutcome outcome{.cost_ns = settings_.costs.tlb_ns};
      touch(*entry);
      use(space, *entry, access, outcome);
      return outcome;
    }
  }
  Operation operation{.access = access};
  return step(operation);
}

// Answers what the operation came to; blocked, a copy of it stands in a queue.
AccessOutcome PagedMemory::step(Operation& operation) {
  operation.outcome.cost_ns = 0;
  if (operation.kind == Operation::Kind::kFile) return step_file(operation);
  if (operation.kind == Operation::Kind::kSync) return step_sync(operation);
  return step_access(operation);
}

AccessOutcome PagedMemory::step_access(Operation& operation) {
  const MemoryAccess access = operation.access;
  PagedSpace& space = space_of(access.space);
  AccessOutcome& outcome = operation.outcome;
  const std::uint64_t page = page_of(access.address);
  walk_cost(space, page, outcome);
  const MemoryArea* area = space.areas.find(access.address);
  if (area == nullptr) area = space.areas.grow_stack(access.address);
  if (area == nullptr) {
    refuse(operation, Violation::kNotMapped);
    return outcome;
  }
  if (!area->protection.allows(access.kind)) {
    refuse(operation, Violation::kProtection);
    return outcome;
  }
  PageEntry* entry = space.pages.find(page);
  const bool is_there = entry != nullptr && entry->present() &&
                        (access.kind != AccessKind::kWrite || entry->writable);
  if (!is_there) {
    if (!operation.is_counted) {
      outcome.cost_ns += settings_.costs.fault_ns;
      if (allotment_ == Allotment::kFaultFrequency) shrink(space);
    }
    outcome.status = serve_fault(operation, space, *area);
    if (outcome.status != Status::kDone) return outcome;
    entry = space.pages.find(page);
  }
  // Filling the frame counted as its first use.
  if (operation.fresh != entry->frame) touch(*entry);
  use(space, *entry, access, outcome);
  tlb_.insert(access.cpu, access.space, *entry);
  return outcome;
}

void PagedMemory::walk_cost(PagedSpace& space, std::uint64_t page, AccessOutcome& outcome) {
  const std::uint64_t looks =
      inverted_ ? inverted_->probes(space.id.value, page, space.pages.find(page)) : shape_.levels();
  outcome.cost_ns += static_cast<std::int64_t>(looks) * settings_.costs.memory_ns;
  if (tlb_.exists()) outcome.cost_ns += settings_.costs.tlb_ns;
}

PagedMemory::Status PagedMemory::refuse(Operation& operation, Violation violation) {
  operation.outcome.status = Status::kViolation;
  operation.outcome.violation = violation;
  return Status::kViolation;
}

void PagedMemory::touch(const PageEntry& entry) {
  const Frame& frame = frames_[entry.frame];
  if (frame.pool != nullptr) frame.pool->touch(frame);
}

// The page is there: the access is done.
void PagedMemory::use(PagedSpace& space, PageEntry& entry, const MemoryAccess& access,
                      AccessOutcome& outcome) {
  Frame& frame = frames_[entry.frame];
  ++space.references;
  frame.last_use = ++counted_.references;
  entry.referenced = true;
  const std::uint64_t offset = access.address.value & (page_size_ - 1);
  if (access.kind == AccessKind::kWrite) {
    mark_dirty(entry.frame);
    if (access.store) frame.content.set_word(offset, *access.store, page_size_);
  }
  if (access.load) outcome.value = frame.content.word(offset);
  outcome.status = Status::kDone;
  outcome.cost_ns += settings_.costs.memory_ns;
  space.recency.use(entry, space.references, [this](PageEntry& left) {
    if (allotment_ == Allotment::kWorkingSet) release(left);
  });
}

void PagedMemory::count_fault(Operation& operation, PagedSpace& space, Fault fault) {
  if (operation.is_counted) return;
  operation.is_counted = true;
  operation.outcome.fault = fault;
  ++counted_.faults;
  ++(fault == Fault::kMajor ? space.major_faults : space.minor_faults);
  if (fault == Fault::kMajor) ++counted_.major_faults;
}

// Page-fault frequency: when a fault comes late, what was not used since the last one goes.
void PagedMemory::shrink(PagedSpace& space) {
  const std::uint64_t now = space.references + 1;
  const bool is_late = now - space.last_fault > settings_.fault_interval_references;
  if (is_late && space.last_fault != 0) {
    PageEntry* entry = space.recency.oldest();
    while (entry != nullptr && entry->last_use < space.last_fault) {
      PageEntry* newer = entry->newer;
      if (entry->present()) release(*entry);
      entry = newer;
    }
  }
  space.last_fault = now;
}

PagedMemory::Status PagedMemory::serve_fault(Operation& operation, PagedSpace& space,
                                             const MemoryArea& area) {
  const std::uint64_t page = page_of(operation.access.address);
  PageEntry* entry = space.pages.find(page);
  if (entry != nullptr && entry->present()) return write_protected(operation, space, area, *entry);
  if (entry != nullptr && entry->swapped()) return from_slot(operation, space, area, *entry);
  if (object_of(area) != nullptr) return from_object(operation, space, area, page);
  return zero_filled(operation, space, area, page);
}

// A write to a page that is mapped, but not to be written.
PagedMemory::Status PagedMemory::write_protected(Operation& operation, PagedSpace& space,
                                                 const MemoryArea& area, PageEntry& entry) {
  count_fault(operation, space, Fault::kMinor);
  const Frame& frame = frames_[entry.frame];
  const bool is_own = frame.use == FrameUse::kAnonymous && frame.mappings == 1;
  if (!area.shared && !is_own) return copied(operation, space, entry.page, entry.frame);
  entry.writable = true;
  return Status::kDone;
}

PagedMemory::Status PagedMemory::copied(Operation& operation, PagedSpace& space, std::uint64_t page,
                                        FrameIndex source) {
  pinned_ = source;
  const Status status = room(operation, &space, 1 + missing_tables(space, page));
  pinned_ = kNoFrame;
  if (status != Status::kDone) return status;
  const FrameIndex index = take_frame(FrameUse::kAnonymous);
  Frame& frame = frames_[index];
  frame.key = ++last_key_;
  frame.content = frames_[source].content.copy(page_size_);
  frame.dirty = true;
  ++space.copies;
  operation.outcome.cost_ns += settings_.costs.fill_ns;
  if (PageEntry* old = space.pages.find(page); old != nullptr && old->present()) unmap_entry(*old);
  enter_pool(index, &space);
  map_page(space, page, index).writable = true;
  operation.fresh = index;
  return Status::kDone;
}

PagedMemory::Status PagedMemory::from_slot(Operation& operation, PagedSpace& space,
                                           const MemoryArea& area, PageEntry& entry) {
  const SlotIndex number = entry.slot;
  if (swap_[number].writing) {
    count_fault(operation, space, Fault::kMinor);
    return wait_on(operation, swap_[number].writing);
  }
  const FrameIndex index = swap_[number].frame;
  if (index == kNoFrame) return read_slot(operation, number, &space, nullptr, entry.page);
  count_fault(operation, space, Fault::kMinor);
  if (frames_[index].use == FrameUse::kBusy) return wait_on(operation, frames_[index].transfer);
  map_page(space, entry.page, index);
  entry.writable = area.protection.write && frames_[index].mappings == 1;
  const bool must_copy = operation.access.kind == AccessKind::kWrite && !entry.writable;
  return must_copy ? copied(operation, space, entry.page, index) : Status::kDone;
}

// A page of a file or a segment: mapped as it is, or copied if a private one is written.
PagedMemory::Status PagedMemory::from_object(Operation& operation, PagedSpace& space,
                                             const MemoryArea& area, std::uint64_t page) {
  PageObject& object = *object_of(area);
  const std::uint64_t at = area.offset / page_size_ + page - page_of(area.start);
  if (at * page_size_ >= object.bytes) return refuse(operation, Violation::kBeyondEnd);
  const auto found = object.pages.find(at);
  if (found == object.pages.end()) {
    if (object.file) return read_file(operation, object, at, &space);
    return zero_filled(operation, space, area, page);
  }
  const ObjectPage there = found->second;
  if (there.frame == kNoFrame && !there.writing && !swap_[there.slot].writing)
    return read_slot(operation, there.slot, &space, &object, at);
  count_fault(operation, space, Fault::kMinor);
  if (there.writing) return wait_on(operation, there.writing);
  if (there.frame == kNoFrame) return wait_on(operation, swap_[there.slot].writing);
  if (frames_[there.frame].use == FrameUse::kBusy)
    return wait_on(operation, frames_[there.frame].transfer);
  if (operation.access.kind == AccessKind::kWrite && !area.shared)
    return copied(operation, space, page, there.frame);
  pinned_ = there.frame;
  const Status status = room(operation, nullptr, missing_tables(space, page));
  pinned_ = kNoFrame;
  if (status != Status::kDone) return status;
  map_page(space, page, there.frame).writable = area.shared && area.protection.write;
  return Status::kDone;
}

PagedMemory::Status PagedMemory::zero_filled(Operation& operation, PagedSpace& space,
                                             const MemoryArea& area, std::uint64_t page) {
  count_fault(operation, space, Fault::kMinor);
  PageObject* object = object_of(area);
  const PageEntry* entry = space.pages.find(page);
  if (entry != nullptr && entry->key != 0) operation.key = entry->key;
  if (operation.key == 0) operation.key = ++last_key_;
  const Status status = room(operation, &space, 1 + missing_tables(space, page));
  if (status != Status::kDone) return status;
  const FrameIndex index = take_frame(object ? FrameUse::kSegment : FrameUse::kAnonymous);
  Frame& frame = frames_[index];
  frame.key = operation.key;
  if (object != nullptr) {
    frame.object = object;
    frame.page = area.offset / page_size_ + page - page_of(area.start);
    object->pages[frame.page].frame = index;
  }
  operation.outcome.cost_ns += settings_.costs.fill_ns;
  enter_pool(index, &space);
  map_page(space, page, index).writable = area.protection.write;
  operation.fresh = index;
  return Status::kDone;
}

}  // namespace spindle
