// The attributes that are not stored but computed: the strategy of a file, and its map.
//
//   user.spindle.alloc   the strategy's name. Setting it converts a file; of a directory it is the
//                        strategy of files that are made in it later.
//   user.spindle.map     a line for each run: "file_block block length kind"; read-only
//
// They are got and set by name but never listed, so that `cp -a` and `rsync -X` do not copy them.
#pragma once

#include "volume.h"

namespace spindle {

bool is_virtual_xattr(std::string_view name);
Result<std::string> get_virtual_xattr(Volume& volume, Node& node, std::string_view name);
/// `flags` as in setxattr(2): EEXIST for XATTR_CREATE, since each file has these. An interruption
/// ends a conversion with EINTR; null: nothing does.
Result<> set_virtual_xattr(Volume& volume, const NodeRef& node, std::string_view name,
                           std::string_view value, int flags, const Interruption* interruption);

/// The runs of a file. The lock is not held.
Result<FileSystem::MapDescription> describe_map_of(Volume& volume, Node& node,
                                                   std::size_t max_extents);

}  // namespace spindle
