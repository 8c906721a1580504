#include "fsck/directory_tree.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <span>

#include "fsck/map_repair.h"
#include "spindle/format/directory.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::BranchSlot;
using format::DirectoryEntry;
using format::LeafSlot;
using format::NodeHead;

constexpr std::size_t kSlotSize = sizeof(LeafSlot);
static_assert(sizeof(BranchSlot) == kSlotSize);

/// Reads one tree from its root down, iteratively, each node at most once.
class TreeReader {
 public:
  TreeReader(VolumeFacts& volume, InodeNo number, DirectoryTree& tree)
      : volume_(volume), number_(number), tree_(tree) {}

  Result<> run() {
    std::vector<Visit> pending = {{0, kAnyLevel, 0, format::kMaxKey + 1}};
    const NodeHead root = TRY(head_of(0));
    tree_.node_blocks = root.next_block;
    if (tree_.node_blocks == 0 || tree_.node_blocks > tree_.blocks.size()) {
      return corrupt("the root counts more blocks than there are");
    }
    while (!pending.empty()) {
      const Visit visit = pending.back();
      pending.pop_back();
      if (visit.file_block >= tree_.node_blocks || !seen_.insert(visit.file_block).second) {
        return corrupt("a branch points to a wrong block");
      }
      const BlockView node = TRY(read_node(visit.file_block));
      const auto& head = node.at<NodeHead>(format::kHeaderSize);
      TRY(check_head(head, visit.level));
      if (head.level == 0) {
        TRY(read_leaf(node, visit.low, visit.high, tree_.names));
      } else {
        TRY(read_branch(node, visit, pending));
      }
    }
    return read_free_list(root.free_head);
  }

  /// Names of one leaf, appended.
  Result<> read_leaf(const BlockView& node, std::uint64_t low, std::uint64_t high,
                     std::vector<Name>& into) {
    const auto& head = node.at<NodeHead>(format::kHeaderSize);
    const std::size_t slots_end = format::kNodeSlots + head.count * kSlotSize;
    if (slots_end > node.bytes.size()) return corrupt("a leaf has more slots than fit");
    if (head.count != 0 && (head.entry_start < slots_end || head.entry_start > node.bytes.size() ||
                            head.entry_bytes > node.bytes.size() - head.entry_start)) {
      return corrupt("a leaf's entries do not fit into its block");
    }
    std::uint64_t least = low;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < head.count; ++i) {
      const auto& slot = node.at<LeafSlot>(format::kNodeSlots + i * kSlotSize);
      const std::size_t offset = slot.offset;
      if (slot.key < least || slot.key >= high) return corrupt("a leaf's keys are not in order");
      if (offset < slots_end || offset < head.entry_start ||
          offset > node.bytes.size() - sizeof(DirectoryEntry)) {
        return corrupt("an entry lies outside of its block");
      }
      const auto& entry = node.at<DirectoryEntry>(offset);
      if (entry.length > node.bytes.size() - offset - sizeof entry) {
        return corrupt("a name runs out of its block");
      }
      const auto* text = reinterpret_cast<const char*>(node.bytes.data() + offset + sizeof entry);
      into.push_back({std::string(text, entry.length), InodeNo{entry.inode}, entry.type, slot.key});
      bytes += sizeof entry + entry.length;
      least = slot.key + 1;
    }
    if (bytes != head.entry_bytes) return corrupt("a leaf's count of bytes is wrong");
    return {};
  }

  Result<BlockView> read_node(std::uint64_t file_block) {
    const BlockNo block = tree_.blocks[file_block];
    BlockView view = TRY(volume_.disk.read(block, BlockKind::kDirectory));
    if (view.at<format::BlockHeader>(0).owner != number_.value) {
      return corrupt("the node belongs to another directory", Subject::block(block));
    }
    return view;
  }

 private:
  static constexpr int kAnyLevel = -1;

  /// A node to be read: its level must be this one, and all keys below it lie in [low, high).
  struct Visit {
    std::uint64_t file_block;
    int level;
    std::uint64_t low;
    std::uint64_t high;
  };

  [[nodiscard]] Result<> check_head(const NodeHead& head, int level) const {
    if (head.level >= format::kMaxDirectoryLevels || (level != kAnyLevel && head.level != level) ||
        head.count == 0) {
      return corrupt("a node has a wrong level or is empty");
    }
    if (format::kNodeSlots + head.count * kSlotSize > volume_.layout.block_size) {
      return corrupt("a node has more slots than fit");
    }
    return {};
  }

  /// The last child is pushed first, so that leaves come in the order of keys.
  static Result<> read_branch(const BlockView& node, const Visit& visit,
                              std::vector<Visit>& pending) {
    const auto& head = node.at<NodeHead>(format::kHeaderSize);
    std::uint64_t high = visit.high;
    for (std::size_t i = head.count; i-- > 0;) {
      const auto& slot = node.at<BranchSlot>(format::kNodeSlots + i * kSlotSize);
      const std::uint64_t low = i == 0 ? visit.low : std::uint64_t{slot.key};
      if (low >= high || low < visit.low) return corrupt("a branch's keys are not in order");
      pending.push_back({slot.child, head.level - 1, low, high});
      high = low;
    }
    return {};
  }

  Result<NodeHead> head_of(std::uint64_t file_block) {
    return TRY(read_node(file_block)).at<NodeHead>(format::kHeaderSize);
  }

  Result<> read_free_list(std::uint64_t next) {
    while (next != 0) {
      if (next >= tree_.node_blocks || !seen_.insert(next).second) {
        return corrupt("the list of free nodes points to a wrong block");
      }
      const NodeHead head = TRY(head_of(next));
      if (head.count != 0) return corrupt("a free node is not empty");
      next = head.free_head;
    }
    if (seen_.size() != tree_.node_blocks) return corrupt("a node is neither in the tree nor free");
    return {};
  }

  VolumeFacts& volume_;
  InodeNo number_;
  DirectoryTree& tree_;
  std::set<std::uint64_t> seen_;
};

