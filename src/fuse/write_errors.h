// WriteErrors: what became of writes that the kernel had already acknowledged.
//
// With its write-back cache the kernel takes every write(2) and hands the bytes over later. If
// there is no space for them then, only fsync and close would say so, and a program that writes
// until the volume is full would go on for ever. So the error is kept here by node, and the
// attributes of the node are made invalid in the kernel: its next write(2) asks for them first,
// through the open file, and that request is answered with the error, once. So is a read(2) beyond
// what the kernel takes for the end, which asks in the same way. The error is forgotten where it
// has no more to say: when the last writer has closed the file, which told of it, too, and when the
// file gets another size, by which the writer has dealt with it.
#pragma once

#include <unordered_map>

#include "spindle/fs/tree.h"

namespace spindle {

class WriteErrors {
 public:
  /// A delayed write has failed. Beyond kMost nodes it is left to fsync and close alone.
  void add(NodeId node, int error) {
    if (errors_.size() < kMost) errors_.try_emplace(node, error);
  }
  /// The error that is due, which is told by that; 0: none.
  int take(NodeId node) {
    if (errors_.empty()) return 0;
    const auto found = errors_.find(node);
    if (found == errors_.end()) return 0;
    const int error = found->second;
    errors_.erase(found);
    return error;
  }
  /// Whether one is due: then the kernel may keep no attributes of the node.
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
