// The superblock: what a volume is; and the state block: what changes with every transaction.
//
// The superblock stands at byte 1024 of the image (the first 1024 bytes are left to boot code) and
// is 1024 bytes long, whatever the block size. Two copies stand at byte 0 of the last block of the
// fixed area and of the last block of the volume (layout.h). Its checksum covers bytes 8 .. 1024
// with the seed block_seed(volume_seed(uuid), B), B the block it stands in. It is written by mkfs,
// at mount and at unmount only (the copies by mkfs and fsck only), never through the journal. Of
// the fields, only `state`, the mount_* and last_* ones ever change after mkfs, and `label`.
//
// The state block follows the superblock's block. It is a metadata block, changed through the
// journal.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

inline constexpr std::uint64_t kSuperblockOffset = 1024;
inline constexpr std::uint64_t kSuperblockMagic = 0x314C444E49505340;  // "@SPINDL1"
inline constexpr std::uint32_t kVersion = 1;

/// Features that a reader must know to read / to write the volume. Version 1 has none.
inline constexpr std::uint64_t kKnownIncompatible = 0;
inline constexpr std::uint64_t kKnownReadOnlyCompatible = 0;

enum VolumeState : std::uint32_t {
  kClean = 1u << 0,      ///< unmounted in order; the log is empty
  kHasErrors = 1u << 1,  ///< damage was seen; fsck should look
};

struct Superblock {
  le64 checksum;
  le64 magic;       ///< kSuperblockMagic
  le32 version;     ///< kVersion
  le32 block_size;  ///< 1024 .. 65536, a power of two
  std::byte uuid[16];
  char label[64];    ///< UTF-8, ended by a zero unless it fills the field
  le64 block_count;  ///< blocks of the volume
  le32 group_count;
  le32 bitmap_blocks_per_group;  ///< blocks of each group's block bitmap (layout.h)
  le32 inodes_per_group;
  le32 default_map_kind;  ///< MapKind of new files (inode.h)
  le64 journal_start;     ///< first block of the journal
  le64 journal_blocks;
  le64 incompatible_features;
  le64 read_only_features;
  le64 hash_seed;        ///< secret of the directories' hash
  le64 created_seconds;  ///< when mkfs made it, since 1970
  le32 state;            ///< VolumeState flags
  le32 mount_count;
  le64 last_mount_seconds;
  le64 last_write_seconds;  ///< last unmount, or when fsck repaired it
  le64 last_check_seconds;
  // Who has it mounted: filled at mount, zero at unmount. After a crash it is stale, and known to
  // be: another boot, or no such process that started then.
  std::byte mount_boot_id[16];  ///< /proc/sys/kernel/random/boot_id
  le64 mount_process;           ///< the daemon's process id; 0: not mounted
  le64 mount_process_start;     ///< its start time, field 22 of /proc/PID/stat
  std::byte reserved[1024 - 240];
};
static_assert(sizeof(Superblock) == 1024);
static_assert(OnDisk<Superblock>);

/// What the journal protects of the volume as a whole; the payload of the state block.
struct State {
  le64 orphan_head;  ///< first inode of the orphan list (inode.h), or 0
  le64 generation;   ///< the generation the next new inode gets
};
static_assert(sizeof(State) == 16);

inline std::uint64_t superblock_checksum(const Superblock& superblock, BlockNo stands_in) {
  Uuid uuid;
  std::memcpy(uuid.data(), superblock.uuid, uuid.size());
  const auto bytes = std::as_bytes(std::span(&superblock, 1)).subspan(sizeof(le64));
  return checksum(bytes, block_seed(volume_seed(uuid), stands_in));
}

}  // namespace spindle::format
