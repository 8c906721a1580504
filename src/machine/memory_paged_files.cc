// The cache of files: as read() and write() use it, and what becomes of it.

#include <algorithm>

#include "memory_paged.h"

namespace spindle {

PageObject& PagedMemory::file_object(InodeNo file) {
  const auto [found, is_new] = files_.try_emplace(file.value);
  if (is_new) found->second.file = file;
  return found->second;
}

AccessOutcome PagedMemory::access_file(TaskId task, InodeNo file, FilePage page, AccessKind kind) {
  Operation operation{.kind = Operation::Kind::kFile,
                      .access = {.space = {}, .task = task, .address = {}, .kind = kind},
                      .file = file,
                      .page = page};
  return step(operation);
}

AccessOutcome PagedMemory::step_file(Operation& operation) {
  AccessOutcome& outcome = operation.outcome;
  PageObject& object = file_object(operation.file);
  const std::uint64_t page = operation.page.value;
  if (page * page_size_ >= object.bytes) {
    refuse(operation, Violation::kBeyondEnd);
    return outcome;
  }
  const auto found = object.pages.find(page);
  if (found == object.pages.end()) {
    operation.outcome.fault = Fault::kMajor;
    outcome.status = read_file(operation, object, page, nullptr);
    return outcome;
  }
  const ObjectPage there = found->second;
  const bool is_busy = there.frame != kNoFrame && frames_[there.frame].use == FrameUse::kBusy;
  if (there.frame == kNoFrame || is_busy) {
    outcome.status = wait_on(operation, is_busy ? frames_[there.frame].transfer : there.writing);
    return outcome;
  }
  Frame& frame = frames_[there.frame];
  if (operation.fresh != there.frame && frame.pool != nullptr) frame.pool->touch(frame);
  frame.last_use = counted_.references;
  if (operation.access.kind == AccessKind::kWrite) mark_dirty(there.frame);
  outcome.status = Status::kDone;
  return outcome;
}

std::span<std::byte> PagedMemory::file_content(InodeNo file, FilePage page) {
  const auto object = files_.find(file.value);
  if (object == files_.end()) return {};
  const auto found = object->second.pages.find(page.value);
  if (found == object->second.pages.end() || found->second.frame == kNoFrame) return {};
  Frame& frame = frames_[found->second.frame];
  if (frame.use == FrameUse::kBusy) return {};
  return frame.content.writable(page_size_);
}

void PagedMemory::write_through(InodeNo file, FilePage page, std::uint64_t offset,
                                std::span<const std::byte> bytes) {
  if (const auto content = file_content(file, page); !content.empty())
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
  for (auto& [id, transfer] : transfers_) {
    const PageTransfer& shown = transfer.shown;
    const bool is_the_page =
        shown.is_write && !shown.is_swap && shown.file == file && shown.page == page;
    if (is_the_page)
      std::ranges::copy(bytes, transfer.content.writable(page_size_).begin() +
                                   static_cast<std::ptrdiff_t>(offset));
  }
}

AccessOutcome PagedMemory::sync_file(TaskId task, InodeNo file) {
  Operation operation{.kind = Operation::Kind::kSync,
                      .access = {.space = {}, .task = task, .address = {}},
                      .file = file};
  for (const auto& [page, there] : file_object(file).pages) {
    if (there.frame == kNoFrame) continue;
    const Frame& frame = frames_[there.frame];
    if (frame.use == FrameUse::kFile && frame.dirty && !frame.is_written)
      start_write_back(there.frame);
  }
  operation.until = TransferId{last_id_};
  return step(operation);
}

// Writes the page out as it is now; it stays in memory.
void PagedMemory::start_write_back(FrameIndex index) {
  Frame& frame = frames_[index];
  Transfer& transfer = start(index, SpaceId{});
  transfer.shown.is_write = true;
  frame.use = FrameUse::kFile;
  frame.transfer = TransferId{};
  frame.is_written = true;
  frame.dirty = false;
  if (frame.pool != nullptr) frame.pool->set_dirty(frame, false);
  transfer.keeps_frame = true;
  transfer.object = frame.object;
  transfer.content = frame.content.copy(page_size_);
  transfer.shown.file = frame.object->file;
  transfer.shown.page = FilePage{frame.page};
  transfer.shown.content = transfer.content.writable(page_size_);
  outbox_.push_back(transfer.shown);
}

AccessOutcome PagedMemory::step_sync(Operation& operation) {
  operation.outcome.status = Status::kDone;
  for (const auto& [id, transfer] : transfers_) {
    if (id > operation.until.value) break;
    const bool is_ours =
        transfer.shown.is_write && !transfer.shown.is_swap && transfer.shown.file == operation.file;
    if (!is_ours) continue;
    operation.outcome.status = wait_on(operation, TransferId{id});
    break;
  }
  return operation.outcome;
}

void PagedMemory::set_file_bytes(InodeNo file, std::uint64_t bytes) {
  PageObject& object = file_object(file);
  object.bytes = bytes;
  const std::uint64_t pages = (bytes + page_size_ - 1) / page_size_;
  while (!object.pages.empty() && object.pages.rbegin()->first >= pages)
    drop_object_page(object, object.pages.rbegin()->first);
}

// Drops the page, wherever it is.
void PagedMemory::drop_object_page(PageObject& object, std::uint64_t page) {
  const ObjectPage there = object.pages.at(page);
  object.pages.erase(page);
  if (there.slot != kNoSlot) swap_.let_go(there.slot);
  if (there.writing) frames_[transfers_.at(there.writing.value).frame].is_doomed = true;
  if (there.frame == kNoFrame) return;
  Frame& frame = frames_[there.frame];
  if (frame.use == FrameUse::kBusy) {
    frame.is_doomed = true;
    return;
  }
  while (frame.sharers != nullptr) unlink(*frame.sharers);
  if (!frame.is_written) return drop_frame(there.frame);
  frame.is_doomed = true;
  if (frame.pool != nullptr) frame.pool->erase(there.frame);
}

std::uint64_t PagedMemory::drop_caches() {
  std::uint64_t dropped = 0;
  for (FrameIndex index = 0; index < frames_.size(); ++index) {
    const Frame& frame = frames_[index];
    if (frame.use != FrameUse::kFile || frame.mappings > 0 || !may_go_at_once(index)) continue;
    if (frame.dirty || frame.is_doomed) continue;
    evict(index);
    ++dropped;
  }
  return dropped;
}

}  // namespace spindle
