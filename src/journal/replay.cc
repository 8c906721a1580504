#include "spindle/journal/replay.h"

#include <algorithm>
#include <queue>

#include "journal/bits.h"
#include "journal/block_rows.h"
#include "journal/log_area.h"
#include "journal/replayer.h"

namespace spindle {
namespace {

using format::RecordKind;

/// Blocks are brought up to date in batches of this size, however much the log names.
constexpr std::size_t kReplayBatchBytes = 4u << 20;

/// Where a record stands. The order is that of blocks, and for each block that of the log.
struct Item {
  BlockNo block;
  std::uint32_t entry = 0;
  std::uint32_t position = 0;
  auto operator<=>(const Item&) const = default;
};

struct Revoke {
  Run run;
  std::uint64_t epoch = 0;
};

/// Answers, for ascending blocks, which is the last epoch that revokes the block.
class RevokeSweep {
 public:
  explicit RevokeSweep(std::vector<Revoke> revokes) : revokes_(std::move(revokes)) {
    std::ranges::sort(revokes_, {}, [](const Revoke& r) { return r.run.start; });
  }
  std::uint64_t last_epoch(BlockNo block) {
    for (; next_ < revokes_.size() && revokes_[next_].run.start <= block; ++next_) {
      active_.push(revokes_[next_]);
    }
    while (!active_.empty() && active_.top().run.end() <= block) active_.pop();
    return active_.empty() ? 0 : active_.top().epoch;
  }

 private:
  struct Older {
    bool operator()(const Revoke& a, const Revoke& b) const { return a.epoch < b.epoch; }
  };
  std::vector<Revoke> revokes_;
  std::size_t next_ = 0;
  std::priority_queue<Revoke, std::vector<Revoke>, Older> active_;
};

class Replayer {
 public:
  /// With a story, tells it what is revoked and what goes home.
  Replayer(BlockDevice& device, const format::Layout& layout, ReplayStory* story = nullptr)
      : device_(device), layout_(layout), story_(story) {}
  Result<ReplayReport> run();

 private:
  /// One block of a batch: items [first, last), its bytes in the batch's buffer.
  struct Target {
    BlockNo block;
    std::size_t first = 0;
    std::size_t last = 0;
    bool needs_old = true;
  };

  Result<> collect();
  void drop_revoked();
  Result<> apply_all();
  Result<> apply_batch(std::span<const Target> targets);
  void apply(const Target& target, std::span<std::byte> block);
  Result<> transfer(IoRequest::Kind kind, std::span<const Target> targets);
  Result<> move_tail();
  void tell(const Target& target);
  [[nodiscard]] log::Record record(const Item& item) const {
    return log::RecordReader(entries_[item.entry].bytes, item.position).next().take();
  }
  [[nodiscard]] std::span<std::byte> bytes_of(std::size_t index) {
    return std::span(buffer_).subspan(index * layout_.block_size, layout_.block_size);
  }

