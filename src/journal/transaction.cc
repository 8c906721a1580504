#include "spindle/journal/transaction.h"

#include <algorithm>
#include <cstring>

#include "journal/bits.h"
#include "journal/journal_core.h"

namespace spindle {
namespace {

constexpr std::size_t kRecordHead = sizeof(format::LogRecord);
constexpr std::size_t kSealBytes = kRecordHead + sizeof(le64);

std::span<const std::byte> view_of(TransactionState& state, EditedBlock& edited) {
  const std::span<const std::byte> frame = edited.frame.bytes();
  if (edited.whole != nullptr) return {edited.whole, frame.size()};
  if (edited.overlay == nullptr) edited.overlay = state.arena.allocate(frame.size());
  const std::span<std::byte> view(edited.overlay, frame.size());
  std::memcpy(view.data(), frame.data(), frame.size());
  for (const RecordEdit& record : edited.records) {
    for (std::size_t i = 0; i < record.length; ++i) {
      if (record.now[i] != record.before[i]) view[record.offset + i] = record.now[i];
    }
  }
  for (const CounterEdit& counter : edited.counters) {
    format::at<le32>(view, counter.offset) += counter.amount;
  }
  for (const BitsEdit& bits : edited.bits) apply_bits(view, bits.first, bits.count, bits.value);
  return view;
}

/// Counts `bytes` as used. The estimate may have been too low: then more is reserved, if the log
/// has room.
Result<> charge(TransactionState& state, std::size_t bytes) {
  if (state.used + bytes > state.reserved &&
      !state.core->reserve_more(state, state.used + bytes - state.reserved)) {
    return Error{EFBIG, "the transaction has become larger than it was begun for"};
  }
  state.used += bytes;
  return {};
}

/// The block's entry among the edits; a new one has nothing edited yet.
Result<EditedBlock*> edited_block(TransactionState& state, BlockNo block, format::BlockKind kind) {
  if (EditedBlock* edited = state.find(block)) {
    if (edited->kind == kind) return edited;
    return corrupt("it is a metadata block of another kind", Subject::block(block));
  }
  EditedBlock edited;
  edited.frame = TRY(state.core->read(block, kind));
  edited.kind = kind;
  TRY(charge(state, kSealBytes));
  state.add(std::move(edited));
  return &state.blocks.back();
}

/// The block's frame, whatever it holds: from memory, or made without reading.
Result<> find_frame(BufferCache& cache, BlockNo block, EditedBlock& edited) {
  edited.frame = cache.peek(block);
  if (!edited.frame) {
    edited.frame = TRY(cache.blank(block));
    edited.blanked = true;
  }
  cache.write_access(edited.frame);
  return {};
}

}  // namespace

// --- The state ---------------------------------------------------------------------------------

std::size_t TransactionState::home(BlockNo block) const {
  return std::hash<BlockNo>{}(block) >> 7 & (slots_.size() - 1);
}

void TransactionState::enter(std::size_t index) {
  std::size_t at = home(blocks[index].frame.block());
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = static_cast<std::uint32_t>(index + 1);
}

EditedBlock* TransactionState::find(BlockNo block) {
  if (slots_.empty()) {
    const auto at = std::ranges::find(blocks, block, [](auto& e) { return e.frame.block(); });
    return at == blocks.end() ? nullptr : &*at;
  }
  for (std::size_t at = home(block); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    EditedBlock& edited = blocks[slots_[at] - 1];
    if (edited.frame.block() == block) return &edited;
  }
  return nullptr;
}

void TransactionState::add(EditedBlock edited) {
  blocks.push_back(std::move(edited));
  if (blocks.size() <= kFewBlocks) return;
  if (blocks.size() * 2 <= slots_.size()) {
    enter(blocks.size() - 1);
    return;
  }
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0);
  for (std::size_t i = 0; i < blocks.size(); ++i) enter(i);
}

