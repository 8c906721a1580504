// Transfers under way, and who waits for them.

#include "memory_paged.h"

namespace spindle {

// The frame is busy until the transfer is complete.
PagedMemory::Transfer& PagedMemory::start(FrameIndex index, SpaceId space) {
  const TransferId id{++last_id_};
  Transfer& transfer = transfers_[id.value];
  transfer.shown.id = id;
  transfer.shown.space = space;
  transfer.frame = index;
  frames_[index].use = FrameUse::kBusy;
  frames_[index].transfer = id;
  return transfer;
}

PagedMemory::Transfer& PagedMemory::start_read(FrameIndex index, SpaceId space) {
  return start(index, space);
}

PagedMemory::Transfer& PagedMemory::start_write_out(FrameIndex index, SpaceId space) {
  Transfer& transfer = start(index, space);
  transfer.shown.is_write = true;
  ++frames_coming_;
  return transfer;
}

PagedMemory::Status PagedMemory::wait_on(Operation& operation, TransferId transfer) {
  transfers_.at(transfer.value).waiting.push_back(operation);
  return Status::kBlocked;
}

// Brings a swapped page in, of a space or of a segment.
PagedMemory::Status PagedMemory::read_slot(Operation& operation, SlotIndex number,
                                           PagedSpace* space, PageObject* object,
                                           std::uint64_t page) {
  if (space != nullptr) count_fault(operation, *space, Fault::kMajor);
  operation.key = swap_[number].key;
  const Status status = room(operation, space, 1);
  if (status != Status::kDone) return status;
  const FrameIndex index = take_frame(FrameUse::kBusy);
  Transfer& transfer = start_read(index, space != nullptr ? space->id : SpaceId{});
  transfer.shown.task = operation.access.task;
  Frame& frame = frames_[index];
  frame.slot = number;
  frame.key = swap_[number].key;
  swap_.hold(number);
  swap_[number].frame = index;
  if (object != nullptr) {
    frame.object = object;
    frame.page = page;
    object->pages[page] = {.frame = index};
    swap_.let_go(number);
  }
  transfer.slot = number;
  transfer.object = object;
  transfer.shown.is_swap = true;
  transfer.shown.slot = SlotNo{number};
  outbox_.push_back(transfer.shown);
  operation.fresh = index;
  return wait_on(operation, transfer.shown.id);
}

PagedMemory::Status PagedMemory::read_file(Operation& operation, PageObject& object,
                                           std::uint64_t page, PagedSpace* space) {
  if (space != nullptr) count_fault(operation, *space, Fault::kMajor);
  constexpr PageKey kOfFile = PageKey{1} << 63;
  operation.key = kOfFile | (object.file.value << 31) | (page & 0x7FFF'FFFF);
  const Status status = room(operation, space, 1);
  if (status != Status::kDone) return status;
  const FrameIndex index = take_frame(FrameUse::kBusy);
  Transfer& transfer = start_read(index, space != nullptr ? space->id : SpaceId{});
  transfer.shown.task = operation.access.task;
  Frame& frame = frames_[index];
  frame.key = operation.key;
  frame.object = &object;
  frame.page = page;
  object.pages[page] = {.frame = index};
  transfer.object = &object;
  transfer.shown.file = object.file;
  transfer.shown.page = FilePage{page};
  outbox_.push_back(transfer.shown);
  operation.fresh = index;
  return wait_on(operation, transfer.shown.id);
}

std::vector<ResumedAccess> PagedMemory::complete(TransferId id, std::span<const std::byte> content,
                                                 bool failed) {
  const auto found = transfers_.find(id.value);
  CHECK(found != transfers_.end());
  Transfer transfer = std::move(found->second);
  transfers_.erase(found);
  if (transfer.shown.is_write)
    finish_write(transfer);
  else
    finish_read(transfer, content, failed);
  std::vector<ResumedAccess> resumed;
  for (Operation& operation : transfer.waiting) {
    if (failed && !transfer.shown.is_write) {
      operation.outcome.cost_ns = 0;
      refuse(operation, Violation::kReadFailed);
      resumed.push_back({operation.access.task, operation.outcome});
    } else {
      resume_step(std::move(operation), resumed);
    }
  }
  serve_waiting(resumed);
  return resumed;
}

void PagedMemory::finish_write(Transfer& transfer) {
  ++counted_.pages_out;
  Frame& frame = frames_[transfer.frame];
  if (transfer.keeps_frame) {
    frame.is_written = false;
    if (frame.is_doomed) drop_frame(transfer.frame);
    return;
  }
  --frames_coming_;
  if (transfer.slot != kNoSlot) {
    ++counted_.swapped_out;
    swap_.written(transfer.slot);
  } else if (!frame.is_doomed) {
    transfer.object->pages.erase(transfer.shown.page.value);
  }
  free_frame(transfer.frame);
}

void PagedMemory::finish_read(Transfer& transfer, std::span<const std::byte> content, bool failed) {
  ++counted_.pages_in;
  if (transfer.slot != kNoSlot) ++counted_.swapped_in;
  const FrameIndex index = transfer.frame;
  Frame& frame = frames_[index];
  const bool is_unwanted =
      transfer.slot != kNoSlot && frame.object == nullptr && swap_[transfer.slot].holders == 1;
  if (failed && frame.object != nullptr && !frame.is_doomed) {
    frame.object->pages.erase(frame.page);
    if (frame.slot != kNoSlot) {
      // The segment's page stays where it is.
      frame.object->pages[frame.page] = {.slot = frame.slot};
      swap_.hold(frame.slot);
    }
  }
  if (failed || frame.is_doomed || is_unwanted) return drop_frame(index);
  frame.use = frame.object == nullptr ? FrameUse::kAnonymous
              : frame.object->file    ? FrameUse::kFile
                                      : FrameUse::kSegment;
  frame.transfer = TransferId{};
  if (!content.empty() || transfer.slot == kNoSlot)
    frame.content.assign(content, page_size_);
  else
    frame.content = std::move(swap_[transfer.slot].content);
  const auto space = spaces_.find(transfer.shown.space.value);
  enter_pool(index, space != spaces_.end() ? space->second.get() : nullptr);
}

void PagedMemory::resume_step(Operation operation, std::vector<ResumedAccess>& resumed) {
  const AccessOutcome outcome = step(operation);
  if (outcome.status != Status::kBlocked) resumed.push_back({operation.access.task, outcome});
}

// Serves the waiting operations in order, until one must wait again.
void PagedMemory::serve_waiting(std::vector<ResumedAccess>& resumed) {
  while (!waiting_for_frames_.empty()) {
    Operation operation = std::move(waiting_for_frames_.front());
    waiting_for_frames_.pop_front();
    frames_waited_for_ -= operation.frames;
    const std::size_t waiting = waiting_for_frames_.size();
    resume_step(std::move(operation), resumed);
    if (waiting_for_frames_.size() > waiting) {
      waiting_for_frames_.push_front(std::move(waiting_for_frames_.back()));
      waiting_for_frames_.pop_back();
      return;
    }
  }
}

template <class Which>
void PagedMemory::forget_operations(Which&& which) {
  for (auto& [id, transfer] : transfers_) std::erase_if(transfer.waiting, which);
  std::erase_if(waiting_for_frames_, [&](const Operation& operation) {
    const bool goes = which(operation);
    if (goes) frames_waited_for_ -= operation.frames;
    return goes;
  });
}

void PagedMemory::cancel(TaskId task) {
  forget_operations([task](const Operation& o) { return o.access.task == task; });
}

void PagedMemory::forget_space(SpaceId space) {
  forget_operations([space](const Operation& o) {
    return o.kind == Operation::Kind::kAccess && o.access.space == space;
  });
}

}  // namespace spindle