  BlockDevice& device_;
  const format::Layout& layout_;
  ReplayStory* story_;
  log::Tail tail_;
  std::vector<log::Entry> entries_;
  std::vector<Item> items_;
  std::vector<Revoke> revokes_;
  std::vector<std::byte> buffer_;
  ReplayReport report_;
};

// Everything is checked before anything is written.
Result<> Replayer::collect() {
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    const log::Entry& entry = entries_[index];
    TRY(log::visit_records(entry, layout_, [&](const log::Record& record, std::size_t position) {
      ++report_.records;
      if (record.kind == RecordKind::kRevoke) {
        revokes_.push_back({{record.block, record.count}, entry.epoch});
      } else {
        items_.push_back({record.block, index, static_cast<std::uint32_t>(position)});
      }
    }));
  }
  return {};
}

void Replayer::drop_revoked() {
  std::ranges::sort(items_);
  RevokeSweep sweep(std::move(revokes_));
  report_.revoked_records = std::erase_if(items_, [&](const Item& item) {
    const std::uint64_t epoch = entries_[item.entry].epoch;
    const bool is_revoked = epoch <= sweep.last_epoch(item.block);
    if (is_revoked && story_ != nullptr) story_->revoked.push_back({item.block, epoch});
    return is_revoked;
  });
}

void Replayer::tell(const Target& target) {
  if (story_ == nullptr) return;
  story_->homes.push_back({target.block, target.last - target.first,
                           entries_[items_[target.first].entry].epoch,
                           entries_[items_[target.last - 1].entry].epoch, target.needs_old});
}

Result<> Replayer::apply_all() {
  const std::size_t batch = std::max<std::size_t>(1, kReplayBatchBytes / layout_.block_size);
  std::vector<Target> targets;
  for (std::size_t first = 0; first < items_.size();) {
    std::size_t last = first;
    while (last < items_.size() && items_[last].block == items_[first].block) ++last;
    const RecordKind kind = record(items_[first]).kind;
    const bool replaced = kind == RecordKind::kFresh || kind == RecordKind::kData;
    targets.push_back({items_[first].block, first, last, !replaced});
    tell(targets.back());
    first = last;
    if (targets.size() == batch || first == items_.size()) {
      TRY(apply_batch(targets));
      targets.clear();
    }
  }
  return {};
}

Result<> Replayer::apply_batch(std::span<const Target> targets) {
  buffer_.assign(targets.size() * layout_.block_size, std::byte{0});
  TRY(transfer(IoRequest::Kind::kRead, targets));
  for (std::size_t i = 0; i < targets.size(); ++i) apply(targets[i], bytes_of(i));
  TRY(transfer(IoRequest::Kind::kWrite, targets));
  report_.blocks_written += targets.size();
  return {};
}

void Replayer::apply(const Target& target, std::span<std::byte> block) {
  bool sealed = false;
  for (std::size_t i = target.first; i < target.last; ++i) {
    const log::Record record = this->record(items_[i]);
    switch (record.kind) {
      case RecordKind::kFresh:
        std::ranges::fill(block, std::byte{0});
        [[fallthrough]];
      case RecordKind::kPatch:
      case RecordKind::kData:
        std::ranges::copy(record.bytes, block.begin() + record.offset);
        sealed = sealed && record.kind != RecordKind::kData;
        break;
      case RecordKind::kSetBits:
      case RecordKind::kClearBits:
        apply_bits(block, record.offset, record.count, record.kind == RecordKind::kSetBits);
        break;
      case RecordKind::kSeal: {
        auto& header = format::at<format::BlockHeader>(block, 0);
        header.epoch = entries_[items_[i].entry].epoch;
        header.checksum = format::at<le64>(record.bytes, 0);
        sealed = true;
        break;
      }
      case RecordKind::kRevoke:
        break;
    }
  }
  if (sealed && format::at<format::BlockHeader>(block, 0).checksum !=
                    format::block_checksum(block, layout_.seed, target.block)) {
    report_.mismatched.push_back(target.block);
  }
}

Result<> Replayer::transfer(IoRequest::Kind kind, std::span<const Target> targets) {
  BlockRows rows;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (kind == IoRequest::Kind::kRead && !targets[i].needs_old) continue;
    rows.add(targets[i].block, bytes_of(i));
  }
  return rows.submit(device_, kind, IoPurpose::kJournal);
}

Result<> Replayer::move_tail() {
  TRY(device_.flush());
  const log::Entry& last = entries_.back();
  const std::uint64_t end = (last.start + last.blocks) % log::area(layout_).length;
  TRY(log::write_tail(device_, layout_, log::moved(tail_, end, last.epoch + 1)));
  return device_.flush();
}

Result<ReplayReport> Replayer::run() {
  tail_ = TRY(log::read_tail(device_, layout_));
  entries_ = TRY(log::read_entries(device_, layout_, tail_));
  report_.epochs = entries_.size();
  report_.first_epoch = tail_.epoch;
  report_.last_epoch = tail_.epoch + entries_.size() - 1;
  if (entries_.empty()) return report_;
  TRY(collect());
  drop_revoked();
  TRY(apply_all());
  TRY(move_tail());
  return report_;
}

}  // namespace

Result<ReplayReport> replay(BlockDevice& device, const format::Layout& layout) {
  return Replayer(device, layout).run();
}

Result<ReplayReport> replay_into(ReplayStory& story, BlockDevice& device,
                                 const format::Layout& layout) {
  return Replayer(device, layout, &story).run();
}

}  // namespace spindle
