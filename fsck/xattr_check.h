// The chain of an inode's extended attributes, read independently of the file system's own code.
#pragma once

#include <vector>

#include "fsck/volume_facts.h"

namespace spindle::fsck {

/// The blocks of the chain; EUCLEAN with the reason if it or what is in it is not as the format
/// says.
Result<std::vector<BlockNo>> check_xattrs(VolumeFacts& volume, InodeNo number, BlockNo first);

}  // namespace spindle::fsck
