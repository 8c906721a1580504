#include "journal/log_area.h"

#include <algorithm>

namespace spindle::log {
namespace {

/// How much of an entry is read at first: most entries are no longer.
constexpr std::uint64_t kFirstRead = 32768;

std::optional<Tail> parse_header(std::span<const std::byte> block, const format::Layout& layout,
                                 unsigned slot) {
  const BlockNo number = layout.journal.start + slot;
  if (!format::verify_block(block, format::BlockKind::kJournalHeader, layout.seed, number)) {
    return std::nullopt;
  }
  const auto& header = format::at<format::JournalHeader>(block, format::kHeaderSize);
  const Tail tail{header.writes, header.tail_block, header.tail_epoch, slot};
  if (tail.block >= area(layout).length || tail.epoch == 0 || tail.epoch > INT64_MAX) {
    return std::nullopt;
  }
  return tail;
}

bool plausible(const format::LogHead& head, std::uint64_t epoch, std::uint64_t max_bytes) {
  return head.magic == format::kLogMagic && head.epoch == epoch &&
         is_possible_length(head.length, max_bytes);
}

}  // namespace

bool is_possible_length(std::uint64_t bytes, std::uint64_t max_bytes) {
  return bytes >= sizeof(format::LogHead) && bytes <= std::min(max_bytes, kMaxEntryBytes);
}

Result<Headers> read_headers(BlockDevice& device, const format::Layout& layout) {
  std::vector<std::byte> bytes(format::kJournalHeaderBlocks * layout.block_size);
  TRY(device.read(layout.journal.start, bytes, IoPurpose::kJournal));
  Headers headers;
  for (unsigned slot = 0; slot < format::kJournalHeaderBlocks; ++slot) {
    const auto block = std::span(bytes).subspan(slot * layout.block_size, layout.block_size);
    headers[slot] = parse_header(block, layout, slot);
  }
  return headers;
}

Result<Tail> read_tail(BlockDevice& device, const format::Layout& layout) {
  std::optional<Tail> newest;
  for (const auto& tail : TRY(read_headers(device, layout))) {
    if (tail && (!newest || tail->writes > newest->writes)) newest = tail;
  }
  if (!newest) {
    return corrupt("both headers of the journal are bad", Subject::block(layout.journal.start));
  }
  return *newest;
}

Result<> write_tail(BlockDevice& device, const format::Layout& layout, const Tail& tail) {
  std::vector<std::byte> block(layout.block_size);
  format::begin_block(block, format::BlockKind::kJournalHeader, 0);
  auto& header = format::at<format::JournalHeader>(block, format::kHeaderSize);
  header.writes = tail.writes;
  header.tail_block = tail.block;
  header.tail_epoch = tail.epoch;
  const BlockNo number = layout.journal.start + tail.slot;
  format::seal_block(block, layout.seed, number, EpochNo{tail.epoch});
  return device.write(number, block, IoPurpose::kJournal);
}

Tail moved(const Tail& old, std::uint64_t block, std::uint64_t epoch) {
  return {old.writes + 1, block, epoch, 1 - old.slot};
}

Result<> transfer(BlockDevice& device, const format::Layout& layout, IoRequest::Kind kind,
                  std::uint64_t at, std::span<std::byte> bytes) {
  const Run ring = area(layout);
  CHECK(at < ring.length && bytes.size() <= ring.length * layout.block_size &&
        bytes.size() % layout.block_size == 0);
  const std::size_t before_end = (ring.length - at) * layout.block_size;
  const std::span<std::byte> first = bytes.first(std::min(bytes.size(), before_end));
  const std::span<std::byte> second = bytes.subspan(first.size());
  const IoRequest requests[] = {{kind, ring.start + at, {&first, 1}, IoPurpose::kJournal},
                                {kind, ring.start, {&second, 1}, IoPurpose::kJournal}};
  return device.submit({requests, second.empty() ? std::size_t{1} : std::size_t{2}});
}

std::uint64_t entry_checksum(std::span<const std::byte> bytes, const format::Layout& layout,
                             std::uint64_t epoch) {
  return checksum(bytes.subspan(sizeof(le64)), layout.seed ^ epoch);
}

Result<format::LogHead> read_head(BlockDevice& device, const format::Layout& layout,
                                  std::uint64_t start) {
  std::vector<std::byte> block(layout.block_size);
  TRY(transfer(device, layout, IoRequest::Kind::kRead, start, block));
  return format::at<format::LogHead>(block, 0);
}

Result<std::optional<Entry>> read_entry(BlockDevice& device, const format::Layout& layout,
                                        std::uint64_t start, std::uint64_t epoch,
                                        std::uint64_t max_blocks) {
  const std::uint32_t block_size = layout.block_size;
  Entry entry{start, 0, epoch, {}};
  entry.bytes.resize(std::min(max_blocks, blocks_for(kFirstRead, block_size)) * block_size);
  TRY(transfer(device, layout, IoRequest::Kind::kRead, start, entry.bytes));
  const auto head = format::at<format::LogHead>(std::span(entry.bytes), 0);
  if (!plausible(head, epoch, max_blocks * block_size)) return std::optional<Entry>{};

  const std::uint64_t have = entry.bytes.size() / block_size;
  entry.blocks = blocks_for(head.length, block_size);
  if (entry.blocks > have) {
    entry.bytes.resize(entry.blocks * block_size);
    TRY(transfer(device, layout, IoRequest::Kind::kRead, (start + have) % area(layout).length,
                 std::span(entry.bytes).subspan(have * block_size)));
  }
  entry.bytes.resize(head.length);
  if (head.checksum != entry_checksum(entry.bytes, layout, epoch)) return std::optional<Entry>{};
  return std::optional<Entry>(std::move(entry));
}

Result<std::vector<Entry>> read_entries(BlockDevice& device, const format::Layout& layout,
                                        const Tail& tail) {
  const std::uint64_t ring = area(layout).length;
  std::vector<Entry> entries;
  std::uint64_t used = 0;
  while (used < ring) {
    auto entry = TRY(read_entry(device, layout, (tail.block + used) % ring,
                                tail.epoch + entries.size(), ring - used));
    if (!entry) break;
    used += entry->blocks;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<Record> RecordReader::next() {
  const std::size_t left = entry_.size() - position_;
  if (left < sizeof(format::LogRecord)) return corrupt("a log record is cut off");
  const auto& head = format::at<format::LogRecord>(entry_, position_);
  if (head.length > left - sizeof head) return corrupt("a log record is longer than its entry");
  const Record record{static_cast<format::RecordKind>(static_cast<std::uint16_t>(head.kind)),
                      BlockNo{head.block}, head.offset, head.count,
                      entry_.subspan(position_ + sizeof head, head.length)};
  position_ += sizeof head + head.length;
  return record;
}

namespace {

/// The blocks that the journal protects: the state, the group table, and the groups.
bool is_protected(BlockNo block, const format::Layout& layout) {
  return block == layout.state() || layout.group_table().contains(block) ||
         layout.group_of(block).has_value();
}

bool possible(const Record& record, const format::Layout& layout) {
  const std::uint64_t size = record.bytes.size();
  switch (record.kind) {
    case format::RecordKind::kPatch:
    case format::RecordKind::kFresh:
      return size + record.offset <= layout.block_size;
    case format::RecordKind::kSetBits:
    case format::RecordKind::kClearBits:
      return size == 0 &&
             std::uint64_t{record.offset} + record.count <= std::uint64_t{layout.payload()} * 8;
    case format::RecordKind::kSeal:
      return size == sizeof(le64);
    case format::RecordKind::kRevoke:
      return size == 0 && record.count > 0 && layout.group_of(record.block) &&
             layout.group_of(record.block + (record.count - 1));
    case format::RecordKind::kData:
      return size == layout.block_size && record.offset == 0 && layout.is_data(record.block);
  }
  return false;
}

}  // namespace

Result<> check_record(const Record& record, const format::Layout& layout) {
  if (!is_protected(record.block, layout)) {
    return corrupt("a log record names a block that is not the journal's to write",
                   Subject::block(record.block));
  }
  if (!possible(record, layout)) {
    return corrupt("a log record is impossible", Subject::block(record.block));
  }
  return {};
}

}  // namespace spindle::log
