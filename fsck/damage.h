// Damage on purpose: one fault of a chosen kind in a sound volume, at a place that a seed chooses,
// with the answer in words: for students of fsck who want to find the fault themselves.
//
// What is changed is sealed as if it were right, except where a wrong checksum is the fault.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle::fsck {

struct DamageKind {
  std::string_view name;  ///< "cross-link"
  std::string_view what;  ///< for the list of kinds
};
std::span<const DamageKind> damage_kinds();

struct DamageAnswer {
  std::string what;             ///< a sentence: what was changed, and where
  std::vector<BlockNo> blocks;  ///< the blocks that were written
  std::optional<InodeNo> inode;
  std::string name;  ///< a path of that inode before the damage
};

/// Damages the volume. The same seed does the same to the same volume. EINVAL for an unknown kind;
/// EUCLEAN if the volume is damaged already; ENODATA if it has nothing that could be damaged in
/// this way (such as two files to be cross-linked).
Result<DamageAnswer> damage(BlockDevice& device, const format::Superblock& superblock,
                            std::string_view kind, std::uint64_t seed);

}  // namespace spindle::fsck