void TransactionState::clear() {
  reserved = used = 0;
  blocks.clear();
  slots_.clear();
  revoked.clear();
  ordered.clear();
  commit_hooks.clear();
  drop_hooks.clear();
  arena.clear();
}

// --- The life of a transaction -----------------------------------------------------------------

Transaction::Transaction(std::unique_ptr<TransactionState> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this != &other) {
    drop();
    state_ = std::move(other.state_);
  }
  return *this;
}

Transaction::~Transaction() {
  drop();
}

void Transaction::drop() {
  if (!state_) return;
  JournalCore& core = *state_->core;
  for (const EditedBlock& edited : state_->blocks) {
    const BlockNo block = edited.frame.block();
    if (edited.blanked && !core.held().contains(block)) core.cache().forget({block, 1});
  }
  const auto hooks = std::move(state_->drop_hooks);
  core.recycle(std::move(state_));
  for (const auto& hook : hooks) hook();
}

EpochNo Transaction::commit() {
  CHECK(state_ != nullptr);
  JournalCore& core = *state_->core;
  const EpochNo epoch = core.install(*state_);
  const auto hooks = std::move(state_->commit_hooks);
  core.recycle(std::move(state_));
  for (const auto& hook : hooks) hook(epoch);
  return epoch;
}

void Transaction::on_commit(std::function<void(EpochNo)> hook) {
  state_->commit_hooks.push_back(std::move(hook));
}

void Transaction::on_drop(std::function<void()> hook) {
  state_->drop_hooks.push_back(std::move(hook));
}

std::size_t Transaction::log_bytes_left() const {
  return state_->reserved - std::min(state_->used, state_->reserved);
}

// --- Reading -----------------------------------------------------------------------------------

Result<BlockView> Transaction::read(BlockNo block, format::BlockKind kind) {
  if (EditedBlock* edited = state_->find(block)) {
    if (edited->kind == kind) return BlockView{edited->frame, view_of(*state_, *edited)};
    return corrupt("it is a metadata block of another kind", Subject::block(block));
  }
  return CachedReader(state_->core->cache(), state_->core->layout().seed).read(block, kind);
}

Result<BlockView> Transaction::read_data(BlockNo block) {
  return CachedReader(state_->core->cache(), state_->core->layout().seed).read_data(block);
}

// --- Edits -------------------------------------------------------------------------------------

Result<std::span<std::byte>> Transaction::edit_block(BlockNo block, format::BlockKind kind) {
  EditedBlock& edited = *TRY(edited_block(*state_, block, kind));
  const std::size_t size = edited.frame.bytes().size();
  if (edited.whole == nullptr) {
    // The two grains exclude each other: pointers to records would be left behind.
    CHECK(edited.records.empty() && edited.counters.empty() && edited.bits.empty());
    TRY(charge(*state_, kRecordHead + size));
    edited.whole = state_->arena.copy(edited.frame.bytes());
  }
  return std::span(edited.whole, size);
}

Result<std::span<std::byte>> Transaction::create_block(BlockNo block, format::BlockKind kind,
                                                       InodeNo owner) {
  const std::size_t size = state_->core->layout().block_size;
  EditedBlock* edited = state_->find(block);
  if (edited == nullptr) {
    EditedBlock created;
    TRY(charge(*state_, kSealBytes + kRecordHead + size));
    TRY(find_frame(state_->core->cache(), block, created));
    state_->add(std::move(created));
    edited = &state_->blocks.back();
  } else if (edited->whole == nullptr) {
    CHECK(edited->records.empty() && edited->counters.empty() && edited->bits.empty());
    TRY(charge(*state_, kRecordHead + size));
  }
  edited->kind = kind;
  edited->fresh = true;
  if (edited->whole == nullptr) edited->whole = state_->arena.allocate(size);
  std::memset(edited->whole, 0, size);
  format::begin_block({edited->whole, size}, kind, owner.value);
  return std::span(edited->whole, size);
}