/// After damage: takes the names from every leaf among the blocks that is whole.
void salvage(VolumeFacts& volume, InodeNo number, DirectoryTree& tree) {
  tree.names.clear();
  TreeReader reader(volume, number, tree);
  for (std::uint64_t i = 0; i < tree.blocks.size(); ++i) {
    const auto node = reader.read_node(i);
    if (!node.ok() || node->at<NodeHead>(format::kHeaderSize).level != 0) continue;
    std::vector<Name> names;
    if (reader.read_leaf(*node, 0, format::kMaxKey + 1, names).ok()) {
      tree.names.insert(tree.names.end(), names.begin(), names.end());
    }
  }
}

/// Builds nodes level by level from the sorted names.
class TreeWriter {
 public:
  TreeWriter(VolumeFacts& volume, InodeNo number, std::vector<Name> names)
      : volume_(volume), number_(number), names_(std::move(names)) {}

  /// Nodes in the order of their file blocks: the root is block 0.
  std::vector<Block> run() {
    std::vector<Node> level = leaves();
    unsigned depth = 0;
    while (level.size() > 1) level = branches(std::move(level), ++depth);
    // Nodes were numbered from 1 on; the root, which came last, takes number 0.
    finish(std::move(level.front()), 0);
    auto& head = format::at<NodeHead>(nodes_[0], format::kHeaderSize);
    head.next_block = static_cast<std::uint32_t>(nodes_.size());
    return std::move(nodes_);
  }

 private:
  struct Node {
    std::uint64_t key = 0;
    Block block;
  };

  [[nodiscard]] std::size_t room() const { return volume_.layout.block_size - format::kNodeSlots; }

