// What can be done to a file so that it, or the free blocks around it, lie better: by the names
// that the control file volume/defrag takes.
//
//   const DefragVerb* verb = defrag_verb("unite");        // null: there is none of this name
//   Result<FileSystem::Rearrangement> done = rearrange(volume, *verb, node);
#pragma once

#include <string_view>

#include "spindle/fs/file_system.h"

namespace spindle {

struct DefragVerb {
  std::string_view name;
  FileSystem::Arrangement arrangement;
  bool is_plan = false;  ///< it is only said what would be
};

/// Of the names plan, defragment, unite, pack and down.
const DefragVerb* defrag_verb(std::string_view name);
Result<FileSystem::Rearrangement> rearrange(FileSystem& volume, const DefragVerb& verb,
                                            NodeId node);

}  // namespace spindle
