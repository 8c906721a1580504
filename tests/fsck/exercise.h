// Everything that programs do with a volume, on one that may be damaged: it must answer, no matter
// what.
#pragma once

#include "sample_volume.h"

namespace spindle::test {

/// Mounts a copy for reading, and reads all that the tree leads to. Runs a runtime of its own.
void mount_and_read(const MemoryDevice& device);
/// Mounts a copy, changes and removes what it finds, unmounts it in order, and returns it.
MemoryDevice mount_and_change(const MemoryDevice& device);
/// All subjects of `spindle inspect`, with these blocks among those it looks at.
void inspect_all(const MemoryDevice& device, const std::vector<BlockNo>& blocks);

}  // namespace spindle::test
