// Checkpoints: what is durable in the log goes home, and its room in the log is used again.
#include <algorithm>
#include <cstring>

#include "journal/block_rows.h"
#include "journal/journal_core.h"
#include "spindle/base/event_trace.h"
#include "spindle/thread/traced_task.h"

namespace spindle {
namespace {

/// Blocks are written home in batches of this size, between which a waiting sync is served.
constexpr std::size_t kCheckpointBatchBytes = 4u << 20;

}  // namespace

bool JournalCore::holds_much() const {
  return blocks_to_checkpoint() > cache_blocks_ / 4;
}

bool JournalCore::checkpoint_due() const {
  return !log_.empty() && (space_.used_blocks() > space_.free_blocks() || holds_much());
}

// Brings home all changes of the epochs that are durable now.
Result<> JournalCore::checkpoint(Syncs syncs) {
  const EpochNo limit = durable_;
  const TracedTask task("checkpoint", limit.value);
  // Waits for writes of freed blocks' old content that are still under way: ours come after them.
  TRY(flush_data());
  const std::vector<BlockNo> blocks = held_.up_to(limit);
  trace_event(EventKind::kCheckpoint, {limit.value, blocks.size()});
  const std::size_t batch = std::max<std::size_t>(1, kCheckpointBatchBytes / layout_.block_size);
  for (std::size_t first = 0; first < blocks.size(); first += batch) {
    const std::size_t count = std::min(batch, blocks.size() - first);
    TRY(write_home(std::span(blocks).subspan(first, count), limit));
    if (syncs == Syncs::kServed && sync_is_waiting()) TRY(commit_epoch(FullLog::kLeave));
  }
  TRY(cache_.flush_blocks(logged_.up_to(limit)));
  TRY(flush_log());
  for (BlockNo block : blocks) held_.finish_write(block);
  TRY(move_tail(limit));
  logged_.drop(limit);
  ++counts_.checkpoints;
  space_changed_.wake_all();
  return {};
}

// Copies first, so that commits can go on changing the blocks meanwhile.
Result<> JournalCore::write_home(std::span<const BlockNo> blocks, EpochNo limit) {
  const std::size_t size = layout_.block_size;
  bounce_.resize(std::max(bounce_.size(), blocks.size() * size));
  BlockRows rows;
  std::size_t used = 0;
  for (BlockNo block : blocks) {
    const std::span<const std::byte> content = held_.begin_write(block, limit, durable_);
    if (content.empty()) continue;
    const std::span<std::byte> copy = std::span(bounce_).subspan(used, size);
    std::memcpy(copy.data(), content.data(), size);
    rows.add(block, copy);
    used += size;
  }
  counts_.checkpointed_blocks += used / size;
  return rows.submit(device_, IoRequest::Kind::kWrite, IoPurpose::kMetadata);
}

// The entries up to that of `limit` are needed no more. Their room is used again only once the
// header that says so is durable.
Result<> JournalCore::move_tail(EpochNo limit) {
  if (!log_.reaches(limit)) return {};
  TRY(log_.write_tail(limit));
  TRY(flush_log());
  space_.release(log_.drop(limit));
  return {};
}

}  // namespace spindle
