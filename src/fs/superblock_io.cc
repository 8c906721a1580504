#include "superblock_io.h"

#include <vector>

#include "spindle/fs/file_system.h"

namespace spindle {
namespace {

/// The superblock of a volume of any block size, where it stands in units of the device's blocks.
Result<std::vector<std::byte>> read_around(BlockDevice& device, BlockNo& first) {
  const std::uint32_t unit = device.block_size();
  if (unit < kSectorSize) return Error{EINVAL, "the device's block size is impossible"};
  first = BlockNo{format::kSuperblockOffset / unit};
  const std::uint64_t end = format::kSuperblockOffset + sizeof(format::Superblock);
  const std::uint64_t blocks = (end + unit - 1) / unit - first.value;
  if (first.value + blocks > device.block_count())
    return corrupt("it is too small for a Spindle volume");
  std::vector<std::byte> bytes(blocks * unit);
  TRY(device.read(first, bytes, IoPurpose::kMetadata));
  return bytes;
}

}  // namespace

Result<format::Superblock> read_superblock(BlockDevice& device) {
  BlockNo first;
  const std::vector<std::byte> bytes = TRY(read_around(device, first));
  const std::size_t offset = format::kSuperblockOffset % device.block_size();
  const auto superblock = format::at<format::Superblock>(bytes, offset);
  if (superblock.magic != format::kSuperblockMagic) return corrupt("it is not a Spindle volume");
  if (superblock.version != format::kVersion) {
    return Error{EUCLEAN, "the volume has a version that is not known"};
  }
  const std::uint32_t block_size = superblock.block_size;
  if (block_size < kMinBlockSize || block_size > kMaxBlockSize) {
    return corrupt("the block size is impossible");
  }
  const BlockNo stands_in{format::kSuperblockOffset / block_size};
  if (superblock.checksum != format::superblock_checksum(superblock, stands_in)) {
    return corrupt("the superblock's checksum does not match; fsck can restore it from a copy");
  }
  if ((superblock.incompatible_features & ~format::kKnownIncompatible) != 0) {
    return Error{EUCLEAN, "the volume has features that are not known"};
  }
  return superblock;
}

Result<> write_superblock(BlockDevice& device, const format::Layout& layout,
                          const format::Superblock& superblock) {
  BlockNo first;
  std::vector<std::byte> bytes = TRY(read_around(device, first));
  auto& on_disk = format::at<format::Superblock>(bytes, layout.superblock_offset());
  on_disk = superblock;
  on_disk.checksum = format::superblock_checksum(superblock, layout.superblock());
  return device.write(first, bytes, IoPurpose::kMetadata);
}

}  // namespace spindle
