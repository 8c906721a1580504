#include "spindle/journal/journal.h"

#include "journal/journal_core.h"

namespace spindle {

Journal::Journal(std::unique_ptr<JournalCore> core) : core_(std::move(core)) {}

Journal::~Journal() {
  core_->stop();
}

Result<std::unique_ptr<Journal>> Journal::open(BufferCache& cache, const format::Layout& layout,
                                               Options options) {
  BlockDevice& device = cache.device();
  const log::Tail tail = TRY(log::read_tail(device, layout));
  const auto entry =
      TRY(log::read_entry(device, layout, tail.block, tail.epoch, log::area(layout).length));
  if (entry) return Error{EBUSY, "the journal's log must be replayed first"};
  auto core = std::make_unique<JournalCore>(cache, layout, options, tail);
  TRY(core->start());
  return std::unique_ptr<Journal>(new Journal(std::move(core)));
}

Result<Transaction> Journal::begin(std::size_t log_bytes) {
  return Transaction(TRY(core_->begin(log_bytes)));
}

std::size_t Journal::largest_transaction() const {
  return core_->space().largest_transaction();
}
EpochNo Journal::open_epoch() const {
  return core_->open_epoch();
}
EpochNo Journal::durable_epoch() const {
  return core_->durable_epoch();
}
Result<> Journal::sync() {
  return core_->sync();
}
Result<> Journal::sync(EpochNo epoch) {
  return core_->sync(epoch);
}

Result<> Journal::sync_file(InodeNo inode, EpochNo last_metadata_change) {
  return core_->sync_file(inode, last_metadata_change);
}

Result<> Journal::checkpoint() {
  return core_->checkpoint_now();
}

Result<> Journal::close() {
  const Result<> result = core_->checkpoint_now();
  core_->stop();
  return result;
}

Result<> Journal::initialise(const FirstContent& content, const WrittenMark& mark) {
  return core_->initialise(content, mark);
}
Result<> Journal::prepare(const FirstContent& content) {
  return core_->prepare(content);
}

void Journal::on_durable(std::function<void(EpochNo)> callback) {
  core_->on_durable(std::move(callback));
}

void Journal::on_failure(std::function<void(const Error&)> callback) {
  core_->on_failure(std::move(callback));
}

const std::optional<Error>& Journal::failure() const {
  return core_->failure();
}

void Journal::set_commit_interval_ns(std::int64_t interval_ns) {
  core_->set_commit_interval_ns(interval_ns);
}

JournalStatistics Journal::statistics() const {
  return core_->statistics();
}

}  // namespace spindle
