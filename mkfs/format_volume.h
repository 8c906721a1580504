// format_volume: makes an empty volume on a device, as docs/FORMAT.md describes it.
//
// Writes the superblock and its copies, the state block, the group table, an empty journal, and in
// the first group the used part of its bitmaps, the first block of the inode table (root directory
// and lost+found) and the root directory's one block. All other groups are left as they are: their
// descriptors say that nothing of them is written yet. The superblock comes last, after a flush, so
// that a half-formatted device is no volume.
#pragma once

#include <cstdint>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"
#include "spindle/journal/replay.h"

namespace spindle {

/// The owner of the root directory and lost+found: the user who makes a volume may write to it.
struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct FormatOptions {
  std::uint64_t inodes = 0;        ///< 0: one for each 16 KiB
  std::uint64_t journal_size = 0;  ///< bytes; 0: a 32nd of the volume, at most 64 MiB
  std::uint64_t group_size = 0;    ///< bytes at least; 0: a few groups, for contiguous files one
  format::MapKind default_map_kind = format::MapKind::kExtent;
  std::string label;            ///< at most 64 bytes
  Uuid uuid{};                  ///< all zero: a random one
  std::uint64_t hash_seed = 0;  ///< 0: a random one
  Timestamp now;                ///< zero: the clock's
  Owner owner;
};

/// The smallest `journal_size` for such a volume, in bytes. EINVAL with the reason if none is.
Result<std::uint64_t> min_journal_size(std::uint32_t block_size, std::uint64_t block_count,
                                       const FormatOptions& options);

/// What the volume on a device of this block size and count would be. EINVAL with the reason.
Result<format::Superblock> plan_volume(std::uint32_t block_size, std::uint64_t block_count,
                                       const FormatOptions& options);

/// Formats the device with the planned superblock.
Result<> format_volume(BlockDevice& device, const format::Superblock& planned,
                       OldLog old_log = OldLog::kOfSameUuid, Owner owner = {});

/// Plans and formats.
Result<> format_volume(BlockDevice& device, const FormatOptions& options);

}  // namespace spindle
