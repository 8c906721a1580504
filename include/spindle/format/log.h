// The journal's log: a redo log of byte ranges, one entry for each epoch (group commit).
//
// Journal = two header blocks, then the log area, used as a ring of blocks. The headers are written
// in turn; the valid one with the higher `writes` counts. It says where the oldest entry that must
// be replayed begins and which epoch it is. Entries follow one another; the first that is not
// valid, or is not the next epoch, ends the log.
//
// An entry begins at a block boundary with a LogHead and is padded to whole blocks; it may wrap
// around the ring's end. Its checksum covers bytes 8 .. length, seed volume_seed ^ epoch, so that
// an entry torn, stale or of another volume is no entry. After the head come records, each a
// LogRecord and `length` bytes, without padding.
//
// Replay: read all entries; a record for a block that a later or the same epoch revokes is skipped;
// apply the rest in order; a sealed block gets its epoch and checksum from the last seal, and must
// match it.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

struct JournalHeader {  ///< the payload of a block of kind kJournalHeader
  le64 writes;          ///< how often a header was written
  le64 tail_block;      ///< where the first entry begins, in blocks from the log area's start
  le64 tail_epoch;      ///< its epoch
};
static_assert(sizeof(JournalHeader) == 24);

inline constexpr std::uint64_t kJournalHeaderBlocks = 2;
inline constexpr std::uint64_t kLogMagic = 0x474F4C4E4950535Full;

struct LogHead {
  le64 checksum;
  le64 magic;  ///< kLogMagic
  le64 epoch;
  le64 length;  ///< bytes of head and records, without the padding
  le64 records;
  le64 reserved;
};
static_assert(sizeof(LogHead) == 48);

enum class RecordKind : std::uint16_t {
  kPatch = 1,      ///< the bytes replace those at `offset` of the block
  kFresh = 2,      ///< as kPatch, but the block is zeroed first: what it held has no meaning
  kSetBits = 3,    ///< bits `offset` .. `offset + count` of the payload become 1
  kClearBits = 4,  ///< ... become 0
  kSeal = 5,       ///< the block's checksum after this epoch: an le64; its epoch is this one
  kRevoke = 6,     ///< `count` blocks from `block` on were freed: earlier records mean nothing
  kData = 7,       ///< whole block of file data (no header): replaces it
};

struct LogRecord {
  le16 kind;
  le16 reserved;
  le32 length;  ///< bytes that follow
  le64 block;
  le32 offset;  ///< byte, or bit
  le32 count;   ///< bits, or blocks
};
static_assert(sizeof(LogRecord) == 24);

}  // namespace spindle::format
