// Reads of many blocks at once, the reservations for them, and read-ahead.
#include <algorithm>
#include <memory>

#include "cache_core.h"
#include "spindle/base/event_trace.h"

namespace spindle {
namespace {

constexpr std::size_t kReadAheadsAtOnce = 8;
/// One read-ahead takes at most the capacity divided by this.
constexpr std::size_t kLargestShare = 8;

struct ReservationWaiter : thread::WaitNode {
  std::size_t frames = 0;
};

}  // namespace

// At least half of the frames, spare ones included, stays for what the journal keeps and for
// single blocks.
bool CacheCore::may_reserve(std::size_t frames) const {
  const std::size_t most = std::max(frames_.capacity(), BufferCache::kMaxRange) / 2;
  return reserved_ == 0 || reserved_ + frames <= most;
}

FrameReservation CacheCore::reserve(std::size_t frames) {
  if (reservation_waiters_.empty() && may_reserve(frames)) {
    reserved_ += frames;
  } else {
    ReservationWaiter waiter;
    waiter.frames = frames;
    waiter.interruptible = false;
    reservation_waiters_.enqueue(waiter);
    thread::WaitQueue::park(waiter);  // whoever wakes it has added its frames
  }
  return {*this, frames};
}

void CacheCore::unreserve(std::size_t frames) {
  reserved_ -= frames;
  while (auto* first = static_cast<ReservationWaiter*>(reservation_waiters_.front())) {
    if (!may_reserve(first->frames)) return;
    reserved_ += first->frames;
    reservation_waiters_.wake(*first);
  }
}

Result<std::vector<BlockRef>> CacheCore::read_range(Run run, IoPurpose purpose) {
  TRY(check_run(device_, run));
  if (run.length > BufferCache::kMaxRange) {
    return Error{EINVAL, "the run is longer than one read may be", Subject::block(run.start)};
  }
  std::vector<BlockRef> blocks;
  blocks.reserve(run.length);
  std::vector<Buffer*> missing;
  BlockTransfer transfer;
  const Result<> collected = collect(run, transfer, blocks, missing);
  // Even if no frame was left for the rest: others may be waiting for those that were claimed.
  const Result<> loaded = missing.empty() ? Result<>() : load(missing, transfer, purpose);
  TRY(collected);
  TRY(loaded);
  TRY(await_loads(blocks, run, purpose));
  return blocks;
}

// Pins what is there, and claims frames for what is missing.
Result<> CacheCore::collect(Run run, BlockTransfer& transfer, std::vector<BlockRef>& blocks,
                            std::vector<Buffer*>& missing) {
  for (BlockNo block = run.start; block != run.end();) {
    Buffer* buffer = frames_.find(block);
    if (buffer == nullptr) {
      BlockRef claimed = TRY(claim(block, &transfer));
      if (!claimed) continue;
      count_miss(block);
      if (missing.empty()) missing.reserve(run.end() - block);
      missing.push_back(buffer_of(claimed));
      blocks.push_back(std::move(claimed));
    } else {
      count_access(*buffer, CacheAccess::kHit);
      blocks.push_back(pin(*buffer));
    }
    ++block;
  }
  return {};
}

// Waits for the blocks that others are loading.
Result<> CacheCore::await_loads(std::vector<BlockRef>& blocks, Run run, IoPurpose purpose) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Buffer* buffer = buffer_of(blocks[i]);
    if (buffer->loading) buffer->transfer->wait();
    // It may also have failed while another block was waited for.
    if (buffer->load_failed) {
      blocks[i] = TRY(read_slowly(run.start + i, purpose, /*counted=*/true));
    }
  }
  return {};
}

/// A read-ahead under way: it holds its frames.
struct CacheCore::ReadAhead {
  BlockTransfer transfer;
  std::vector<BlockRef> blocks;
  std::vector<Buffer*> buffers;
};

// Frames for the missing blocks of the run, until the read-ahead has `most`.
void CacheCore::claim_ahead(Run run, std::size_t most, ReadAhead& work) {
  for (BlockNo block = run.start; block != run.end() && work.buffers.size() < most; ++block) {
    if (frames_.find(block) != nullptr) continue;
    Buffer* frame = frames_.take(block);
    if (frame == nullptr) return;
    install(frame, block, &work.transfer)->read_ahead = true;
    observe(block, CacheAccess::kReadAhead);
    trace_block(EventKind::kReadAhead, block.value);
    work.blocks.push_back(pin(*frame));
    work.buffers.push_back(frame);
  }
}

void CacheCore::read_ahead(std::span<const Run> runs) {
  if (!thread::current_thread::exists() || read_aheads_ >= kReadAheadsAtOnce) return;
  const std::size_t most = std::min(BufferCache::kMaxRange, frames_.capacity() / kLargestShare);
  auto work = std::make_unique<ReadAhead>();
  for (const Run run : runs) {
    if (check_run(device_, run).ok()) claim_ahead(run, most, *work);
  }
  if (work->buffers.empty()) return;
  std::ranges::sort(work->buffers, {}, &Buffer::block);
  ++read_aheads_;
  counts_.read_ahead_blocks += work->buffers.size();
  ReadAhead* const kept = work.get();
  const Result<> spawned =
      thread::spawn_detached("read-ahead", [this, kept] { run_read_ahead(kept); });
  if (spawned.ok()) {
    static_cast<void>(work.release());
  } else {
    finish_load(kept->buffers, kept->transfer, spawned.error());
    --read_aheads_;
  }
}

void CacheCore::run_read_ahead(ReadAhead* work) {
  const std::unique_ptr<ReadAhead> held(work);
  // Threads that wait for the blocks hear of a failure; whoever asks for them later tries again.
  static_cast<void>(load(work->buffers, work->transfer, IoPurpose::kReadAhead));
  work->blocks.clear();
  --read_aheads_;
  read_ahead_waiters_.wake_all();
}

}  // namespace spindle
