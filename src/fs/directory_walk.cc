// Reading a whole directory: name by name for readdir, and node by node for inspection.
#include <algorithm>
#include <vector>

#include "fs/directory_path.h"

namespace spindle {

using format::BlockKind;
using format::kKeyDistinctions;

namespace {

/// A name at key k has the position k + kPositionShift: keys begin where "." and ".." end.
constexpr std::int64_t kPositionShift = Directory::kAfterDotDot + 1;

Result<DirectoryName> directory_name(const DirectoryNode& node, unsigned slot, Subject subject) {
  const LeafEntry entry = TRY(node.entry(slot));
  if (entry.name.find('/') != std::string_view::npos ||
      entry.name.find('\0') != std::string_view::npos) {
    return corrupt("a name in a directory has a slash or a zero in it", subject);
  }
  return DirectoryName{entry.name, entry.inode, std::uint32_t{entry.type} << kFileTypeShift,
                       static_cast<std::int64_t>(node.key(slot)) + kPositionShift};
}

}  // namespace

Result<> Directory::visit(BlockReader& reader, std::int64_t position, const Visit& visit) const {
  if (position < 0) return Error{EINVAL, "it is not a valid position in a directory"};
  std::uint64_t key = position <= kAfterDotDot ? 0 : position - kAfterDotDot;
  while (!is_empty() && key <= format::kMaxKey) {
    const Path path = TRY(descend(reader, key));
    const DirectoryNode node = path.node();
    for (unsigned slot = path.leaf().slot; slot < node.count(); ++slot) {
      const Subject subject = Subject::block(path.leaf().block);
      if (node.key(slot) < key || node.key(slot) > path.last_key) {
        return corrupt("the keys of a directory node are not in order", subject);
      }
      if (!visit(TRY(directory_name(node, slot, subject)))) return {};
      key = node.key(slot) + 1;
    }
    // Each leaf lies within bounds of its own, so that each is met once whatever the tree looks
    // like.
    key = path.last_key + 1;
  }
  return {};
}

Result<std::uint64_t> Directory::count(BlockReader& reader) const {
  std::uint64_t names = 0;
  TRY(visit(reader, 0, [&](const DirectoryName&) { return ++names, true; }));
  return names;
}

/// One walk over one directory.
class Directory::Walk {
 public:
  Walk(const Directory& directory, BlockReader& reader, const Walker& walker)
      : directory_(directory), file_(directory.file_), reader_(reader), walker_(walker) {}

  Result<> run();

 private:
  /// What is to be visited yet: a subtree with the keys that it may hold.
  struct Pending {
    FileBlock at;
    int level = -1;  ///< -1: the root, of any level
    std::uint64_t first_key = 0;
    std::uint64_t last_key = format::kMaxKey;
  };
  struct Opened {
    BlockNo block;
    BlockView view;
  };

  Result<Opened> open(FileBlock at);
  Result<> tree_node(const Pending& pending, std::vector<Pending>& stack);
  Result<> branch(const DirectoryNode& node, const Pending& pending, BlockNo block,
                  std::vector<Pending>& stack) const;
  Result<> leaf(const DirectoryNode& node, const Pending& pending, BlockNo block) const;
  Result<> entries_apart(const DirectoryNode& node, BlockNo block) const;
  Result<> free_nodes();
  Result<> show(const DirectoryNode& node, FileBlock at, BlockNo block) const;

