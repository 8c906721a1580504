// The journal's thread: closing the open epoch and making it durable.
#include <algorithm>

#include "journal/journal_core.h"
#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"
#include "spindle/thread/traced_task.h"

namespace spindle {
namespace {

/// An epoch of this size is closed whatever the time: that bounds memory and what a crash can cost.
constexpr std::size_t kLargeEpoch = 4u << 20;
constexpr std::size_t kStackSize = 256 * 1024;
/// A commit that waits for more to join it does so for no longer than a commit takes, nor than
/// this.
constexpr std::int64_t kLongestGatheringNs = 5'000'000;
/// What takes less than this is not worth waiting for.
constexpr std::int64_t kShortCommitNs = 50'000;
/// An interval longer than this means that nothing is to happen by the clock, so that runs repeat.
constexpr std::int64_t kByTheClockNs = 86'400'000'000'000;

/// Joins runs that touch. For each run all blocks in memory are searched, and a large file is freed
/// in many parts: joined, they cost one search.
void join_neighbours(std::vector<Run>& runs) {
  std::ranges::sort(runs, {}, &Run::start);
  std::size_t kept = 0;
  for (const Run& run : runs) {
    if (kept != 0 && run.start <= runs[kept - 1].end()) {
      Run& last = runs[kept - 1];
      last.length = std::max(last.end(), run.end()) - last.start;
    } else {
      runs[kept++] = run;
    }
  }
  runs.resize(kept);
}

}  // namespace

Result<> JournalCore::start() {
  thread_ = thread::spawn({.name = "journal", .stack_size = kStackSize}, [this] { run(); });
  if (!thread_.joinable()) return Error{ENOMEM, "there is no memory for the journal's thread"};
  return {};
}

void JournalCore::stop() {
  stops_ = true;
  work_.wake_all();
  if (thread_.joinable()) thread_.join().take();
}

void JournalCore::run() {
  while (!stops_) {
    if (failure_) {
      work_.wait();
    } else if (const Result<> served = serve_one(); !served.ok()) {
      fail(served.error());
    }
  }
}

bool JournalCore::sync_is_waiting() const {
  return wanted_ > durable_ && !open_.empty();
}

std::size_t JournalCore::large_epoch_bytes() const {
  return std::min<std::size_t>(kLargeEpoch, space_.capacity_bytes() / 4);
}

// Closes the epoch before the log is so full that transactions would have to wait for it.
void JournalCore::close_if_large() {
  if (open_.is_large || open_.cost() <= large_epoch_bytes()) return;
  open_.is_large = true;
  work_.wake_one();
}

bool JournalCore::commit_due() const {
  if (open_.empty()) return false;
  return sync_is_waiting() || open_.cost() > large_epoch_bytes() ||
         (holds_much() && log_.empty()) ||
         monotonic_ns() - open_.begun_ns >= options_.commit_interval_ns;
}

// One piece of work, or one wait for some.
Result<> JournalCore::serve_one() {
  if (space_wanted_) return make_space();
  if (commit_due()) {
    gather_syncs();
    return commit_epoch(FullLog::kEmpty);
  }
  if (checkpoints_wanted_ > checkpoints_served_) {
    const std::uint64_t wanted = checkpoints_wanted_;
    TRY(checkpoint(Syncs::kServed));
    checkpoints_served_ = wanted;
    checkpoint_done_.wake_all();
    return {};
  }
  if (checkpoint_due()) return checkpoint(Syncs::kServed);
  if (open_.empty()) {
    work_.wait();
  } else {
    work_.wait_until(open_.begun_ns + options_.commit_interval_ns);
  }
  return {};
}

bool JournalCore::space_is_short() const {
  return (!space_waiters_.empty() && !fits(space_waiters_.front()->bytes)) ||
         (initialise_waits_ && !fits_initialise());
}

// What still does not fit after this waits for transactions under way to commit.
Result<> JournalCore::make_space() {
  space_wanted_ = false;
  if (space_is_short() && !log_.empty()) TRY(checkpoint(Syncs::kWait));
  if (space_is_short() && !open_.empty()) {
    TRY(commit_epoch(FullLog::kEmpty));
    TRY(checkpoint(Syncs::kWait));
  }
  return {};
}

void JournalCore::sort_ordered() {
  auto& ordered = open_.ordered;
  std::ranges::sort(ordered);
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
}

// --- The group commit --------------------------------------------------------------------------

// Of the open epoch with so many blocks of file data.
std::size_t JournalCore::entry_bytes(std::size_t data_blocks) const {
  return std::max(open_.cost(), sizeof(format::LogHead)) + data_blocks * route_.block_bytes();
}

// Callers that sync over and over come back soon after they were served. Without waiting for them,
// the first to come would get a commit for itself each time, and the others the next.
void JournalCore::gather_syncs() {
  if (last_commit_ns_ < kShortCommitNs || options_.commit_interval_ns > kByTheClockNs) return;
  const std::int64_t until_ns = monotonic_ns() + std::min(last_commit_ns_, kLongestGatheringNs);
  while (open_.syncs != 0 && open_.syncs < expected_syncs_ && !space_wanted_ && !stops_ &&
         monotonic_ns() < until_ns) {
    work_.wait_until(until_ns);
  }
}

Result<> JournalCore::commit_epoch(FullLog full) {
  // Those who are ready to run may still join this epoch.
  thread::yield();
  if (open_.empty()) return {};
  sort_ordered();
  if (!space_.may_close(entry_bytes(route_.required_blocks(open_.ordered)))) {
    if (full == FullLog::kLeave) return {};
    TRY(checkpoint(Syncs::kWait));
    // The log is empty now, and no data is logged: what is left fits, see LogSpace.
    sort_ordered();
  }
  const TracedTask task("commit", open_.number.value);
  const std::int64_t began_ns = monotonic_ns();
  const DataPlan plan = close_epoch();
  TRY(write_ordered(plan));
  TRY(write_entry());
  TRY(flush_log());
  last_commit_ns_ = monotonic_ns() - began_ns;
  const bool was_awaited = closing_.syncs != 0;
  finish_epoch();
  // Those whose wait is over go first.
  if (was_awaited) log_.make_ready();
  return {};
}

// The one moment in which the epoch ends: nothing in here suspends.
DataPlan JournalCore::close_epoch() {
  join_neighbours(open_.revoked);
  // No older epoch is under way that could still need the data of what this one frees; but an fsync
  // may: then the freed blocks are forgotten only when the freeing is durable.
  if (file_flushes_ == 0) {
    for (Run run : open_.revoked) cache_.forget(run);
  }
  DataPlan plan = route_.plan(open_.ordered, entry_bytes(0));
  CHECK(space_.may_close(entry_bytes(plan.log.size())));
  for (const DataPlan::Block& block : plan.log) {
    open_.log.data(block.frame.block(), block.frame.bytes());
    logged_.add(block.frame, block.owner, open_.number);
  }
  for (HeldBlock* held : open_.changed) {
    const std::span<std::byte> bytes = held->frame.writable();
    format::seal_block(bytes, layout_.seed, held->frame.block(), open_.number);
    open_.log.seal(held->frame.block(), format::at<format::BlockHeader>(bytes, 0).checksum);
  }
  const std::uint64_t blocks = log::blocks_for(open_.log.size(), layout_.block_size);
  space_.use(blocks);
  log_.place(open_.number, blocks);
  counts_.data_logged_blocks += plan.log.size();
  std::swap(open_, closing_);
  open_.clear(closing_.number + 1);
  return plan;
}

Result<> JournalCore::write_ordered(const DataPlan& plan) {
  // The first answer may be about a write-back that somebody else began and that failed.
  if (!cache_.flush_files(plan.flush).ok()) TRY(cache_.flush_files(plan.flush));
  if (!closing_.ordered.empty() && flushed_writes_ != cache_.data_writes()) TRY(flush_data());
  return {};
}

Result<> JournalCore::write_entry() {
  const std::span<std::byte> entry = closing_.log.finish(layout_, closing_.number);
  trace_event(EventKind::kLog,
              {closing_.number.value, log_.head_block(), entry.size() / layout_.block_size});
  TRY(log_.write(entry));
  counts_.log_bytes += entry.size();
  return {};
}

Result<> JournalCore::flush_log() {
  const std::uint64_t writes = cache_.data_writes();
  TRY(device_.flush());
  flushed_writes_ = std::max(flushed_writes_, writes);
  ++counts_.flushes;
  return {};
}

void JournalCore::finish_epoch() {
  durable_ = closing_.number;
  trace_event(EventKind::kDurable, {durable_.value});
  ++counts_.epochs;
  for (Run run : closing_.revoked) {
    held_.erase(run, durable_);
    logged_.erase(run);
    cache_.forget(run);
  }
  expected_syncs_ = closing_.syncs + open_.syncs;
  closing_.clear(EpochNo{});
  durable_changed_.wake_all();
  // The epoch's own blocks that were freed are held no more, and the open epoch has begun anew.
  space_changed_.wake_all();
  for (const auto& callback : durable_callbacks_) callback(durable_);
}

}  // namespace spindle
