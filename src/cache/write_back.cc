// Dirty file data on its way to the device: flushes, the background thread, throttling.
#include <time.h>

#include <algorithm>
#include <utility>

#include "cache_core.h"
#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"
#include "spindle/thread/traced_task.h"

namespace spindle {
namespace {

/// What one batch hands to the device: enough for a disk to order, little enough to wait for.
constexpr std::size_t kBatchBytes = 8u << 20;
/// Data that will be old enough within this part of the age is written with what is old enough now.
constexpr std::int64_t kAgeSlackDivisor = 4;
/// Data that could not be written is left alone for this long, unless somebody asks for it by name.
constexpr std::int64_t kRetryAfterNs = 1'000'000'000;

/// The clock of monotonic_ns, read cheaply and some milliseconds late: good enough for ages.
std::int64_t coarse_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::vector<Buffer*> sorted_buffers(const std::vector<BlockRef>& blocks) {
  std::vector<Buffer*> buffers;
  buffers.reserve(blocks.size());
  for (const BlockRef& block : blocks) buffers.push_back(CacheCore::buffer_of(block));
  std::ranges::sort(buffers, {}, &Buffer::block);
  return buffers;
}

bool can_be_written(const Buffer* buffer) {
  return buffer->dirty && buffer->transfer == nullptr;
}

}  // namespace

std::size_t CacheCore::share(unsigned percent) const {
  return frames_.capacity() * percent / 100;
}

void CacheCore::mark_dirty(const BlockRef& block, InodeNo owner) {
  Buffer& buffer = *buffer_of(block);
  if (buffer.cut_off) return;
  if (buffer.logged && !std::exchange(buffer.changed_since_logged, true))
    changed_logged_.push_back(buffer.block);
  if (buffer.dirty && buffer.owner == owner) {
    if (buffer.transfer != nullptr) buffer.dirtied_again = true;
    return;
  }
  const bool was_kept = buffer.kept();
  const bool again = buffer.dirty && buffer.transfer != nullptr;
  if (buffer.dirty) dirty_.remove(buffer);
  dirty_.add(buffer, owner, coarse_now_ns());
  buffer.dirtied_again = again;
  if (!was_kept) observe_kept(buffer);
  // The threads know of older data already, unless this is the first or the share is reached now.
  const std::size_t waiting = dirty_.count() - writing_;
  if (dirty_.count() == 1 || waiting == share(options_.background_percent) + 1)
    write_back_calls_.wake_one();
}

std::vector<BlockRef> CacheCore::unlogged_dirty_blocks(InodeNo owner) {
  std::vector<BlockRef> blocks = pin_dirty({&owner, 1});
  std::erase_if(blocks, [](const BlockRef& block) { return buffer_of(block)->logged; });
  std::ranges::sort(blocks, {}, [](const BlockRef& ref) { return ref.block(); });
  return blocks;
}

std::vector<BlockRef> CacheCore::pin_dirty(std::span<const InodeNo> owners) {
  std::vector<BlockRef> blocks;
  for (InodeNo owner : owners) {
    for (Buffer* buffer = dirty_.first_of(owner); buffer != nullptr; buffer = buffer->by_owner.next)
      blocks.push_back(pin(*buffer));
  }
  return blocks;
}

// The dirty blocks that are not on their way already and have not just failed, oldest first.
std::vector<BlockRef> CacheCore::choose_oldest(std::size_t at_most, bool only_unpinned,
                                               std::int64_t dirty_before_ns) {
  std::vector<BlockRef> chosen;
  const std::int64_t failed_before_ns = coarse_now_ns() - kRetryAfterNs;
  for (Buffer* buffer = dirty_.oldest(); buffer != nullptr && chosen.size() < at_most;
       buffer = buffer->by_age.next) {
    if (buffer->dirty_since_ns > dirty_before_ns) break;
    if (!can_be_written(buffer) || (only_unpinned && buffer->pins != 0)) continue;
    if (buffer->write_failed && buffer->dirty_since_ns > failed_before_ns) continue;
    chosen.push_back(pin(*buffer));
  }
  return chosen;
}

Result<> CacheCore::flush_file(InodeNo owner) {
  const Result<> written = write_all(pin_dirty({&owner, 1}), Report::kToCaller);
  const std::optional<Error> earlier = dirty_.take_error(owner);
  TRY(written);
  if (earlier) return *earlier;
  return {};
}

// All together, so that the blocks of many small files go in as few requests as those of a large
// one.
Result<> CacheCore::flush_files(std::span<const InodeNo> owners) {
  TRY(write_all(pin_dirty(owners), Report::kToCaller));
  for (InodeNo owner : owners) dirty_.take_error(owner);
  return {};
}

Result<> CacheCore::flush_all() {
  std::vector<BlockRef> blocks;
  blocks.reserve(dirty_.count());
  for (Buffer* buffer = dirty_.oldest(); buffer != nullptr; buffer = buffer->by_age.next) {
    blocks.push_back(pin(*buffer));
  }
  return write_all(std::move(blocks), Report::kToOwner);
}

Result<> CacheCore::flush_blocks(std::span<const BlockNo> blocks) {
  std::vector<BlockRef> present;
  for (BlockNo block : blocks) {
    Buffer* buffer = frames_.find(block);
    if (buffer != nullptr && buffer->dirty) present.push_back(pin(*buffer));
  }
  return write_all(std::move(present), Report::kToOwner);
}

// Returns when all changes to the blocks that were made before the call are on the device. What is
// on its way already may have left before the last change, and is then written again.
Result<> CacheCore::write_all(std::vector<BlockRef> blocks, Report report) {
  const std::vector<Buffer*> buffers = sorted_buffers(blocks);
  std::vector<Buffer*> idle;
  std::vector<Buffer*> busy;
  for (Buffer* buffer : buffers) (buffer->transfer == nullptr ? idle : busy).push_back(buffer);
  Result<> result = write_idle(idle, report);
  for (Buffer* buffer : busy) {
    if (buffer->transfer != nullptr) buffer->transfer->wait();
  }
  idle.clear();
  std::vector<Buffer*> busy_again;
  for (Buffer* buffer : busy) {
    (buffer->transfer == nullptr ? idle : busy_again).push_back(buffer);
  }
  if (Result<> rest = write_idle(idle, report); result.ok()) result = rest;
  // These began after the call.
  for (Buffer* buffer : busy_again) {
    if (Result<> written = await_write(*buffer); result.ok()) result = written;
  }
  return result;
}

// Waits for the write-back, by somebody else, that may be under way; its error if it did not write
// this block. It may also have begun and failed while we waited for something else.
Result<> CacheCore::await_write(Buffer& buffer) const {
  std::optional<Error> error;
  if (buffer.transfer != nullptr) error = buffer.transfer->wait();
  if (!buffer.dirty || !buffer.write_failed) return {};
  return error ? *error : last_write_error_.value_or(Error{EIO, "the data could not be written"});
}

// Writes those that are dirty; the caller holds them. Those that somebody else begins to write
// meanwhile are waited for.
Result<> CacheCore::write_idle(std::span<Buffer* const> sorted, Report report) {
  const std::size_t most = std::max<std::size_t>(1, kBatchBytes / block_size_);
  Result<> result;
  std::vector<Buffer*> batch;
  for (std::size_t first = 0; first < sorted.size(); first += most) {
    const auto part = sorted.subspan(first, std::min(most, sorted.size() - first));
    await_cut_off_writes();
    batch.clear();
    std::ranges::copy_if(part, std::back_inserter(batch), can_be_written);
    if (!batch.empty()) {
      if (Result<> written = write_batch(batch, report); result.ok()) result = written;
    }
    for (Buffer* buffer : part) {
      if (Result<> written = await_write(*buffer); result.ok()) result = written;
    }
  }
  return result;
}

// The blocks are dirty and idle; no suspension before they are marked as on their way.
Result<> CacheCore::write_batch(std::span<Buffer* const> sorted, Report report) {
  BlockTransfer transfer;
  for (Buffer* buffer : sorted) {
    buffer->transfer = &transfer;
    trace_block(EventKind::kWriteBack, buffer->block.value);
  }
  const RequestList list(sorted, block_size_, IoRequest::Kind::kWrite, IoPurpose::kWriteBack);
  ++write_backs_under_way_;
  writing_ += sorted.size();
  Result<> result = submit(list);
  ++data_writes_;
  if (result.ok()) {
    for (Buffer* buffer : sorted) finish_write(*buffer, std::nullopt, report);
  } else {
    result = write_by_owner(sorted, report);
  }
  --write_backs_under_way_;
  if (!result.ok()) last_write_error_ = result.error();
  transfer.finish(result.ok() ? std::nullopt : std::optional(result.error()));
  write_waiters_.wake_all();
  frame_may_be_free();
  return result;
}

// After a batch has failed: writes each owner's part again, alone, so that an error reaches only
// the owners whom it concerns.
Result<> CacheCore::write_by_owner(std::span<Buffer* const> sorted, Report report) {
  Result<> result;
  while (!sorted.empty()) {
    std::size_t length = 1;
    while (length < sorted.size() && sorted[length]->owner == sorted[0]->owner) ++length;
    const auto part = sorted.first(length);
    const Result<> written =
        submit(RequestList(part, block_size_, IoRequest::Kind::kWrite, IoPurpose::kWriteBack));
    ++data_writes_;
    const auto error = written.ok() ? std::nullopt : std::optional(written.error());
    for (Buffer* buffer : part) finish_write(*buffer, error, report);
    if (result.ok()) result = written;
    sorted = sorted.subspan(length);
  }
  return result;
}

void CacheCore::finish_write(Buffer& buffer, const std::optional<Error>& error, Report report) {
  buffer.transfer = nullptr;
  if (buffer.cut_off) {
    --cut_off_writes_;
    return;
  }
  --writing_;
  buffer.write_failed = error.has_value();
  if (error) {
    ++counts_.failed_write_backs;
    if (report == Report::kToOwner) dirty_.remember_error(buffer.owner, *error);
    // It becomes the youngest, so that it is not what every pass tries first.
    dirty_.renew(buffer, coarse_now_ns());
  } else {
    ++counts_.written_back;
    if (buffer.dirtied_again) {
      dirty_.renew(buffer, coarse_now_ns());
    } else {
      dirty_.remove(buffer);
      if (!buffer.kept()) observe_kept(buffer);
    }
  }
  buffer.dirtied_again = false;
}

// A forgotten block may belong to somebody else by now: its old content must not arrive last.
void CacheCore::await_cut_off_writes() {
  while (cut_off_writes_ > 0) write_waiters_.wait();
}

Result<> CacheCore::flush_device() {
  await_cut_off_writes();
  const std::uint64_t writes = data_writes_;
  if (writes == flushed_writes_) return {};
  TRY(device_.flush());
  flushed_writes_ = std::max(flushed_writes_, writes);
  return {};
}

Result<> CacheCore::throttle() {
  while (dirty_.count() > share(options_.dirty_percent)) {
    if (write_backs_under_way_ != 0) {
      write_waiters_.wait();
      continue;
    }
    std::vector<BlockRef> chosen = choose_oldest(RequestList::kMaxRequestBytes / block_size_,
                                                 /*only_unpinned=*/false, thread::kNever);
    if (chosen.empty())
      return last_write_error_.value_or(Error{EIO, "too much dirty data could not be written"});
    TRY(write_all(std::move(chosen), Report::kToOwner));
  }
  return {};
}

Result<> CacheCore::start_write_back() {
  CHECK(!write_back_threads_.front().joinable());
  write_back_stops_ = false;
  for (thread::Thread& writer : write_back_threads_) {
    writer = thread::spawn("write-back", [this] { write_back_loop(); });
    if (writer.joinable()) continue;
    stop_write_back();
    return Error{ENOMEM, "there is no memory for the threads that write back"};
  }
  return {};
}

void CacheCore::stop_write_back() {
  if (!write_back_threads_.front().joinable()) return;
  write_back_stops_ = true;
  write_back_calls_.wake_all();
  write_waiters_.wake_all();
  for (thread::Thread& writer : write_back_threads_)
    if (writer.joinable()) writer.join().take();
}

bool CacheCore::too_much_waits() const {
  return dirty_.count() - writing_ > share(options_.background_percent);
}

std::int64_t CacheCore::next_due_ns() const {
  if (too_much_waits()) return 0;
  return dirty_.oldest() == nullptr ? thread::kNever
                                    : dirty_.oldest()->dirty_since_ns + options_.dirty_age_ns;
}

void CacheCore::write_back_loop() {
  // After a failure even a share that is too large waits, or a broken device would keep us busy.
  std::int64_t not_before_ns = 0;
  while (!write_back_stops_) {
    const std::int64_t due_ns = std::max(next_due_ns(), not_before_ns);
    if (due_ns > monotonic_ns()) {
      write_back_calls_.wait_until(due_ns);
    } else if (!write_back_what_is_due()) {
      not_before_ns = monotonic_ns() + kRetryAfterNs;
    }
  }
}

bool CacheCore::write_back_what_is_due() {
  const std::int64_t slack_ns = options_.dirty_age_ns / kAgeSlackDivisor;
  const std::int64_t before_ns =
      too_much_waits() ? thread::kNever : monotonic_ns() - options_.dirty_age_ns + slack_ns;
  std::vector<BlockRef> chosen =
      choose_oldest(kBatchBytes / block_size_, /*only_unpinned=*/false, before_ns);
  if (chosen.empty()) {
    // All of it is on its way already; or the coarse clock is behind the fine one.
    write_waiters_.wait_until(monotonic_ns() + kRetryAfterNs);
    return true;
  }
  const TracedTask task("write-back");
  return write_all(std::move(chosen), Report::kToOwner).ok();
}

}  // namespace spindle