  const Directory& directory_;
  const DirectoryFile& file_;
  BlockReader& reader_;
  const Walker& walker_;
  std::vector<bool> seen_;
  std::uint64_t seen_count_ = 0;
  FileBlock free_head_;
};

Result<> Directory::walk(BlockReader& reader, const Walker& walker) const {
  return is_empty() ? Result<>{} : Walk(*this, reader, walker).run();
}

Result<> Directory::Walk::run() {
  const format::Layout& layout = file_.space.layout();
  if (file_.size % layout.block_size != 0 || file_.size / layout.block_size > layout.block_count) {
    return corrupt("the size of a directory is impossible", Subject::inode(file_.inode));
  }
  seen_.resize(file_.size / layout.block_size);
  std::vector<Pending> stack{Pending{}};
  while (!stack.empty()) {
    const Pending pending = stack.back();
    stack.pop_back();
    TRY(tree_node(pending, stack));
  }
  TRY(free_nodes());
  if (seen_count_ != seen_.size()) {
    return corrupt("a block of the directory is neither in its tree nor free",
                   Subject::inode(file_.inode));
  }
  return {};
}

Result<Directory::Walk::Opened> Directory::Walk::open(FileBlock at) {
  const BlockNo block = TRY(directory_.find_block(reader_, at));
  if (seen_[at.value]) {
    return corrupt("a directory node is referred to twice", Subject::block(block));
  }
  seen_[at.value] = true;
  ++seen_count_;
  return Opened{block, TRY(reader_.read(block, BlockKind::kDirectory))};
}

Result<> Directory::Walk::tree_node(const Pending& pending, std::vector<Pending>& stack) {
  const Opened opened = TRY(open(pending.at));
  const DirectoryNode node =
      TRY(DirectoryNode::check(opened.view.bytes, file_.inode, opened.block));
  if (pending.level < 0) {
    free_head_ = FileBlock{node.head().free_head};
    if (node.head().next_block != seen_.size()) {
      return corrupt("the size of a directory is not that of its tree",
                     Subject::block(opened.block));
    }
  } else if (node.level() != static_cast<unsigned>(pending.level)) {
    return corrupt("a directory node has the wrong level", Subject::block(opened.block));
  }
  TRY(show(node, pending.at, opened.block));
  return node.is_leaf() ? leaf(node, pending, opened.block)
                        : branch(node, pending, opened.block, stack);
}

Result<> Directory::Walk::branch(const DirectoryNode& node, const Pending& pending, BlockNo block,
                                 std::vector<Pending>& stack) const {
  const auto bad_order =
      corrupt("the keys of a directory node are not in order", Subject::block(block));
  std::uint64_t last_key = pending.last_key;
  // From the last to the first, so that the stack gives them back in order.
  for (unsigned slot = node.count(); slot-- > 0;) {
    const std::uint64_t first_key = slot == 0 ? pending.first_key : std::uint64_t{node.key(slot)};
    if (first_key > last_key || (slot != 0 && first_key <= pending.first_key)) return bad_order;
    stack.push_back({node.child(slot), static_cast<int>(node.level()) - 1, first_key, last_key});
    last_key = first_key - 1;
  }
  return {};
}

Result<> Directory::Walk::leaf(const DirectoryNode& node, const Pending& pending,
                               BlockNo block) const {
  const Subject subject = Subject::block(block);
  TRY(entries_apart(node, block));
  for (unsigned slot = 0; slot < node.count(); ++slot) {
    const std::uint64_t key = node.key(slot);
    if (key > pending.last_key || key < (slot == 0 ? pending.first_key : node.key(slot - 1) + 1)) {
      return corrupt("the keys of a directory node are not in order", subject);
    }
    const DirectoryName name = TRY(directory_name(node, slot, subject));
    if (key - key % kKeyDistinctions != file_.key_of(name.name, file_.hash_seed)) {
      return corrupt("the key of a name in a directory is not that of the name", subject);
    }
    if (walker_.name) TRY(walker_.name(name, key));
  }
  return {};
}

Result<> Directory::Walk::entries_apart(const DirectoryNode& node, BlockNo block) const {
  std::vector<std::pair<std::size_t, std::size_t>> entries;  // offset, bytes
  std::size_t sum = 0;
  for (unsigned slot = 0; slot < node.count(); ++slot) {
    const std::size_t bytes = TRY(node.entry(slot)).bytes();
    entries.emplace_back(node.offset(slot), bytes);
    sum += bytes;
  }
  std::sort(entries.begin(), entries.end());
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].first + entries[i - 1].second > entries[i].first) {
      return corrupt("two entries of a directory overlap", Subject::block(block));
    }
  }
  if (sum != node.head().entry_bytes) {
    return corrupt("the entries of a directory node are not as large as its head says",
                   Subject::block(block));
  }
  return {};
}

Result<> Directory::Walk::free_nodes() {
  for (FileBlock at = free_head_; at.value != 0;) {
    const Opened opened = TRY(open(at));
    const DirectoryNode node =
        TRY(DirectoryNode::check_free(opened.view.bytes, file_.inode, opened.block));
    TRY(show(node, at, opened.block));
    at = FileBlock{node.head().free_head};
  }
  return {};
}

Result<> Directory::Walk::show(const DirectoryNode& node, FileBlock at, BlockNo block) const {
  if (!walker_.node) return {};
  const auto used = format::kNodeSlots + node.count() * sizeof(NodeSlot) + node.head().entry_bytes;
  return walker_.node({.at = at,
                       .block = block,
                       .level = node.level(),
                       .slots = node.count(),
                       .used_bytes = static_cast<std::uint32_t>(used),
                       .is_free = node.count() == 0});
}

}  // namespace spindle
