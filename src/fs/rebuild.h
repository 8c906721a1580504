// Rebuild: gives a file new content, or another strategy, of any size, all or nothing.
//
// The new content is built in a hidden inode on the orphan list, in as many transactions as it
// takes; then one transaction exchanges the map roots, kinds and sizes of the two, and the hidden
// inode, which now has the old content, is freed. A crash before the exchange leaves the file as it
// was; after it the file is as planned. The hidden inode names the file as its parent, and its
// blocks carry the file's number from the start (Node::content_owner).
//
// Takes transactions; Node::change is held.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "file_content.h"

namespace spindle {

/// Bytes of the old content and where they go.
struct Move {
  std::uint64_t from = 0;
  std::uint64_t length = 0;
  std::uint64_t to = 0;
};

struct RebuildPlan {
  format::MapKind kind;
  std::uint64_t size = 0;
  std::vector<Move> moves;  ///< in ascending order; what none of them fills reads as zeros
  bool changes_content = false;
  const Interruption* interruption = nullptr;  ///< ends it with EINTR while the content is built
};

Result<> rebuild(Volume& volume, const NodeRef& node, const RebuildPlan& plan);

/// Moves the file, whose data lies in `extents`, to the free runs, which have room for all of it.
/// Nothing else changes: its times and the blocks mapped without content stay. False, and nothing
/// has happened, if the runs are not free any more; if `suits`, which sees the new map before
/// anything is copied, says no; if the file got another map or size meanwhile; or if it is written
/// faster than it is copied. `held` is Node::change; it is let go between pieces, so that a writer
/// waits for one piece only.
Result<bool> relocate(Volume& volume, const NodeRef& node, std::unique_lock<thread::Mutex>& held,
                      std::span<const Run> runs, const std::vector<Extent>& extents,
                      const std::function<bool(const std::vector<Extent>& extents)>& suits);

/// Hands all blocks of a file of size 0 to a hidden inode, which is freed beside the operations
/// that come, however many they are. If there is no inode for it, the file keeps them.
Result<> set_blocks_aside(Volume& volume, const NodeRef& node);

/// Makes `kind` the strategy of the file: at once if it has no blocks. EINTR, and nothing has
/// happened, if it was interrupted.
Result<> convert(Volume& volume, const NodeRef& node, format::MapKind kind,
                 const Interruption* interruption = nullptr);

}  // namespace spindle