Result<std::byte*> Transaction::edit_record(BlockNo block, format::BlockKind kind,
                                            std::size_t offset, std::size_t length) {
  EditedBlock& edited = *TRY(edited_block(*state_, block, kind));
  const std::span<const std::byte> frame = edited.frame.bytes();
  if (offset > frame.size() || length > frame.size() - offset) {
    return corrupt("a record would lie outside of its block", Subject::block(block));
  }
  if (edited.whole != nullptr) return edited.whole + offset;
  // The first record that begins behind the wanted one.
  RecordEdit* after =
      std::upper_bound(edited.records.begin(), edited.records.end(), offset,
                       [](std::size_t at, const RecordEdit& record) { return at < record.offset; });
  if (after != edited.records.begin()) {
    const RecordEdit& last = after[-1];
    if (offset + length <= std::size_t{last.offset} + last.length) {
      return last.now + (offset - last.offset);
    }
    CHECK(last.offset + last.length <= offset);
  }
  CHECK(after == edited.records.end() || offset + length <= after->offset);
  TRY(charge(*state_, kRecordHead + length));
  const std::span<const std::byte> record = frame.subspan(offset, length);
  const RecordEdit edit{static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length),
                        state_->arena.copy(record), state_->arena.copy(record)};
  return edited.records.insert(state_->arena, after, edit).now;
}

Result<> Transaction::add(BlockNo block, format::BlockKind kind, std::size_t offset,
                          std::int32_t delta) {
  EditedBlock& edited = *TRY(edited_block(*state_, block, kind));
  const std::size_t size = edited.frame.bytes().size();
  if (offset > size || sizeof(le32) > size - offset) {
    return corrupt("a counter would lie outside of its block", Subject::block(block));
  }
  const auto amount = static_cast<std::uint32_t>(delta);
  if (edited.whole != nullptr) {
    format::at<le32>(std::span(edited.whole, size), offset) += amount;
    return {};
  }
  const auto known = std::ranges::find(edited.counters, offset, &CounterEdit::offset);
  if (known != edited.counters.end()) {
    known->amount += amount;
    return {};
  }
  TRY(charge(*state_, kRecordHead + sizeof(le32)));
  edited.counters.push_back(state_->arena, {static_cast<std::uint32_t>(offset), amount});
  return {};
}

Result<> Transaction::set_bits(BlockNo bitmap, format::BlockKind kind, std::uint64_t first,
                               std::uint64_t count, bool value) {
  EditedBlock& edited = *TRY(edited_block(*state_, bitmap, kind));
  const std::size_t size = edited.frame.bytes().size();
  const std::uint64_t bits = (size - format::kHeaderSize) * 8;
  if (first > bits || count > bits - first) {
    return corrupt("a range of bits would lie outside of its bitmap", Subject::block(bitmap));
  }
  if (edited.whole != nullptr) {
    apply_bits({edited.whole, size}, first, count, value);
    return {};
  }
  if (!edited.bits.empty()) {
    BitsEdit& last = edited.bits.back();
    if (last.value == value && last.first + last.count == first) {
      last.count += static_cast<std::uint32_t>(count);
      return {};
    }
  }
  TRY(charge(*state_, kRecordHead));
  edited.bits.push_back(
      state_->arena, {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count), value});
  return {};
}

void Transaction::order_data(InodeNo inode) {
  if (std::ranges::find(state_->ordered, inode) == state_->ordered.end()) {
    state_->ordered.push_back(inode);
  }
}

void Transaction::revoke(Run run) {
  const format::Layout& layout = state_->core->layout();
  const bool possible = run.length != 0 && run.length <= layout.block_count &&
                        layout.group_of(run.start) && layout.group_of(run.end() - 1);
  // What no file can own was never logged either.
  if (!possible) return;
  if (!charge(*state_, kRecordHead).ok()) state_->core->overdraw(*state_, kRecordHead);
  state_->revoked.push_back(run);
}

}  // namespace spindle
