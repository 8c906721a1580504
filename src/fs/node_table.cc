#include "node.h"

#include <algorithm>

namespace spindle {

void ChangeWatch::note(std::uint64_t from, std::uint64_t to) {
  constexpr std::size_t kMostRanges = 256;
  if (!written.empty() && (written.back().to == from || written.size() == kMostRanges)) {
    from = std::min(from, written.back().from);
    to = std::max(to, written.back().to);
    written.pop_back();
  }
  written.push_back({from, to});
}

std::uint64_t ChangeWatch::bytes() const {
  std::uint64_t sum = 0;
  for (const Range& range : written) sum += range.to - range.from;
  return sum;
}

NodeRef::NodeRef(Node* node) : node_(node) {
  if (node_ != nullptr) ++node_->pins;
}

NodeRef::~NodeRef() {
  if (node_ == nullptr) return;
  CHECK(node_->pins > 0);
  if (--node_->pins == 0) node_->table.unpinned(*node_);
}

NodeTable::NodeTable(std::size_t idle_limit, Load load, Abandoned on_abandoned)
    : idle_limit_(idle_limit), load_(std::move(load)), on_abandoned_(std::move(on_abandoned)) {}

NodeTable::~NodeTable() {
  for (const auto& [number, node] : nodes_) CHECK(node->pins == 0);
}

NodeRef NodeTable::find(InodeNo number) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) return {};
  Node& node = *found->second;
  if (node.on_idle_list) {
    idle_.erase(node.idle_place);
    node.on_idle_list = false;
  }
  return NodeRef(&node);
}

Result<NodeRef> NodeTable::get(InodeNo number) {
  if (NodeRef node = find(number)) return node;
  const format::Inode inode = TRY(load_(number));
  // Loading may have suspended; somebody else may have come first.
  if (NodeRef node = find(number)) return node;
  NodeRef node = insert(number);
  node->inode = inode;
  // It may have been in memory before, and what changed it then may not be durable yet.
  node->changed = node->content_changed = changed_before_leaving_;
  return node;
}

NodeRef NodeTable::insert(InodeNo number) {
  auto node = std::make_unique<Node>(*this, number);
  Node* raw = node.get();
  const bool is_new = nodes_.emplace(number, std::move(node)).second;
  CHECK(is_new);
  return NodeRef(raw);
}

void NodeTable::erase(Node& node) {
  const auto found = nodes_.find(node.number);
  CHECK(found != nodes_.end() && found->second.get() == &node && node.pins > 0);
  erased_.emplace(&node, std::move(found->second));
  nodes_.erase(found);
}

void NodeTable::drop_references(Node& node, std::uint64_t count) {
  CHECK(node.pins > 0);
  node.references -= std::min(node.references, count);
}

void NodeTable::unpinned(Node& node) {
  if (erased_.erase(&node) != 0) return;
  if (node.references > 0) return;
  if (node.inode.links == 0 && !closed_) {
    on_abandoned_(NodeRef(&node));
    return;
  }
  node.idle_place = idle_.insert(idle_.end(), &node);
  node.on_idle_list = true;
  shrink_idle();
}

void NodeTable::shrink_idle() {
  while (idle_.size() > idle_limit_) {
    Node* oldest = idle_.front();
    idle_.pop_front();
    changed_before_leaving_ = std::max(changed_before_leaving_, oldest->changed);
    nodes_.erase(oldest->number);
  }
}

}  // namespace spindle
