// Replay: brings a volume that was not unmounted in order to the last durable epoch.
//
// A free function over a bare device, used by mount, fsck and inspect alike. It reads the log
// (never more than the journal is long, whatever the volume's size), writes each block it names
// once, flushes, and moves the tail, so that a power cut during replay does no harm: the next one
// does the same again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"
#include "spindle/format/log.h"

namespace spindle {

struct ReplayReport {
  std::uint64_t epochs = 0;  ///< entries found and applied
  std::uint64_t first_epoch = 0;
  std::uint64_t last_epoch = 0;  ///< the last durable one, also when nothing was to be replayed
  std::uint64_t records = 0;
  std::uint64_t blocks_written = 0;
  std::uint64_t revoked_records = 0;
  /// Blocks that do not come out as sealed: damage of another kind.
  std::vector<BlockNo> mismatched;
};

/// Replays the log of the volume on `device`. EUCLEAN if both journal headers are bad or a valid
/// entry holds an impossible record (nothing is written then).
Result<ReplayReport> replay(BlockDevice& device, const format::Layout& layout);

/// One entry of the log, decoded, for inspection.
struct LogEntry {
  std::uint64_t start_block = 0;  ///< in the log area
  std::uint64_t epoch = 0;
  std::uint64_t bytes = 0;
  struct Record {
    format::RecordKind kind;
    BlockNo block;
    std::uint32_t offset = 0;
    std::uint32_t count = 0;
    std::uint32_t length = 0;
  };
  std::vector<Record> records;
};
/// The entries that a replay would apply, oldest first. Changes nothing.
Result<std::vector<LogEntry>> read_log(BlockDevice& device, const format::Layout& layout);

/// Why the log ends where it does: what stands there in place of its next entry.
enum class LogEnd : std::uint8_t {
  kWholeRing,    ///< nothing: the entries fill the whole log area
  kNoEntry,      ///< no head of an entry
  kOtherEpoch,   ///< the head of an entry that is not the next epoch
  kBadLength,    ///< a head with a length that cannot be
  kBadChecksum,  ///< the next epoch's head, over bytes that are not what was written
};

/// A replay, told step by step.
struct ReplayStory {
  struct Header {
    BlockNo block;
    bool is_good = false;
    std::uint64_t writes = 0;
    std::uint64_t tail_block = 0;  ///< in the log area
    std::uint64_t tail_epoch = 0;
  };
  /// A block that went home, and what was applied to it.
  struct Home {
    BlockNo block;
    std::uint64_t records = 0;
    std::uint64_t first_epoch = 0;
    std::uint64_t last_epoch = 0;
    bool reads_old = true;  ///< false: the log has all of it, so what the block holds is not read
  };
  /// A record that was left out, since its block was freed in that epoch or a later one.
  struct Revoked {
    BlockNo block;
    std::uint64_t epoch = 0;
  };

  std::array<Header, format::kJournalHeaderBlocks> headers;
  std::uint64_t log_blocks = 0;
  std::size_t counts = 0;  ///< which header is the newer good one
  std::vector<LogEntry> entries;
  LogEnd end = LogEnd::kNoEntry;
  std::uint64_t end_block = 0;    ///< in the log area
  std::uint64_t found_epoch = 0;  ///< there, with kOtherEpoch
  std::vector<Revoked> revoked;
  std::vector<Home> homes;  ///< in ascending order
  ReplayReport report;
};
/// What a replay of the log on `device` would do. Changes nothing.
Result<ReplayStory> tell_replay(BlockDevice& device, const format::Layout& layout);

/// The log area as a ring: the entries that a replay would apply, and, as far as nothing has been
/// written over them, older ones, whose changes are home.
struct LogRing {
  struct Entry {
    std::uint64_t start_block = 0;  ///< in the ring; it may go round its end
    std::uint64_t blocks = 0;
    std::uint64_t epoch = 0;
    std::uint64_t records = 0;
    bool is_needed = false;
  };
  std::uint64_t blocks = 0;
  std::uint64_t tail_block = 0;  ///< where the first entry that is needed begins
  std::uint64_t head_block = 0;  ///< where the next one will
  std::vector<Entry> entries;    ///< from the tail on, the way that the ring runs
};
/// EUCLEAN if both journal headers are bad. Changes nothing.
Result<LogRing> read_log_ring(BlockDevice& device, const format::Layout& layout);

/// What may be left where the journal is to be. Entries of an older volume with the same UUID would
/// pass for its own; those of any other volume never do.
enum class OldLog : std::uint8_t { kOfSameUuid, kOfOthers };
/// Writes an empty journal: both headers, and zeros where an old entry might stand. For mkfs.
Result<> format_journal(BlockDevice& device, const format::Layout& layout,
                        OldLog old_log = OldLog::kOfSameUuid);

}  // namespace spindle
