// WriteErrors: what became of writes that the kernel had already acknowledged.
//
// With its write-back cache the kernel takes every write(2) and hands the bytes over later. If
// there is no space for them then, only fsync and close would say so, and a program that writes
// until the volume is full would go on for ever. So the error is kept here by node, and the
// attributes of the node are made invalid in the kernel: its next write(2) asks for them first,
// through the open file, and that request is answered with the error, once. A read(2) beyond what
// the kernel takes for the end asks in the same way, and gets the same answer. The error is
// forgotten when the last writer has closed the file, for close told of it, too, and when the file
// gets another size, for then the writer has dealt with it.
#pragma once

#include <unordered_map>

#include "spindle/fs/tree.h"

namespace spindle {

class WriteErrors {
 public:
  /// A delayed write has failed. Beyond kMost nodes only fsync and close tell of it.
  void add(NodeId node, int error) {
    if (errors_.size() < kMost) errors_.try_emplace(node, error);
  }
  /// Returns the error that is due, which then counts as told; 0 if there is none.
  int take(NodeId node) {
    if (errors_.empty()) return 0;
    const auto found = errors_.find(node);
    if (found == errors_.end()) return 0;
    const int error = found->second;
    errors_.erase(found);
    return error;
  }
  /// Whether an error is due: then the kernel may keep no attributes of the node.
  [[nodiscard]] bool has(NodeId node) const { return !errors_.empty() && errors_.contains(node); }
  /// The error is of no use any more.
  void drop(NodeId node) {
    if (!errors_.empty()) errors_.erase(node);
  }

 private:
  static constexpr std::size_t kMost = 65536;
  std::unordered_map<NodeId, int> errors_;
};

}  // namespace spindle
