// The table of everything that can be wrong with a volume: one row a problem, with the sentence and
// the repair, in short and explained.
#pragma once

#include <cstdint>
#include <string_view>

namespace spindle::fsck {

enum class Problem : std::uint8_t {
  kSuperblock,
  kSuperblockCopy,
  kJournal,
  kReplayMismatch,
  kState,
  kOrphanList,
  kGroupTable,
  kInodeTableBlock,
  kInodeGarbage,
  kInodeTime,
  kInodeReserved,
  kMapKind,
  kMapDamaged,
  kMapShared,
  kBlockCount,
  kSize,
  kXattrs,
  kRootMissing,
  kDirectoryTree,
  kDirectorySize,
  kNameInvalid,
  kNameOfFreeInode,
  kNameType,
  kNameOfSecondParent,
  kLostFoundMissing,
  kDirectoryUnreachable,
  kInodeUnreachable,
  kNoRoomToConnect,
  kParent,
  kLinkCount,
  kBlockBitmap,
  kInodeBitmap,
  kGroupCounts,
  kFatEntry,
  kCount,
};

struct ProblemRow {
  std::string_view code;     ///< for programs: "link-count"
  std::string_view what;     ///< what is wrong, after "inode 12: "
  std::string_view repair;   ///< what the repair does: the question is this with a question mark
  std::string_view meaning;  ///< what is wrong, in whole sentences, for somebody who learns
  std::string_view effect;   ///< what the repair will change, and what is lost by it
};

const ProblemRow& row_of(Problem problem);

}  // namespace spindle::fsck