  std::vector<Node> leaves() {
    std::vector<Node> out;
    for (std::size_t first = 0; first < names_.size();) {
      std::size_t used = 0;
      std::size_t last = first;
      while (last < names_.size()) {
        const std::size_t needs = kSlotSize + sizeof(DirectoryEntry) + names_[last].name.size();
        if (used + needs > room()) break;
        used += needs;
        ++last;
      }
      out.push_back({names_[first].key, make_leaf(first, last)});
      first = last;
    }
    return out;
  }

  Block make_leaf(std::size_t first, std::size_t last) {
    Block block = volume_.disk.new_block(BlockKind::kDirectory, number_);
    std::size_t offset = block.size();
    for (std::size_t i = first; i < last; ++i) {
      const Name& name = names_[i];
      offset -= sizeof(DirectoryEntry) + name.name.size();
      auto& entry = format::at<DirectoryEntry>(block, offset);
      entry.inode = name.inode.value;
      entry.type = name.type;
      entry.length = static_cast<std::uint8_t>(name.name.size());
      std::memcpy(block.data() + offset + sizeof entry, name.name.data(), name.name.size());
      auto& slot = format::at<LeafSlot>(block, format::kNodeSlots + (i - first) * kSlotSize);
      slot.key = name.key;
      slot.offset = static_cast<std::uint32_t>(offset);
    }
    auto& head = format::at<NodeHead>(block, format::kHeaderSize);
    head.count = static_cast<std::uint16_t>(last - first);
    head.entry_start = static_cast<std::uint32_t>(offset);
    head.entry_bytes = static_cast<std::uint32_t>(block.size() - offset);
    return block;
  }

  std::vector<Node> branches(std::vector<Node> below, unsigned level) {
    const std::size_t per_node = room() / kSlotSize;
    std::vector<Node> out;
    for (std::size_t first = 0; first < below.size(); first += per_node) {
      const std::size_t count = std::min(per_node, below.size() - first);
      Block block = volume_.disk.new_block(BlockKind::kDirectory, number_);
      auto& head = format::at<NodeHead>(block, format::kHeaderSize);
      head.level = static_cast<std::uint16_t>(level);
      head.count = static_cast<std::uint16_t>(count);
      const std::uint64_t key = below[first].key;
      for (std::size_t i = 0; i < count; ++i) {
        auto& slot = format::at<BranchSlot>(block, format::kNodeSlots + i * kSlotSize);
        slot.key = below[first + i].key;
        const std::size_t child = std::max<std::size_t>(1, nodes_.size());
        slot.child = static_cast<std::uint32_t>(child);
        finish(std::move(below[first + i]), child);
      }
      out.push_back({key, std::move(block)});
    }
    return out;
  }

  void finish(Node node, std::size_t file_block) {
    if (nodes_.size() <= file_block) nodes_.resize(file_block + 1);
    nodes_[file_block] = std::move(node.block);
  }

  VolumeFacts& volume_;
  InodeNo number_;
  std::vector<Name> names_;
  std::vector<Block> nodes_;
};

/// Each name gets its proper key: its hash and the first free distinction.
void assign_keys(std::vector<Name>& names, std::uint64_t hash_seed) {
  std::map<std::uint64_t, std::uint64_t> taken;
  for (Name& name : names) {
    const std::uint64_t key = format::directory_key(name.name, hash_seed);
    name.key = key + taken[key]++ % format::kKeyDistinctions;
  }
  std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.key < b.key; });
}

/// Reads the nodes in one go, since the tree leads to and fro among the directory's blocks.
void read_nodes_ahead(VolumeFacts& volume, const DirectoryTree& tree, std::uint64_t nodes) {
  constexpr std::uint64_t kMostNodes = 128;
  const std::uint64_t count = std::min<std::uint64_t>({nodes, tree.blocks.size(), kMostNodes});
  std::vector<Run> runs;
  for (const BlockNo block : std::span(tree.blocks).first(count)) {
    if (runs.empty() || runs.back().end() != block) runs.push_back({block, 0});
    ++runs.back().length;
  }
  volume.disk.read_ahead(std::move(runs));
}

}  // namespace

