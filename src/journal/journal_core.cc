#include "journal/journal_core.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "journal/bits.h"
#include "journal/difference.h"
#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"

namespace spindle {
namespace {

// The number of transactions whose memory is kept for the next ones.
constexpr std::size_t kSpareTransactions = 32;

format::GroupDescriptor table_entry(const BlockRef& table, std::size_t offset) {
  return format::at<format::GroupDescriptor>(table.bytes(), offset);
}

}  // namespace

std::size_t Epoch::cost() const {
  if (empty()) return 0;
  return log.size() + changed.size() * (sizeof(format::LogRecord) + sizeof(le64));
}

void Epoch::clear(EpochNo next) {
  number = next;
  log.clear();
  changed.clear();
  revoked.clear();
  ordered.clear();
  is_large = false;
  syncs = 0;
}

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
      tail_(tail),
      head_block_(tail.block),
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

void JournalCore::touch(const BlockRef& frame) {
  const auto [held, first] = held_.touch(frame, open_.number);
  if (first) open_.changed.push_back(held);
}

void JournalCore::install_fresh(const BlockRef& frame, std::span<const std::byte> content,
                                format::BlockKind kind) {
  touch(frame);
  const std::span<std::byte> bytes = frame.writable();
  std::memcpy(bytes.data(), content.data(), bytes.size());
  static constexpr std::byte kZeros[kMaxBlockSize] = {};
  bool first = true;
  for_each_difference(bytes, std::span(kZeros, bytes.size()), [&](std::size_t at, std::size_t n) {
    if (first) {
      open_.log.fresh(frame.block(), bytes, at, n);
    } else {
      open_.log.patch(frame.block(), bytes, at, n);
    }
    first = false;
  });
  cache_.set_verified_kind(frame, static_cast<std::uint16_t>(kind));
}

void JournalCore::install_whole(const EditedBlock& edited) {
  const std::span<std::byte> frame = edited.frame.writable();
  const std::span<std::byte> whole(edited.whole, frame.size());
  // Checksum and epoch belong to the seal.
  auto& header = format::at<format::BlockHeader>(whole, 0);
  header.checksum = 0;
  header.epoch = 0;
  if (edited.fresh) {
    install_fresh(edited.frame, whole, edited.kind);
    return;
  }
  const auto& sealed = format::at<format::BlockHeader>(std::span<const std::byte>(frame), 0);
  header.checksum = sealed.checksum;
  header.epoch = sealed.epoch;
  for_each_difference(whole, frame, [&](std::size_t at, std::size_t n) {
    touch(edited.frame);
    std::memcpy(frame.data() + at, whole.data() + at, n);
    open_.log.patch(edited.frame.block(), frame, at, n);
  });
}

void JournalCore::install_records(const EditedBlock& edited) {
  const std::span<std::byte> frame = edited.frame.writable();
  for (const RecordEdit& record : edited.records) {
    const std::span now(record.now, record.length);
    const std::span before(record.before, record.length);
    for_each_difference(now, before, [&](std::size_t at, std::size_t n) {
      touch(edited.frame);
      // Bytes that this transaction left alone may have been changed by another one.
      for (std::size_t i = at; i < at + n; ++i) {
        if (now[i] != before[i]) frame[record.offset + i] = now[i];
      }
      open_.log.patch(edited.frame.block(), frame, record.offset + at, n);
    });
  }
}

void JournalCore::install(const EditedBlock& edited) {
  if (edited.whole != nullptr) {
    install_whole(edited);
    return;
  }
  const std::span<std::byte> frame = edited.frame.writable();
  install_records(edited);
  for (const CounterEdit& counter : edited.counters) {
    if (counter.amount == 0) continue;
    touch(edited.frame);
    format::at<le32>(frame, counter.offset) += counter.amount;
    open_.log.patch(edited.frame.block(), frame, counter.offset, sizeof(le32));
  }
  for (const BitsEdit& bits : edited.bits) {
    touch(edited.frame);
    apply_bits(frame, bits.first, bits.count, bits.value);
    open_.log.bits(edited.frame.block(), bits.first, bits.count, bits.value);
  }
}

EpochNo JournalCore::install(TransactionState& transaction) {
  const bool began = open_.empty();
  for (const EditedBlock& edited : transaction.blocks) install(edited);
  for (Run run : transaction.revoked) {
    open_.log.revoke(run);
    open_.revoked.push_back(run);
  }
  for (InodeNo inode : transaction.ordered) {
    if (open_.ordered.empty() || open_.ordered.back() != inode) open_.ordered.push_back(inode);
  }
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
  install_fresh(frame, content, first.kind);
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
  touch(table);
  const std::span<std::byte> bytes = table.writable();
  std::memcpy(bytes.data() + mark.descriptor.offset, &entry, sizeof entry);
  open_.log.patch(mark.descriptor.block, bytes, mark.descriptor.offset, sizeof entry);
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

std::size_t JournalCore::unlogged_bytes(InodeNo owner) const {
  // Blocks that the log has already are dirty as well, until a checkpoint.
  const std::size_t dirty = cache_.dirty_count(owner);
  return (dirty - std::min(dirty, logged_.count(owner))) * layout_.block_size;
}

bool JournalCore::goes_by_log(InodeNo inode) {
  if (logged_.any_changed(inode)) return true;
  const std::size_t unlogged = unlogged_bytes(inode);
  if (unlogged == 0) return false;
  if (options_.data_in_log) return true;
  return unlogged <= std::min(options_.small_overwrite_bytes, space_.capacity_bytes() / 64) &&
         !holds_much();
}

Result<> JournalCore::sync_file(InodeNo inode, EpochNo last_metadata_change) {
  for (;;) {
    if (failure_) return *failure_;
    if (options_.data_in_log && !fits(0)) TRY(wait_for_space(0));
    const bool metadata_is_open = last_metadata_change >= open_.number && !open_.empty();
    if (metadata_is_open || goes_by_log(inode)) {
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
  result.tail_block = entries_.empty() ? head_block_ : entries_.front().start;
  result.head_block = head_block_;
  result.blocks_to_checkpoint = blocks_to_checkpoint();
  return result;
}

}  // namespace spindle
