#include "performer.h"

#include <vector>

namespace spindle {
namespace {

using Kind = Operation::Kind;

constexpr int kNotOfThese = -1;

/// The bytes that are written: the recorded ones, or as many others.
class Content {
 public:
  explicit Content(const Operation& operation) {
    if (operation.data.size() == operation.size) {
      bytes_ = std::as_bytes(std::span<const char>(operation.data));
      return;
    }
    made_.assign(operation.size, std::byte{0x5A});
    bytes_ = made_;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> made_;
  std::span<const std::byte> bytes_;
};

/// Setting the strategy is left out, since the replay decides that; and so are ACLs, which would be
/// refused with made-up bytes.
bool is_left_out(const Operation& operation) {
  if (operation.kind != Kind::kSetXattr) return false;
  return operation.name.starts_with("user.spindle.") ||
         (operation.data.empty() && operation.name.starts_with("system."));
}

}  // namespace

void Performer::perform(const Operation& operation) {
  if (is_left_out(operation)) return;
  if (outcome_of(operation) != operation.error) ++differing_;
}

NodeId Performer::node_of(NodeId recorded) const {
  const auto found = nodes_.find(recorded);
  return found == nodes_.end() ? 0 : found->second;
}

int Performer::keep(const Operation& operation, const Result<Attributes>& found) {
  if (found.ok() && operation.result != 0) nodes_[operation.result] = found->node;
  return found.code();
}

int Performer::outcome_of(const Operation& operation) {
  const NodeId node = node_of(operation.node);
  const NodeId other = node_of(operation.other);
  if (node == 0 || (operation.other != 0 && other == 0)) return ESTALE;
  int outcome = perform_on_names(operation, node, other);
  if (outcome == kNotOfThese) outcome = perform_on_content(operation, node, other);
  if (outcome == kNotOfThese) outcome = perform_on_attributes(operation, node);
  return outcome;
}

int Performer::perform_on_names(const Operation& o, NodeId node, NodeId other) {
  const auto mode = static_cast<std::uint32_t>(o.mode);
  switch (o.kind) {
    case Kind::kLookup:
      return keep(o, tree_.lookup(node, o.name));
    case Kind::kForget:
      tree_.forget(node, o.size);
      return 0;
    case Kind::kCreate:
      return keep(o, tree_.create({}, node, o.name, mode));
    case Kind::kMakeNode:
      return keep(o, tree_.make_node({}, node, o.name, mode, 0, 0));
    case Kind::kMakeDirectory:
      return keep(o, tree_.make_directory({}, node, o.name, mode));
    case Kind::kSymlink:
      return keep(o, tree_.symlink({}, node, o.name, o.new_name));
    case Kind::kLink:
      return keep(o, tree_.link(node, other, o.name));
    case Kind::kTemporaryFile:
      return keep(o, tree_.temporary_file({}, node, mode));
    case Kind::kUnlink:
      return tree_.unlink(node, o.name).code();
    case Kind::kRemoveDirectory:
      return tree_.remove_directory(node, o.name).code();
    case Kind::kRename:
      return tree_.rename({}, node, o.name, other, o.new_name, static_cast<std::uint32_t>(o.flags))
          .code();
    case Kind::kReadDirectory:
      return read_directory(o, node);
    default:
      return kNotOfThese;
  }
}

int Performer::read_directory(const Operation& o, NodeId node) {
  std::int64_t& position = positions_[node];
  const std::int64_t from = o.offset == 0 ? 0 : position;
  std::uint64_t left = o.size;
  const auto visit = [&](const DirectoryItem& item) {
    if (left == 0) return false;
    --left;
    position = item.position;
    return true;
  };
  return tree_.read_directory(node, from, visit).code();
}

int Performer::perform_on_content(const Operation& o, NodeId node, NodeId other) {
  switch (o.kind) {
    case Kind::kOpen:
      return tree_.open(node, static_cast<int>(o.flags)).code();
    case Kind::kRead:
      return tree_.read(node, 0, o.offset, o.size, [](auto) {}).code();
    case Kind::kWrite:
      return tree_.write(node, 0, o.offset, Content(o).bytes(), Setuid::kKeep).code();
    case Kind::kSync:
      return tree_.sync(node, o.flags != 0 ? SyncOf::kData : SyncOf::kFile).code();
    case Kind::kSyncDirectory:
      return tree_.sync_directory(node).code();
    case Kind::kSyncAll:
      return tree_.sync_all().code();
    case Kind::kAllocate:
      return tree_.allocate({}, node, static_cast<int>(o.flags), o.offset, o.size).code();
    case Kind::kSeek:
      return tree_.seek(node, o.offset, static_cast<int>(o.flags)).code();
    case Kind::kCopyRange:
      return tree_.copy_range(node, o.offset, other, o.mode, o.size).code();
    case Kind::kReadLink:
      return tree_.read_link(node).code();
    default:
      return kNotOfThese;
  }
}

int Performer::perform_on_attributes(const Operation& o, NodeId node) {
  switch (o.kind) {
    case Kind::kAttributes:
      return tree_.attributes(node).code();
    case Kind::kSetAttributes: {
      AttributeChange change;
      change.mode = (o.flags & 1) != 0;
      change.size = (o.flags & 2) != 0;
      change.modified = (o.flags & 4) != 0;
      change.to.mode = static_cast<std::uint32_t>(o.mode);
      change.to.size = o.size;
      change.to.modified = {o.begin_ns / 1'000'000'000, 0};
      return tree_.set_attributes({}, node, change).code();
    }
    case Kind::kGetXattr:
      return tree_.get_xattr(node, o.name).code();
    case Kind::kSetXattr:
      return tree_.set_xattr({}, node, o.name, Content(o).bytes(), static_cast<int>(o.flags))
          .code();
    case Kind::kListXattr:
      return tree_.list_xattr(node).code();
    case Kind::kRemoveXattr:
      return tree_.remove_xattr({}, node, o.name).code();
    case Kind::kSpace:
      return tree_.space().code();
    default:
      return kNotOfThese;
  }
}

}  // namespace spindle
