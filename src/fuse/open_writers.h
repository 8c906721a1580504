// OpenWriters: files that somebody has open for writing, so that the kernel's cache may hold bytes
// of them that have not come here yet.
//
// An answer about where a file's data lies would then be wrong: `collect_writes` first makes the
// kernel hand over all that it has of the file. Once the last writer has closed a file, nothing is
// left.
#pragma once

#include <unordered_map>

#include "spindle/fs/tree.h"

namespace spindle {

struct SessionState;

class OpenWriters {
 public:
  void add(NodeId node) { ++counts_[node]; }
  /// Returns whether that was the last writer.
  bool remove(NodeId node) {
    const auto found = counts_.find(node);
    if (found == counts_.end() || --found->second != 0) return false;
    counts_.erase(found);
    return true;
  }
  [[nodiscard]] bool has(NodeId node) const { return counts_.contains(node); }

 private:
  std::unordered_map<NodeId, std::uint64_t> counts_;
};

/// Waits until the tree has got all that was written to the file before. Called by a thread that
/// holds nothing that a write needs, nor counts as a bounded request. EAGAIN if the host gives no
/// kernel thread.
Result<> collect_writes(SessionState& session, NodeId node);

}  // namespace spindle