Result<DirectoryTree> read_directory_tree(VolumeFacts& volume, InodeNo number,
                                          const format::Inode& inode) {
  DirectoryTree tree;
  const MapPieces pieces = read_map(volume, number, inode);
  // A whole directory has no hole below its size. Blocks behind a hole are only salvaged, so that
  // their place in the file does not matter.
  std::optional<std::uint64_t> whole;
  for (const Extent& extent : pieces.extents) {
    const bool follows = !extent.unwritten && extent.at.value == tree.blocks.size();
    if (!follows && !whole) whole = tree.blocks.size();
    for (std::uint64_t i = 0; i < extent.length; ++i) tree.blocks.push_back(extent.block + i);
  }
  if (whole.value_or(tree.blocks.size()) < inode.size / volume.layout.block_size) {
    tree.damage = corrupt("a block of the directory is missing");
  }
  if (inode.size == 0) return tree;
  read_nodes_ahead(volume, tree, inode.size / volume.layout.block_size);
  if (!tree.damage) {
    const auto read = tree.blocks.empty() ? Result<>(corrupt("the directory has no blocks"))
                                          : TreeReader(volume, number, tree).run();
    if (!read.ok()) tree.damage = read.error();
  }
  if (tree.damage) salvage(volume, number, tree);
  return tree;
}

namespace {

/// Blocks for `count` nodes: the directory's own first.
Result<std::vector<BlockNo>> take_node_blocks(VolumeFacts& volume, const std::vector<BlockNo>& own,
                                              std::size_t count) {
  std::vector<BlockNo> blocks(own.begin(), own.begin() + std::min(own.size(), count));
  while (blocks.size() < count) {
    const auto more = volume.take_block();
    if (more.ok()) {
      blocks.push_back(*more);
      continue;
    }
    for (std::size_t i = own.size(); i < blocks.size(); ++i) volume.used.remove(blocks[i]);
    return more.error();
  }
  return blocks;
}

std::vector<Extent> extents_of(const std::vector<BlockNo>& blocks) {
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!extents.empty() && extents.back().block + extents.back().length == blocks[i]) {
      ++extents.back().length;
    } else {
      extents.push_back({FileBlock{i}, blocks[i], 1, false});
    }
  }
  return extents;
}

}  // namespace

Result<> write_directory_tree(VolumeFacts& volume, InodeNo number, const DirectoryTree& old,
                              std::vector<Name> names) {
  format::Inode inode = TRY(volume.disk.read_inode(number));
  const MapPieces before = read_map(volume, number, inode);
  const std::uint64_t old_blocks = inode.blocks;
  std::uint64_t map_blocks = before.nodes.size();
  for (const Extent& extent : before.extents) map_blocks += extent.length;

  assign_keys(names, volume.superblock.hash_seed);
  std::vector<Block> nodes;
  if (!names.empty()) nodes = TreeWriter(volume, number, std::move(names)).run();
  const std::vector<BlockNo> blocks = TRY(take_node_blocks(volume, old.blocks, nodes.size()));
  std::vector<BlockNo> old_nodes;
  for (const auto& [block, kind] : before.nodes) old_nodes.push_back(block);
  const auto mapped = replace_extent_map(volume, number, inode, extents_of(blocks), old_nodes);
  if (!mapped.ok()) {
    for (std::size_t i = old.blocks.size(); i < blocks.size(); ++i) volume.used.remove(blocks[i]);
    return mapped;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) TRY(volume.disk.write(blocks[i], nodes[i]));
  inode.size = nodes.size() * volume.layout.block_size;
  inode.blocks += old_blocks >= map_blocks ? old_blocks - map_blocks : 0;  // the attributes' blocks
  TRY(volume.disk.write_inode(number, inode));
  const std::size_t kept = std::min(blocks.size(), old.blocks.size());
  volume.release(std::span(old.blocks).subspan(kept));
  volume.release(old_nodes);
  return {};
}

}  // namespace spindle::fsck
