#include "fsck/find_superblock.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace spindle::fsck {
namespace {

constexpr std::uint32_t kStep = 1024;
/// How far the first copy is searched for: it stands behind group table and journal.
constexpr std::uint64_t kSearchBytes = 256ull << 20;

bool is_whole(const format::Superblock& superblock, std::uint64_t offset) {
  if (superblock.magic != format::kSuperblockMagic) return false;
  const std::uint64_t block_size = superblock.block_size;
  if (block_size < kMinBlockSize || block_size > kMaxBlockSize) return false;
  return superblock.checksum ==
         format::superblock_checksum(superblock, BlockNo{offset / block_size});
}

Result<> check_known(const format::Superblock& superblock) {
  if (superblock.version != format::kVersion) {
    return Error{EOPNOTSUPP, "the volume is of a version of the format that is not known"};
  }
  if ((superblock.incompatible_features & ~format::kKnownIncompatible) != 0 ||
      (superblock.read_only_features & ~format::kKnownReadOnlyCompatible) != 0) {
    return Error{EOPNOTSUPP, "the volume has features that are not known"};
  }
  return format::Layout::of(superblock).ok() ? Result<>() : corrupt("its numbers are impossible");
}

std::optional<format::Superblock> try_at(BlockDevice& device, std::uint64_t offset) {
  std::vector<std::byte> bytes(kStep);
  if (offset % kStep != 0 || offset / kStep >= device.block_count()) return std::nullopt;
  if (!device.read(BlockNo{offset / kStep}, bytes).ok()) return std::nullopt;
  const auto& superblock = format::at<format::Superblock>(bytes, 0);
  if (!is_whole(superblock, offset)) return std::nullopt;
  return superblock;
}

}  // namespace

Result<FoundSuperblock> find_superblock(BlockDevice& device, std::uint64_t size_bytes) {
  std::optional<Error> refused;
  if (const auto primary = try_at(device, format::kSuperblockOffset)) {
    const auto known = check_known(*primary);
    if (known.ok()) return FoundSuperblock{*primary, false};
    if (known.code() != EUCLEAN) return known.error();
    refused = known.error();
  }
  for (std::uint64_t size = kMinBlockSize; size <= kMaxBlockSize; size *= 2) {
    if (size_bytes < 2 * size) break;
    const auto last = try_at(device, size_bytes / size * size - size);
    if (last && last->block_size == size && check_known(*last).ok()) {
      return FoundSuperblock{*last, true};
    }
  }
  const std::uint64_t end = std::min(size_bytes, kSearchBytes);
  for (std::uint64_t offset = 2 * kStep; offset < end; offset += kStep) {
    const auto copy = try_at(device, offset);
    if (copy && check_known(*copy).ok()) return FoundSuperblock{*copy, true};
  }
  return refused.value_or(corrupt("there is no Spindle superblock, and no copy of one"));
}

Result<format::Superblock> read_superblock_at(BlockDevice& device, BlockNo stands_in,
                                              std::size_t offset) {
  std::vector<std::byte> bytes(device.block_size());
  TRY(device.read(stands_in, bytes));
  const auto& superblock = format::at<format::Superblock>(bytes, offset);
  if (superblock.magic != format::kSuperblockMagic ||
      superblock.checksum != format::superblock_checksum(superblock, stands_in)) {
    return corrupt("it is not a good superblock", Subject::block(stands_in));
  }
  return superblock;
}

}  // namespace spindle::fsck
