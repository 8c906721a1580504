// The subjects of `spindle inspect`: each function adds to the answer what the volume holds of its
// subject.
//
// An Error means that nothing at all can be said; what is missing otherwise becomes notes.
#pragma once

#include "cli/inspect/volume.h"

namespace spindle::cli {

Result<> describe_summary(InspectedVolume& volume);
Result<> describe_superblock(InspectedVolume& volume);
Result<> describe_journal(InspectedVolume& volume);
Result<> describe_free_space(InspectedVolume& volume);
Result<> describe_groups(InspectedVolume& volume);
Result<> describe_inode(InspectedVolume& volume, InodeNo number);
Result<> describe_map(InspectedVolume& volume, InodeNo number);
Result<> describe_directory(InspectedVolume& volume, InodeNo number);
Result<> describe_block(InspectedVolume& volume, BlockNo block);

/// The name of a kind of metadata block: "block bitmap", "inode table".
std::string block_kind_name(std::uint16_t kind);

}  // namespace spindle::cli
