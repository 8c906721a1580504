#include "journal/journal_core.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"

namespace spindle {
namespace {

/// The number of transactions whose memory is kept for the next ones.
constexpr std::size_t kSpareTransactions = 32;

format::GroupDescriptor table_entry(const BlockRef& table, std::size_t offset) {
  return format::at<format::GroupDescriptor>(table.bytes(), offset);
}

}  // namespace

JournalCore::JournalCore(BufferCache& cache, const format::Layout& layout,
                         const Journal::Options& options, const log::Tail& tail)
    : cache_(cache),
      device_(cache.device()),
      layout_(layout),
      options_(options),
      cache_blocks_(cache.statistics().capacity_blocks),
      durable_{tail.epoch - 1},
      held_(cache),
      logged_(cache),
      space_(log::area(layout).length, layout.block_size),
      log_(device_, layout_, tail),
      installer_(cache, held_, open_),
      route_(cache, layout_, options_, logged_, space_),
      flushed_writes_(cache.data_writes()) {
  open_.clear(durable_ + 1);
}

JournalCore::~JournalCore() {
  // A transaction refers to its journal.
  CHECK(live_transactions_ == 0);
}

// --- Reservations ------------------------------------------------------------------------------

Error JournalCore::refusal() const {
  return Error{EROFS, failure_->what, failure_->subject};
}

// Blocks that wait for a checkpoint stay in memory: they must leave room for what is being used.
bool JournalCore::leaves_room_in_cache() const {
  return blocks_to_checkpoint() <= cache_blocks_ / 2;
}

bool JournalCore::fits(std::size_t bytes) const {
  return leaves_room_in_cache() && space_.fits(open_.cost(), bytes);
}

Result<std::unique_ptr<TransactionState>> JournalCore::begin(std::size_t bytes) {
  if (failure_) return refusal();
  if (bytes > space_.largest_transaction()) {
    return Error{EFBIG, "the transaction is larger than the journal"};
  }
  if (!space_waiters_.empty() || !fits(bytes)) TRY(wait_for_space(bytes));
  space_.reserve(bytes);
  ++live_transactions_;
  std::unique_ptr<TransactionState> transaction;
  if (spare_.empty()) {
    transaction = std::make_unique<TransactionState>();
    transaction->core = this;
  } else {
    transaction = std::move(spare_.back());
    spare_.pop_back();
  }
  transaction->reserved = bytes;
  trace_event(EventKind::kBegin, {bytes});
  return transaction;
}

// First come, first served: a large transaction is not starved by small ones.
Result<> JournalCore::wait_for_space(std::size_t bytes) {
  ++counts_.waits_for_space;
  trace_event(EventKind::kLogFull, {bytes});
  SpaceWaiter me{bytes};
  space_waiters_.push_back(&me);
  while (!failure_ && (space_waiters_.front() != &me || !fits(bytes))) {
    if (space_waiters_.front() == &me) {
      space_wanted_ = true;
      work_.wake_one();
    }
    space_changed_.wait();
  }
  std::erase(space_waiters_, &me);
  space_changed_.wake_all();
  if (failure_) return refusal();
  return {};
}

bool JournalCore::reserve_more(TransactionState& transaction, std::size_t bytes) {
  if (!space_.fits(open_.cost(), bytes)) return false;
  space_.reserve(bytes);
  transaction.reserved += bytes;
  return true;
}

void JournalCore::recycle(std::unique_ptr<TransactionState> transaction) {
  space_.unreserve(transaction->reserved);
  --live_transactions_;
  if (!space_waiters_.empty() || initialise_waits_) space_changed_.wake_all();
  transaction->clear();
  if (spare_.size() < kSpareTransactions) spare_.push_back(std::move(transaction));
}

Result<BlockRef> JournalCore::read(BlockNo block, format::BlockKind kind) {
  return read_metadata(cache_, layout_.seed, block, kind);
}

// --- What a commit does ------------------------------------------------------------------------

// The open epoch got its first change: from now on it has a deadline.
void JournalCore::changes_began() {
  open_.begun_ns = monotonic_ns();
  work_.wake_one();
}

EpochNo JournalCore::install(const TransactionState& transaction) {
  const bool began = open_.empty();
  installer_.install(transaction);
  ++counts_.transactions;
  trace_event(EventKind::kCommit,
              {open_.number.value, transaction.blocks.size(), transaction.used});
  if (began && !open_.empty()) changes_began();
  close_if_large();
  return open_.number;
}

// --- Blocks that get their first content -------------------------------------------------------

// Many may come one after another, so memory counts here as in `fits`.
bool JournalCore::fits_initialise() const {
  return leaves_room_in_cache() && space_.fits_initialise(open_.cost());
}

// Waiting here while transactions stand is safe: all that they were promised and one block fit the
// log once it is empty, and emptying it waits for no transaction.
Result<> JournalCore::wait_to_initialise() {
  while (!failure_ && !fits_initialise()) {
    initialise_waits_ = true;
    space_wanted_ = true;
    work_.wake_one();
    space_changed_.wait();
  }
  initialise_waits_ = false;
  if (failure_) return refusal();
  return {};
}

void JournalCore::install_first(const BlockRef& frame, const FirstContent& first) {
  if (open_.empty()) changes_began();
  std::vector<std::byte> content(layout_.block_size);
  format::begin_block(content, first.kind, 0);
  first.fill(content);
  installer_.install_fresh(frame, content, first.kind);
}

Result<> JournalCore::prepare(const FirstContent& content) {
  const std::scoped_lock one_at_a_time(initialise_mutex_);
  const BlockRef frame = TRY(cache_.blank(content.block));
  TRY(wait_to_initialise());
  install_first(frame, content);
  return {};
}

Result<> JournalCore::initialise(const FirstContent& content, const WrittenMark& mark) {
  const std::scoped_lock one_at_a_time(initialise_mutex_);
  const BlockRef table = TRY(read(mark.descriptor.block, format::BlockKind::kGroupTable));
  const auto marked = [&] {
    auto copy = table_entry(table, mark.descriptor.offset);
    mark.set(copy);
    return copy;
  };
  const auto is_done = [&] {
    const format::GroupDescriptor now = table_entry(table, mark.descriptor.offset);
    const format::GroupDescriptor then = marked();
    return std::memcmp(&now, &then, sizeof now) == 0;
  };
  if (is_done()) return {};
  const BlockRef frame = TRY(cache_.blank(content.block));
  TRY(wait_to_initialise());
  // From here on nothing suspends.
  install_first(frame, content);
  const format::GroupDescriptor entry = marked();
  installer_.install_bytes(table, mark.descriptor.offset, std::as_bytes(std::span(&entry, 1)));
  return {};
}

// --- Waiting for durability --------------------------------------------------------------------

void JournalCore::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  durable_changed_.wake_all();
  space_changed_.wake_all();
  checkpoint_done_.wake_all();
  for (const auto& callback : failure_callbacks_) callback(error);
}

