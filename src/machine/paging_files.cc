// Files as programs read and write them: through the pages that memory keeps.

#include <algorithm>
#include <cstring>

#include "kernel.h"
#include "paging.h"

namespace spindle {

void Paging::read_ahead(const Thread& thread, std::uint64_t file, std::uint64_t page,
                        std::uint64_t pages) {
  const std::uint64_t frames = memory_->configuration().bytes / page_size_;
  const std::uint64_t most = std::min({pages, kMostAhead, frames / 8});
  for (std::uint64_t i = 0; i < most; ++i) {
    const TaskId task{kAhead * ++last_ahead_ + task_of(thread).value};
    const AccessOutcome outcome =
        memory_->access_file(task, InodeNo{file}, FilePage{page + i}, AccessKind::kRead);
    if (outcome.status == AccessOutcome::Status::kOutOfMemory) return;
  }
}

// progress: 0 how often a page was gone before it was read; 1 the time for copying was taken.
Outcome Paging::read(Thread& thread, OpenFile& file) {
  const auto size = kernel_.host.size(file.file);
  if (!size.ok()) return size.error();
  const auto most = static_cast<std::uint64_t>(thread.request.numbers[1]);
  const std::uint64_t end = std::min(*size, file.position + most);
  std::string& collected = thread.collected;
  memory_->set_file_bytes(InodeNo{file.file}, *size);
  resumed_.erase(thread.id);
  for (std::uint64_t at = file.position + collected.size(); at < end;
       at = file.position + collected.size()) {
    const FilePage page{at / page_size_};
    const AccessOutcome outcome =
        memory_->access_file(task_of(thread), InodeNo{file.file}, page, AccessKind::kRead);
    const bool is_blocked = outcome.status == AccessOutcome::Status::kBlocked;
    if (is_blocked)
      read_ahead(thread, file.file, page.value + 1, (*size - 1) / page_size_ - page.value);
    if (is_blocked && ++thread.progress[0] <= kMostTries) return await(thread, "io_schedule");
    start_transfers();
    const std::uint64_t count = std::min(end - at, page_size_ - at % page_size_);
    const auto content = memory_->file_content(InodeNo{file.file}, page);
    const std::size_t before = collected.size();
    collected.resize(before + count);
    if (!content.empty()) {
      std::memcpy(collected.data() + before, content.data() + at % page_size_, count);
      continue;
    }
    // Memory is so short that a page does not stay until it is read: so this reads past it.
    if (is_blocked) memory_->cancel(task_of(thread));
    const auto got = kernel_.host.read(
        file.file, at, std::as_writable_bytes(std::span(collected.data() + before, count)));
    if (!got.ok()) return got.error();
    if (*got < count) break;
  }
  if (std::exchange(thread.progress[1], 1) == 0)
    if (const std::int64_t ns = kernel_.configuration.costs.copy_ns(collected.size()); ns > 0)
      return Outcome::busy(ns);
  file.position += collected.size();
  return Response::of(std::move(collected));
}

void Paging::written(std::uint64_t file, std::uint64_t offset, std::string_view text) {
  if (const auto size = kernel_.host.size(file); size.ok())
    memory_->set_file_bytes(InodeNo{file}, *size);
  for (std::uint64_t done = 0; done < text.size();) {
    const std::uint64_t at = offset + done;
    const std::uint64_t count = std::min(text.size() - done, page_size_ - at % page_size_);
    memory_->write_through(InodeNo{file}, FilePage{at / page_size_}, at % page_size_,
                           std::as_bytes(std::span(text)).subspan(done, count));
    done += count;
  }
}

void Paging::opened(const HostFile& file) {
  const auto [known, is_new] = versions_.try_emplace(file.id, file.version);
  if (!is_new && std::exchange(known->second, file.version) != file.version)
    memory_->set_file_bytes(InodeNo{file.id}, 0);
  memory_->set_file_bytes(InodeNo{file.id}, file.size);
}

void Paging::truncated(std::uint64_t file, std::uint64_t size) {
  memory_->set_file_bytes(InodeNo{file}, size);
}

}  // namespace spindle
