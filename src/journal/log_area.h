// The log area as a ring of blocks, its two headers, and the entries that stand in it.
//
// Shared by replay, which reads entries, and by the Journal, which writes them. Nothing that is
// read here is believed: lengths and places are checked before they are used, and what is read is
// bounded by the log area's size and by kMaxEntryBytes for one entry.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"
#include "spindle/format/log.h"

namespace spindle::log {

/// No entry is longer: it bounds what a damaged length can make a reader allocate.
inline constexpr std::uint64_t kMaxEntryBytes = 64ull << 20;

/// The blocks of the ring.
constexpr Run area(const format::Layout& layout) {
  return {layout.journal.start + format::kJournalHeaderBlocks,
          layout.journal.length - format::kJournalHeaderBlocks};
}

constexpr std::uint64_t blocks_for(std::uint64_t bytes, std::uint32_t block_size) {
  return (bytes + block_size - 1) / block_size;
}

/// What the newer of the two headers says.
struct Tail {
  std::uint64_t writes = 0;
  std::uint64_t block = 0;  ///< in the ring
  std::uint64_t epoch = 0;
  unsigned slot = 0;  ///< the header that says so: the next one goes into the other
};

/// What each header says; nothing for a bad one.
using Headers = std::array<std::optional<Tail>, format::kJournalHeaderBlocks>;
Result<Headers> read_headers(BlockDevice& device, const format::Layout& layout);
/// EUCLEAN if both headers are bad.
Result<Tail> read_tail(BlockDevice& device, const format::Layout& layout);
/// Writes `tail` into its slot. Not flushed.
Result<> write_tail(BlockDevice& device, const format::Layout& layout, const Tail& tail);
/// The tail that follows `old`, in the other slot.
Tail moved(const Tail& old, std::uint64_t block, std::uint64_t epoch);

/// Reads or writes whole blocks from ring position `at` on, around the end of the ring.
/// `bytes` is at most as long as the ring.
Result<> transfer(BlockDevice& device, const format::Layout& layout, IoRequest::Kind kind,
                  std::uint64_t at, std::span<std::byte> bytes);

/// A valid entry: its bytes are what was written, its records may still be impossible.
struct Entry {
  std::uint64_t start = 0;   ///< in the ring
  std::uint64_t blocks = 0;  ///< with padding
  std::uint64_t epoch = 0;
  std::vector<std::byte> bytes;  ///< head and records
};

/// The checksum that an entry should carry; `bytes` is head and records.
std::uint64_t entry_checksum(std::span<const std::byte> bytes, const format::Layout& layout,
                             std::uint64_t epoch);

/// The entry of `epoch` at ring position `start`, if a valid one of at most `max_blocks` is there.
Result<std::optional<Entry>> read_entry(BlockDevice& device, const format::Layout& layout,
                                        std::uint64_t start, std::uint64_t epoch,
                                        std::uint64_t max_blocks);
/// The head that stands at ring position `start`, unchecked.
Result<format::LogHead> read_head(BlockDevice& device, const format::Layout& layout,
                                  std::uint64_t start);
/// Whether an entry may have `bytes` bytes where the ring has `max_bytes` left for it.
bool is_possible_length(std::uint64_t bytes, std::uint64_t max_bytes);
/// All valid entries from the tail on, oldest first.
Result<std::vector<Entry>> read_entries(BlockDevice& device, const format::Layout& layout,
                                        const Tail& tail);

/// A record and the bytes that follow it.
struct Record {
  format::RecordKind kind{};
  BlockNo block;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  std::span<const std::byte> bytes;
};

/// Goes through the records of an entry.
class RecordReader {
 public:
  RecordReader(std::span<const std::byte> entry, std::size_t position)
      : entry_(entry), position_(position) {}
  explicit RecordReader(std::span<const std::byte> entry)
      : RecordReader(entry, sizeof(format::LogHead)) {}

  [[nodiscard]] bool at_end() const { return position_ == entry_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  /// EUCLEAN if the record does not lie inside the entry. Not at the end.
  Result<Record> next();

 private:
  std::span<const std::byte> entry_;
  std::size_t position_;
};

/// EUCLEAN unless replaying the record touches nothing but blocks that the journal protects.
Result<> check_record(const Record& record, const format::Layout& layout);

/// Calls `visit(record, its position)` for each record of the entry; EUCLEAN at the first that is
/// impossible, or if they are not as many as the entry's head says.
template <class Visit>
Result<> visit_records(const Entry& entry, const format::Layout& layout, Visit visit) {
  std::uint64_t records = 0;
  for (RecordReader reader(entry.bytes); !reader.at_end(); ++records) {
    const std::size_t position = reader.position();
    const Record record = TRY(reader.next());
    TRY(check_record(record, layout));
    visit(record, position);
  }
  if (records != format::at<format::LogHead>(std::span(entry.bytes), 0).records) {
    return corrupt("a log entry has another number of records than it says");
  }
  return {};
}

}  // namespace spindle::log
