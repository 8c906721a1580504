// Reads what stands in the log, for inspection.
#include <optional>

#include "journal/log_area.h"
#include "spindle/journal/replay.h"

namespace spindle {
namespace {

LogRing::Entry ring_entry(const log::Entry& entry, bool is_needed) {
  const auto& head = format::at<format::LogHead>(std::span(entry.bytes), 0);
  return {entry.start, entry.blocks, entry.epoch, head.records, is_needed};
}

}  // namespace

Result<std::vector<LogEntry>> read_log(BlockDevice& device, const format::Layout& layout) {
  const log::Tail tail = TRY(log::read_tail(device, layout));
  std::vector<LogEntry> result;
  for (const log::Entry& entry : TRY(log::read_entries(device, layout, tail))) {
    LogEntry decoded{entry.start, entry.epoch, entry.bytes.size(), {}};
    TRY(log::visit_records(entry, layout, [&](const log::Record& record, std::size_t) {
      decoded.records.push_back({record.kind, record.block, record.offset, record.count,
                                 static_cast<std::uint32_t>(record.bytes.size())});
    }));
    result.push_back(std::move(decoded));
  }
  return result;
}

Result<LogRing> read_log_ring(BlockDevice& device, const format::Layout& layout) {
  const log::Tail tail = TRY(log::read_tail(device, layout));
  LogRing ring;
  ring.blocks = log::area(layout).length;
  ring.tail_block = tail.block;
  std::uint64_t at = 0;  // from the tail on
  for (const log::Entry& entry : TRY(log::read_entries(device, layout, tail))) {
    ring.entries.push_back(ring_entry(entry, true));
    at += entry.blocks;
  }
  ring.head_block = (tail.block + at) % ring.blocks;
  std::vector<std::byte> block(layout.block_size);
  while (at < ring.blocks) {
    const std::uint64_t place = (tail.block + at) % ring.blocks;
    TRY(log::transfer(device, layout, IoRequest::Kind::kRead, place, block));
    const auto head = format::at<format::LogHead>(std::span(block), 0);
    std::optional<log::Entry> old;
    if (head.magic == format::kLogMagic && head.epoch < tail.epoch)
      old = TRY(log::read_entry(device, layout, place, head.epoch, ring.blocks - at));
    if (old) ring.entries.push_back(ring_entry(*old, false));
    at += old ? old->blocks : 1;
  }
  return ring;
}

}  // namespace spindle