Result<> JournalCore::wait_durable(EpochNo epoch) {
  trace_event(EventKind::kWaitEpoch, {epoch.value});
  wanted_ = std::max(wanted_, epoch);
  if (epoch == open_.number) ++open_.syncs;
  work_.wake_one();
  while (durable_ < epoch && !failure_) durable_changed_.wait();
  if (durable_ < epoch) return *failure_;
  return {};
}

Result<> JournalCore::flush_data() {
  const std::uint64_t writes = cache_.data_writes();
  TRY(cache_.flush_device());
  flushed_writes_ = std::max(flushed_writes_, writes);
  return {};
}

Result<> JournalCore::sync() {
  if (failure_) return *failure_;
  const std::uint64_t writes = cache_.data_writes();
  TRY(sync(open_.number));
  if (flushed_writes_ < writes) TRY(flush_data());
  return {};
}

Result<> JournalCore::sync(EpochNo epoch) {
  // If the open epoch has no changes, only those before it need to be waited for.
  const EpochNo last = open_.empty() ? open_.number - 1 : open_.number;
  const EpochNo target = std::min(epoch, last);
  if (target <= durable_) return {};
  if (failure_) return *failure_;
  return wait_durable(target);
}

Result<> JournalCore::sync_file(InodeNo inode, EpochNo last_metadata_change) {
  for (;;) {
    if (failure_) return *failure_;
    if (options_.data_in_log && !fits(0)) TRY(wait_for_space(0));
    const bool metadata_is_open = last_metadata_change >= open_.number && !open_.empty();
    if (metadata_is_open || route_.goes_by_log(inode, !holds_much())) {
      const bool began = open_.empty();
      open_.ordered.push_back(inode);
      if (began) changes_began();
      return wait_durable(open_.number);
    }
    // In the epoch that is being made durable now?
    const EpochNo epoch =
        std::max(std::min(last_metadata_change, open_.number - 1), logged_.last_epoch(inode));
    if (epoch <= durable_) break;
    TRY(wait_durable(epoch));
  }
  if (!logged_.holds_all_dirty(inode)) {
    ++file_flushes_;
    const Result<> written = cache_.flush_file(inode);
    --file_flushes_;
    TRY(written);
  }
  if (flushed_writes_ != cache_.data_writes()) TRY(flush_data());
  return {};
}

Result<> JournalCore::checkpoint_now() {
  TRY(sync());
  const std::uint64_t mine = ++checkpoints_wanted_;
  work_.wake_one();
  while (checkpoints_served_ < mine && !failure_) checkpoint_done_.wait();
  if (checkpoints_served_ < mine) return *failure_;
  return {};
}

// --- Settings and figures ----------------------------------------------------------------------

void JournalCore::set_commit_interval_ns(std::int64_t interval_ns) {
  options_.commit_interval_ns = interval_ns;
  work_.wake_one();
}

void JournalCore::on_durable(std::function<void(EpochNo)> callback) {
  durable_callbacks_.push_back(std::move(callback));
}

void JournalCore::on_failure(std::function<void(const Error&)> callback) {
  failure_callbacks_.push_back(std::move(callback));
}

JournalStatistics JournalCore::statistics() const {
  JournalStatistics result = counts_;
  result.open_epoch = open_.number.value;
  result.durable_epoch = durable_.value;
  result.log_capacity_bytes = space_.capacity_bytes();
  result.log_used_bytes = space_.used_blocks() * layout_.block_size;
  result.tail_block = log_.tail_block();
  result.head_block = log_.head_block();
  result.blocks_to_checkpoint = blocks_to_checkpoint();
  return result;
}

}  // namespace spindle
