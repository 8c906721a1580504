#include "cache_core.h"

#include <algorithm>
#include <cstring>

#include "spindle/base/check.h"
#include "spindle/base/event_trace.h"

namespace spindle {
namespace {

/// How often others may run in the hope that they let go of a frame, before a spare one is used.
constexpr unsigned kYieldsForFrame = 8;

/// Ten years: keeps sums of times in range.
constexpr std::int64_t kLongestAgeNs = 315'360'000'000'000'000;

std::size_t capacity_blocks(const BufferCache::Options& options, std::uint32_t block_size) {
  return std::max<std::size_t>({options.capacity_bytes / block_size, options.least_blocks, 1});
}

/// A quarter more, and at least one range of the largest size.
std::size_t spare_blocks(std::size_t capacity) {
  return std::max(capacity / 4, BufferCache::kMaxRange);
}

}  // namespace

CacheCore::CacheCore(BlockDevice& device, const BufferCache::Options& options)
    : device_(device),
      options_(options),
      block_size_(device.block_size()),
      block_count_(device.block_count()),
      frames_(capacity_blocks(options, block_size_),
              spare_blocks(capacity_blocks(options, block_size_)), block_size_) {
  options_.policy = {};  // The text may not live as long as the cache.
  options_.dirty_age_ns = std::clamp<std::int64_t>(options.dirty_age_ns, 0, kLongestAgeNs);
}

CacheCore::~CacheCore() {
  stop_write_back();
  while (read_aheads_ > 0 && thread::current_thread::exists()) read_ahead_waiters_.wait();
}

BlockRef CacheCore::pin(Buffer& buffer) {
  if (buffer.pins++ == 0) ++pinned_;
  return BlockRef(&buffer);
}

void CacheCore::last_unpinned(Buffer& buffer) {
  --pinned_;
  if (!buffer.in_policy) {
    frames_.settle(buffer);
    if (observer_ != nullptr && buffer.in_policy) observer_->settled(buffer.block);
  }
  if (!frame_waiters_.empty()) frame_waiters_.wake_one();
}

void CacheCore::frame_may_be_free() {
  frame_waiters_.wake_all();
}

void CacheCore::count_access(Buffer& buffer, CacheAccess access) {
  if (access == CacheAccess::kHit) {
    ++counts_.hits;
    history_.count(true);
    trace_block(EventKind::kHit, buffer.block.value);
  }
  observe(buffer.block, access);
  if (buffer.read_ahead) {
    buffer.read_ahead = false;
    ++counts_.read_ahead_used;
    frames_.arrive(buffer);
  } else {
    frames_.touch(buffer);
  }
}

void CacheCore::count_miss(BlockNo block) {
  ++counts_.misses;
  history_.count(false);
  trace_block(EventKind::kMiss, block.value);
  // A loaded policy that misbehaves is another one from then on.
  if (observer_ != nullptr && observed_policy_ != frames_.policy()) begin_experiment();
  observe(block, CacheAccess::kMiss);
}

Result<BlockRef> CacheCore::read(BlockNo block, IoPurpose purpose) {
  Buffer* buffer = frames_.find(block);
  if (buffer == nullptr || buffer->loading) return read_slowly(block, purpose, /*counted=*/false);
  count_access(*buffer, CacheAccess::kHit);
  return pin(*buffer);
}

Result<BlockRef> CacheCore::read_slowly(BlockNo block, IoPurpose purpose, bool counted) {
  for (;; counted = true) {
    if (Buffer* buffer = frames_.find(block)) {
      if (!counted) count_access(*buffer, CacheAccess::kHit);
      BlockRef ref = pin(*buffer);
      if (!buffer->loading) return ref;
      const std::optional<Error> error = buffer->transfer->wait();
      if (!error) return ref;
      // Another block of the same transfer may have been the bad one: then this one is tried alone.
      const bool of_another =
          error->subject.kind == Subject::Kind::kBlock && error->subject.number != block.value;
      if (!of_another) return *error;
      continue;
    }
    if (block.value >= block_count_) {
      return Error{EINVAL, "the block is outside of the device", Subject::block(block)};
    }
    if (!counted) count_miss(block);
    BlockTransfer transfer;
    BlockRef ref = TRY(claim(block, &transfer));
    if (!ref) continue;
    Buffer* const missing[] = {buffer_of(ref)};
    TRY(load(missing, transfer, purpose));
    return ref;
  }
}

// A frame for the block, which was absent; an empty ref if somebody else brought it in while this
// waited for a frame.
Result<BlockRef> CacheCore::claim(BlockNo block, BlockTransfer* transfer) {
  Buffer* frame = TRY(acquire_frame(block));
  if (frames_.find(block) != nullptr) {
    frames_.give_back(*frame);
    frame_may_be_free();
    return BlockRef();
  }
  return pin(*install(frame, block, transfer));
}

Buffer* CacheCore::install(Buffer* frame, BlockNo block, BlockTransfer* transfer) {
  frames_.install(*frame, block);
  frame->loading = transfer != nullptr;
  frame->transfer = transfer;
  return frame;
}

Result<Buffer*> CacheCore::acquire_frame(BlockNo incoming) {
  std::optional<Error> failure;
  const bool may_wait = thread::current_thread::exists();
  for (unsigned yields = 0;;) {
    if (Buffer* frame = frames_.take(incoming)) return frame;
    if (!failure) {
      std::vector<BlockRef> chosen = choose_oldest(RequestList::kMaxRequestBytes / block_size_,
                                                   /*only_unpinned=*/true, thread::kNever);
      if (!chosen.empty()) {
        if (Result<> written = write_all(std::move(chosen), Report::kToOwner); !written.ok()) {
          failure = written.error();
        }
        continue;
      }
    }
    if (may_wait && transfers_under_way_ > 0) {
      frame_waiters_.wait();
    } else if (may_wait && yields < kYieldsForFrame) {
      ++yields;
      thread::yield();
    } else if (Buffer* spare = frames_.take_spare()) {
      ++counts_.over_capacity;
      return spare;
    } else {
      return failure.value_or(Error{ENOMEM, "every block of the cache is in use"});
    }
  }
}

Result<> CacheCore::submit(const RequestList& list) {
  ++transfers_under_way_;
  Result<> result = device_.submit(list.requests());
  --transfers_under_way_;
  return result;
}

Result<> CacheCore::load(std::span<Buffer* const> sorted, BlockTransfer& transfer,
                         IoPurpose purpose) {
  const RequestList list(sorted, block_size_, IoRequest::Kind::kRead, purpose);
  const Result<> result = submit(list);
  finish_load(sorted, transfer, result.ok() ? std::nullopt : std::optional(result.error()));
  return result;
}

// The caller holds the buffers.
void CacheCore::finish_load(std::span<Buffer* const> buffers, BlockTransfer& transfer,
                            const std::optional<Error>& error) {
  for (Buffer* buffer : buffers) {
    buffer->transfer = nullptr;
    buffer->loading = false;
    buffer->load_failed = error.has_value();
    if (!error || buffer->cut_off) continue;
    frames_.cut_off(*buffer);
    if (observer_ != nullptr) observer_->forgotten({buffer->block, 1});
  }
  if (error) ++counts_.failed_loads;
  transfer.finish(error);
  frame_may_be_free();
}

Result<BlockRef> CacheCore::replace(BlockNo block) {
  BlockRef ref;
  while (!ref) {
    Buffer* buffer = frames_.find(block);
    if (buffer == nullptr) {
      if (block.value >= block_count_) {
        return Error{EINVAL, "the block is outside of the device", Subject::block(block)};
      }
      ref = TRY(claim(block, nullptr));
      if (ref) {
        observe(block, CacheAccess::kBlank);
        trace_block(EventKind::kBlank, block.value);
      }
      continue;
    }
    BlockRef present = pin(*buffer);
    // A load that fails takes the frame from its number; then a new one is needed.
    while (buffer->transfer != nullptr) buffer->transfer->wait();
    if (buffer->cut_off) continue;
    count_access(*buffer, CacheAccess::kBlank);
    ref = std::move(present);
  }
  buffer_of(ref)->verified_kind = 0;
  return ref;
}

Result<BlockRef> CacheCore::blank(BlockNo block) {
  BlockRef ref = TRY(replace(block));
  std::memset(buffer_of(ref)->bytes, 0, block_size_);
  return ref;
}

BlockRef CacheCore::peek(BlockNo block) {
  Buffer* buffer = frames_.find(block);
  return buffer == nullptr || buffer->loading ? BlockRef() : pin(*buffer);
}

void CacheCore::write_access(const BlockRef& block) {
  Buffer* buffer = buffer_of(block);
  while (buffer->transfer != nullptr) buffer->transfer->wait();
}

void CacheCore::set_logged(const BlockRef& block, bool logged) {
  Buffer* buffer = buffer_of(block);
  if (buffer->cut_off) return;
  const bool was_kept = buffer->kept();
  buffer->logged = logged;
  buffer->changed_since_logged = false;
  if (buffer->kept() != was_kept) observe_kept(*buffer);
}

void CacheCore::set_held(const BlockRef& block, bool held) {
  Buffer* buffer = buffer_of(block);
  if (buffer->cut_off) return;
  const bool was_kept = buffer->kept();
  buffer->held = held;
  if (buffer->kept() != was_kept) observe_kept(*buffer);
}

void CacheCore::forget(Run run) {
  if (observer_ != nullptr) observer_->forgotten(run);
  if (run.length > frames_.used()) {
    frames_.for_each([&](Buffer& buffer) {
      if (run.contains(buffer.block)) cut_off(buffer);
    });
    return;
  }
  for (BlockNo block = run.start; block != run.end(); ++block) {
    if (Buffer* buffer = frames_.find(block)) cut_off(*buffer);
  }
}

void CacheCore::cut_off(Buffer& buffer) {
  if (buffer.transfer != nullptr && !buffer.loading) {
    ++cut_off_writes_;
    --writing_;
  }
  if (buffer.dirty) {
    dirty_.remove(buffer);
    write_waiters_.wake_all();
  }
  frames_.cut_off(buffer);
  frames_.settle(buffer);
  frame_may_be_free();
}

void CacheCore::drop_clean() {
  frames_.for_each([&](Buffer& buffer) {
    if (buffer.evictable()) cut_off(buffer);
  });
  if (observer_ != nullptr) observer_->emptied();
}

void CacheCore::set_observer(CacheObserver* observer) {
  observer_ = observer;
  if (observer_ != nullptr) begin_experiment();
}

Result<> CacheCore::set_policy(std::string_view name) {
  TRY(frames_.set_policy(name));
  restart_observer();
  return {};
}

// The policy in use forgets what it has learnt, so that it has no head start on those that it is
// compared with.
void CacheCore::begin_experiment() {
  const Result<> renewed = frames_.set_policy(frames_.policy());
  CHECK(renewed.ok());
  restart_observer();
}

void CacheCore::restart_observer() {
  if (observer_ == nullptr) return;
  observed_policy_ = frames_.policy();
  std::vector<CacheContents::Present> present;
  for (const Buffer* buffer : frames_.by_recency())
    present.push_back({buffer->block, buffer->frame, buffer->kept(), buffer->read_ahead});
  observer_->restarted(
      {observed_policy_, frames_.capacity(), present, frames_.free_frames(), this});
}

CacheStatistics CacheCore::statistics() const {
  CacheStatistics all = counts_;
  all.reads = all.hits + all.misses;
  all.evictions = frames_.evictions();
  all.capacity_blocks = frames_.capacity();
  all.used_blocks = frames_.used();
  all.dirty_blocks = dirty_.count();
  all.pinned_blocks = pinned_;
  return all;
}

void CacheCore::reset_statistics() {
  counts_ = {};
  history_.reset();
  frames_.reset_evictions();
  begin_experiment();
}

}  // namespace spindle
