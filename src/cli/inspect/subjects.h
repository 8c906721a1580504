// The subjects of `spindle inspect`: each fills the answer with what the volume holds of it.
//
// An Error means that nothing at all can be said; what is only partly there becomes notes.
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

/// "block bitmap", "inode table", ...: what a kind of metadata block is called.
std::string block_kind_name(std::uint16_t kind);

}  // namespace spindle::cli
