// Frames: who gets one, who loses one, and who maps it.

#include <algorithm>

#include "memory_paged.h"

namespace spindle {

// kDone if `frames` frames are free, and the space may have them. Otherwise the operation waits.
PagedMemory::Status PagedMemory::room(Operation& operation, PagedSpace* space,
                                      std::uint64_t frames) {
  for (;;) {
    const bool own_only = space != nullptr && frames > 0 && is_over_limit(*space);
    if (!own_only && free_.size() >= frames) return Status::kDone;
    const bool comes = free_.size() + frames_coming_ >= frames_waited_for_ + frames;
    if (!own_only && comes) return park(operation, frames);
    const FrameIndex victim = choose_victim(space, operation.key, {.own_only = own_only});
    if (victim == kNoFrame) {
      // A space whose own pages cannot go exceeds its limit.
      if (own_only && free_.size() >= frames) return Status::kDone;
      return transfers_.empty() ? Status::kOutOfMemory : park(operation, frames);
    }
    evict(victim);
  }
}

PagedMemory::Status PagedMemory::park(Operation& operation, std::uint64_t frames) {
  operation.frames = frames;
  frames_waited_for_ += frames;
  waiting_for_frames_.push_back(operation);
  return Status::kBlocked;
}

bool PagedMemory::is_over_limit(const PagedSpace& space) const {
  if (allotment_ != Allotment::kFixed || !space.pool) return false;
  const std::uint64_t share = std::max<std::uint64_t>(frames_.size() / spaces_.size(), 1);
  return space.pool->size() >= (space.resident_limit != 0 ? space.resident_limit : share);
}

bool PagedMemory::may_go_at_once(FrameIndex index) const {
  const Frame& frame = frames_[index];
  return !frame.is_written && index != pinned_ && !frame.dirty;
}

bool PagedMemory::may_go(FrameIndex index) const {
  const Frame& frame = frames_[index];
  if (frame.is_written || index == pinned_) return false;
  return !frame.dirty || frame.use == FrameUse::kFile || !swap_.is_full();
}

FrameIndex PagedMemory::choose_victim(PagedSpace* space, PageKey incoming, VictimRules rules) {
  const auto may = [&](FrameIndex frame) {
    return rules.clean_only ? may_go_at_once(frame) : may_go(frame);
  };
  if (allotment_ == Allotment::kGlobal) return pool_->victim(may, incoming);
  ReplacementPool* own = space != nullptr ? space->pool.get() : nullptr;
  if (rules.own_only) return own->victim(may, incoming);
  if (const FrameIndex frame = pool_->victim(may, incoming); frame != kNoFrame) return frame;
  if (own != nullptr)
    if (const FrameIndex frame = own->victim(may, incoming); frame != kNoFrame) return frame;
  // The last resort is to take a frame from another space, the largest that can give one.
  FrameIndex found = kNoFrame;
  std::uint64_t largest = 0;
  for (const auto& [id, other] : spaces_) {
    if (other->pool.get() == own || other->pool->size() <= largest) continue;
    const FrameIndex frame = other->pool->victim(may, incoming);
    if (frame == kNoFrame) continue;
    found = frame;
    largest = other->pool->size();
  }
  return found;
}

// Makes `frames` frames free at once; false if that would need a transfer.
bool PagedMemory::grab(std::uint64_t frames) {
  while (free_.size() < frames) {
    const FrameIndex victim = choose_victim(nullptr, 0, {.clean_only = true});
    if (victim == kNoFrame) return false;
    evict(victim);
  }
  return true;
}

FrameIndex PagedMemory::take_frame(FrameUse use) {
  const FrameIndex index = free_.back();
  free_.pop_back();
  frames_[index].use = use;
  ever_used_ = std::max(ever_used_, index + 1);
  ++counted_.allocated;
  return index;
}

void PagedMemory::free_frame(FrameIndex index) {
  frames_[index] = Frame{};
  free_.push_back(index);
  ++counted_.freed;
}

// Frees a frame that nobody maps or needs any more.
void PagedMemory::drop_frame(FrameIndex index) {
  Frame& frame = frames_[index];
  if (frame.pool != nullptr) frame.pool->erase(index);
  if (frame.slot != kNoSlot) {
    swap_[frame.slot].frame = kNoFrame;
    swap_.let_go(frame.slot);
  }
  free_frame(index);
}

// The page leaves memory; the frame is free at once, or when it is written.
void PagedMemory::evict(FrameIndex index) {
  Frame& frame = frames_[index];
  ++counted_.evicted;
  if (frame.pool != nullptr) frame.pool->erase(index);
  if (frame.use == FrameUse::kFile)
    evict_to_file(index);
  else
    evict_to_slot(index);
}

void PagedMemory::evict_to_file(FrameIndex index) {
  Frame& frame = frames_[index];
  while (frame.sharers != nullptr) unlink(*frame.sharers);
  PageObject& object = *frame.object;
  if (!frame.dirty) {
    object.pages.erase(frame.page);
    return free_frame(index);
  }
  const std::uint64_t page = frame.page;
  Transfer& transfer = start_write_out(index, SpaceId{});
  transfer.object = &object;
  transfer.content = std::move(frame.content);
  transfer.shown.file = object.file;
  transfer.shown.page = FilePage{page};
  transfer.shown.content = transfer.content.writable(page_size_);
  outbox_.push_back(transfer.shown);
  object.pages[page] = {.writing = transfer.shown.id};
}

// A page that was never written, and has no slot, is zero: it is simply forgotten.
void PagedMemory::evict_to_slot(FrameIndex index) {
  Frame& frame = frames_[index];
  const SpaceId owner = frame.sharers != nullptr ? frame.sharers->space->id : SpaceId{};
  const SlotIndex slot = frame.dirty ? swap_.take(frame.key) : frame.slot;
  if (frame.use == FrameUse::kSegment)
    move_segment_page(frame, slot);
  else
    move_anonymous_page(frame, slot);
  if (slot != kNoSlot) swap_[slot].content = std::move(frame.content);
  if (!frame.dirty) return drop_frame(index);
  start_swap_out(index, slot, owner);
}

// All who map the page find it in the slot from now on. Without a slot it is zero; one of them
// keeps its key.
void PagedMemory::move_anonymous_page(Frame& frame, SlotIndex slot) {
  PageKey key = frame.key;
  while (frame.sharers != nullptr) {
    PageEntry& entry = *frame.sharers;
    unlink(entry);
    if (slot == kNoSlot) {
      entry.key = std::exchange(key, 0);
      continue;
    }
    entry.slot = slot;
    swap_.hold(slot);
    ++entry.space->swapped;
  }
}

// The segment finds its page in the slot from now on, or knows that it is zero.
void PagedMemory::move_segment_page(Frame& frame, SlotIndex slot) {
  while (frame.sharers != nullptr) unlink(*frame.sharers);
  if (slot == kNoSlot) {
    frame.object->pages.erase(frame.page);
    return;
  }
  frame.object->pages[frame.page] = {.slot = slot};
  swap_.hold(slot);
}

// The frame is free when its page is written.
void PagedMemory::start_swap_out(FrameIndex index, SlotIndex slot, SpaceId owner) {
  Transfer& transfer = start_write_out(index, owner);
  transfer.slot = slot;
  transfer.shown.is_swap = true;
  transfer.shown.slot = SlotNo{slot};
  transfer.shown.content = swap_[slot].content.bytes(page_size_);
  outbox_.push_back(transfer.shown);
  swap_[slot].writing = transfer.shown.id;
  swap_.let_go(slot);
}

// The space gives the page up, if it is the only one that has it.
void PagedMemory::release(PageEntry& entry) {
  const FrameIndex index = entry.frame;
  if (index == kNoFrame || frames_[index].mappings > 1 || !may_go(index)) return;
  if (frames_[index].pool != nullptr) evict(index);
}

// The page is about to differ from its copy on the disk.
void PagedMemory::mark_dirty(FrameIndex index) {
  Frame& frame = frames_[index];
  if (frame.dirty) return;
  frame.dirty = true;
  if (frame.pool != nullptr) frame.pool->set_dirty(frame, true);
  if (frame.slot == kNoSlot) return;
  Slot& slot = swap_[frame.slot];
  slot.frame = kNoFrame;
  if (slot.holders > 1) {
    // Others will read the old page from the slot; the frame is another page from now on.
    slot.content = frame.content.copy(page_size_);
    slot.key = ++last_key_;
  }
  swap_.let_go(std::exchange(frame.slot, kNoSlot));
}

std::uint64_t& PagedMemory::resident_of(PagedSpace& space, FrameUse use) {
  if (use == FrameUse::kFile) return space.of_files;
  return use == FrameUse::kSegment ? space.of_segments : space.anonymous;
}

// Maps the space's page to this frame, which holds it already.
PageEntry& PagedMemory::map_page(PagedSpace& space, std::uint64_t page, FrameIndex index) {
  PageEntry& entry = space.pages.at(page, space);
  const std::uint64_t tables = tables_for(space.pages.table_bytes());
  while (space.tables.size() < tables) space.tables.push_back(take_frame(FrameUse::kTable));
  if (entry.swapped()) {
    swap_.let_go(std::exchange(entry.slot, kNoSlot));
    --space.swapped;
  }
  link(entry, index);
  return entry;
}

void PagedMemory::link(PageEntry& entry, FrameIndex index) {
  Frame& frame = frames_[index];
  if (frame.use == FrameUse::kAnonymous)
    for (PageEntry* other = frame.sharers; other != nullptr; other = other->next_sharer)
      other->writable = false;
  entry.frame = index;
  entry.writable = false;
  entry.referenced = false;
  entry.previous_sharer = nullptr;
  entry.next_sharer = frame.sharers;
  if (frame.sharers != nullptr) frame.sharers->previous_sharer = &entry;
  frame.sharers = &entry;
  ++frame.mappings;
  PagedSpace& space = *entry.space;
  ++resident_of(space, frame.use);
  space.peak_resident = std::max(space.peak_resident, space.resident());
  if (inverted_) inverted_->insert(entry, space.id.value);
}

// Detaches the entry from its frame, which is left as it is.
void PagedMemory::unlink(PageEntry& entry) {
  Frame& frame = frames_[entry.frame];
  PagedSpace& space = *entry.space;
  tlb_.invalidate(space.id, entry.page);
  if (inverted_) inverted_->erase(entry, space.id.value);
  if (entry.previous_sharer != nullptr)
    entry.previous_sharer->next_sharer = entry.next_sharer;
  else
    frame.sharers = entry.next_sharer;
  if (entry.next_sharer != nullptr) entry.next_sharer->previous_sharer = entry.previous_sharer;
  entry.previous_sharer = entry.next_sharer = nullptr;
  --frame.mappings;
  --resident_of(space, frame.use);
  entry.frame = kNoFrame;
  entry.writable = entry.referenced = false;
  space.recency.lost_frame(entry);
}

// Makes the entry empty, and frees what nobody else has.
void PagedMemory::unmap_entry(PageEntry& entry) {
  if (entry.swapped()) {
    const SlotIndex slot = std::exchange(entry.slot, kNoSlot);
    --entry.space->swapped;
    const FrameIndex cached = swap_[slot].frame;
    swap_.let_go(slot);
    // The page was read in, and nobody is left who could map it.
    if (cached != kNoFrame && swap_[slot].holders == 1 && frames_[cached].mappings == 0 &&
        frames_[cached].use == FrameUse::kAnonymous)
      drop_frame(cached);
    return;
  }
  const FrameIndex index = entry.frame;
  unlink(entry);
  Frame& frame = frames_[index];
  if (frame.use == FrameUse::kAnonymous && frame.mappings == 0)
    drop_frame(index);
  else if (frame.pool != nullptr && frame.pool == entry.space->pool.get())
    recharge(index);
}

// The space whose pool the frame is in does not map it any more: moves it to one that does, or to
// the cache.
void PagedMemory::recharge(FrameIndex index) {
  Frame& frame = frames_[index];
  frame.pool->erase(index);
  enter_pool(index, frame.sharers != nullptr ? frame.sharers->space : nullptr);
}

void PagedMemory::enter_pool(FrameIndex index, PagedSpace* space) {
  pool_for(space).insert(index);
}

ReplacementPool& PagedMemory::pool_for(PagedSpace* space) {
  return space != nullptr && space->pool ? *space->pool : *pool_;
}

std::uint64_t PagedMemory::tables_for(std::uint64_t bytes) const {
  return settings_.tables_take_frames ? (bytes + page_size_ - 1) / page_size_ : 0;
}

std::uint64_t PagedMemory::missing_tables(const PagedSpace& space, std::uint64_t page) const {
  const std::uint64_t bytes = space.pages.table_bytes() + space.pages.missing_table_bytes(page);
  const std::uint64_t frames = tables_for(bytes);
  return frames > space.tables.size() ? frames - space.tables.size() : 0;
}

}  // namespace spindle
