// Performer: carries out recorded operations on a tree, with the nodes that stand in it for those
// of the recording.
#pragma once

#include <map>

#include "spindle/fs/tree.h"
#include "spindle/record/operation.h"

namespace spindle {

class Performer {
 public:
  Performer(Tree& tree, std::map<NodeId, NodeId> nodes) : tree_(tree), nodes_(std::move(nodes)) {
    nodes_[kRootNode] = kRootNode;
  }

  void perform(const Operation& operation);
  /// How many operations failed here and not in the recording, or the reverse.
  [[nodiscard]] std::uint64_t differing() const { return differing_; }

 private:
  [[nodiscard]] int outcome_of(const Operation& operation);
  [[nodiscard]] int perform_on_names(const Operation& operation, NodeId node, NodeId other);
  [[nodiscard]] int perform_on_content(const Operation& operation, NodeId node, NodeId other);
  [[nodiscard]] int perform_on_attributes(const Operation& operation, NodeId node);
  [[nodiscard]] int read_directory(const Operation& operation, NodeId node);
  [[nodiscard]] NodeId node_of(NodeId recorded) const;
  int keep(const Operation& operation, const Result<Attributes>& found);

  Tree& tree_;
  std::map<NodeId, NodeId> nodes_;
  std::map<NodeId, std::int64_t> positions_;  ///< where the reading of each directory goes on
  std::uint64_t differing_ = 0;
};

}  // namespace spindle
