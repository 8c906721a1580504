// The header that opens every metadata block, and the kinds of block there are.
//
// A metadata block is 32 bytes of header and `payload_size` bytes of content. Its checksum is
// XXH3-64 over all of the block but the checksum itself, with the seed block_seed(volume, block)
// (base/checksum.h). Data blocks of files have no header, except those of linked files (map.h).
// `epoch` is the journal epoch that last changed the block; blocks written by mkfs carry 0.
// All integers on the disk are little-endian. The format's version stands in superblock.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spindle/base/checksum.h"
#include "spindle/base/endian.h"
#include "spindle/base/result.h"

namespace spindle::format {

enum class BlockKind : std::uint16_t {
  kState = 1,           ///< volume state (superblock.h)
  kGroupTable = 2,      ///< group descriptors (group.h)
  kBlockBitmap = 3,     ///< bit i: block i of the group is in use
  kInodeBitmap = 4,     ///< bit i: inode i of the group is in use
  kInodeTable = 5,      ///< inodes (inode.h)
  kFat = 6,             ///< links of FAT files (map.h)
  kIndirect = 7,        ///< block numbers of indexed files (map.h)
  kExtentNode = 8,      ///< a node of an extent tree (map.h)
  kDirectory = 9,       ///< a node of a directory (directory.h)
  kXattr = 10,          ///< extended attributes (xattr.h)
  kJournalHeader = 11,  ///< where the log begins (log.h)
};

inline constexpr std::uint32_t kBlockMagic = 0x4E495053;  // "SPIN"

struct BlockHeader {
  le64 checksum;  ///< of bytes 8 .. block size
  le32 magic;     ///< kBlockMagic
  le16 kind;      ///< BlockKind
  le16 reserved;  ///< 0
  le64 owner;     ///< the inode it belongs to; 0 for those of the volume
  le64 epoch;     ///< the journal epoch of its last change
};
static_assert(sizeof(BlockHeader) == 32);

inline constexpr std::size_t kHeaderSize = sizeof(BlockHeader);

constexpr std::uint32_t payload_size(std::uint32_t block_size) {
  return block_size - static_cast<std::uint32_t>(kHeaderSize);
}

/// A struct that may be laid over the bytes of a disk: trivially copyable, alignment 1.
template <class T>
concept OnDisk = std::is_trivially_copyable_v<T> && alignof(T) == 1;

/// The T at byte `offset` of `bytes`; CHECKs that it lies inside.
template <OnDisk T>
T& at(std::span<std::byte> bytes, std::size_t offset) {
  CHECK(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
  return *reinterpret_cast<T*>(bytes.data() + offset);
}
template <OnDisk T>
const T& at(std::span<const std::byte> bytes, std::size_t offset) {
  CHECK(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
  return *reinterpret_cast<const T*>(bytes.data() + offset);
}

template <OnDisk T>
T& at(std::vector<std::byte>& bytes, std::size_t offset) {
  return at<T>(std::span<std::byte>(bytes), offset);
}

/// The checksum that the block should carry.
inline std::uint64_t block_checksum(std::span<const std::byte> block, std::uint64_t volume_seed,
                                    BlockNo number) {
  return checksum(block.subspan(sizeof(le64)), block_seed(volume_seed, number));
}

/// Makes zeroed bytes a block of this kind: fills the header, all but the checksum.
inline void begin_block(std::span<std::byte> block, BlockKind kind, std::uint64_t owner) {
  auto& header = at<BlockHeader>(block, 0);
  header.magic = kBlockMagic;
  header.kind = static_cast<std::uint16_t>(kind);
  header.owner = owner;
}

/// Sets epoch and checksum: the last thing before a block is written.
inline void seal_block(std::span<std::byte> block, std::uint64_t volume_seed, BlockNo number,
                       EpochNo epoch) {
  auto& header = at<BlockHeader>(block, 0);
  header.epoch = epoch.value;
  header.checksum = block_checksum(block, volume_seed, number);
}

/// Whether the bytes are a block of this kind with a good checksum, at this place of this volume.
inline Result<> verify_block(std::span<const std::byte> block, BlockKind kind,
                             std::uint64_t volume_seed, BlockNo number) {
  const auto& header = at<BlockHeader>(block, 0);
  if (header.magic != kBlockMagic) {
    return corrupt("it is not a metadata block", Subject::block(number));
  }
  if (header.checksum != block_checksum(block, volume_seed, number)) {
    return corrupt("the checksum does not match", Subject::block(number));
  }
  if (header.kind != static_cast<std::uint16_t>(kind)) {
    return corrupt("it is a metadata block of another kind", Subject::block(number));
  }
  return {};
}

}  // namespace spindle::format
