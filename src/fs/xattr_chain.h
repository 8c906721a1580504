// What the parts of XattrChain share: a chain as it was read.
#pragma once

#include "fs/xattr.h"

namespace spindle {

/// Where a block's part of the string begins.
inline constexpr std::size_t kXattrStringStart = format::kHeaderSize + sizeof(format::XattrHead);

/// A chain as the disk has it: its blocks, and the part of the string in each.
struct XattrChain::Chain {
  std::vector<BlockNo> blocks;
  std::vector<std::string> parts;
  std::string bytes;  ///< all parts
};

}  // namespace spindle
