#include "fs/directory_node.h"

#include <algorithm>
#include <cstring>

namespace spindle {

using format::kNodeSlots;
using format::NodeHead;

Result<> DirectoryNode::check_head(InodeNo owner) const {
  const Subject subject = Subject::block(number_);
  if (format::at<format::BlockHeader>(block_, 0).owner != owner.value) {
    return corrupt("the directory block belongs to another inode", subject);
  }
  if (level() >= format::kMaxDirectoryLevels) {
    return corrupt("the level of a directory node is too high", subject);
  }
  return {};
}

Result<DirectoryNode> DirectoryNode::check(std::span<const std::byte> block, InodeNo owner,
                                           BlockNo number) {
  const Subject subject = Subject::block(number);
  const DirectoryNode node(block, number);
  TRY(node.check_head(owner));
  const NodeHead& head = node.head();
  if (head.count == 0) return corrupt("a node of the directory's tree has no slots", subject);
  const std::size_t slots_end = kNodeSlots + head.count * sizeof(NodeSlot);
  if (slots_end > block.size()) {
    return corrupt("the slots of a directory node do not fit into its block", subject);
  }
  if (node.is_leaf() && (head.entry_start < slots_end || head.entry_start > block.size() ||
                         head.entry_bytes > block.size() - head.entry_start)) {
    return corrupt("the entries of a directory node do not fit into its block", subject);
  }
  return node;
}

Result<DirectoryNode> DirectoryNode::check_free(std::span<const std::byte> block, InodeNo owner,
                                                BlockNo number) {
  const DirectoryNode node(block, number);
  TRY(node.check_head(owner));
  if (node.count() != 0) {
    return corrupt("a directory node in use is listed as free", Subject::block(number));
  }
  return node;
}

Result<LeafEntry> DirectoryNode::entry(unsigned slot) const {
  const std::size_t offset = slots()[slot].value;
  if (offset < head().entry_start || offset > block_.size() ||
      block_.size() - offset <= sizeof(format::DirectoryEntry)) {
    return corrupt("a directory entry lies outside of its block", Subject::block(number_));
  }
  const auto& entry = *reinterpret_cast<const format::DirectoryEntry*>(block_.data() + offset);
  const std::size_t name_start = offset + sizeof entry;
  if (entry.length == 0 || entry.length > block_.size() - name_start) {
    return corrupt("a name does not fit into its directory block", Subject::block(number_));
  }
  const auto* name = reinterpret_cast<const char*>(block_.data() + name_start);
  return LeafEntry{InodeNo{entry.inode}, entry.type, {name, entry.length}};
}

unsigned DirectoryNode::lower_bound(std::uint64_t key) const {
  const NodeSlot* first = slots();
  const NodeSlot* found =
      std::lower_bound(first, first + count(), key,
                       [](const NodeSlot& slot, std::uint64_t k) { return slot.key < k; });
  return static_cast<unsigned>(found - first);
}

unsigned DirectoryNode::child_slot(std::uint64_t key) const {
  const NodeSlot* first = slots();
  const NodeSlot* found =
      std::upper_bound(first + 1, first + count(), key,
                       [](std::uint64_t k, const NodeSlot& slot) { return k < slot.key; });
  return static_cast<unsigned>(found - first) - 1;
}

bool DirectoryNode::has_room(std::size_t entry_bytes) const {
  const std::size_t used = kNodeSlots + count() * sizeof(NodeSlot) + head().entry_bytes;
  return used + sizeof(NodeSlot) + entry_bytes <= block_.size();
}

void NodeEditor::clear(unsigned level) {
  NodeHead& node = head();
  node.level = static_cast<std::uint16_t>(level);
  node.count = 0;
  node.entry_bytes = 0;
  node.entry_start = level == 0 ? static_cast<std::uint32_t>(block_.size()) : 0;
}

void NodeEditor::open_slot(unsigned index, std::uint64_t key, std::uint32_t value) {
  const std::size_t at = kNodeSlots + index * sizeof(NodeSlot);
  CHECK(index <= head().count && slots_end() + sizeof(NodeSlot) <= block_.size());
  std::memmove(block_.data() + at + sizeof(NodeSlot), block_.data() + at, slots_end() - at);
  slot(index).key = key;
  slot(index).value = value;
  head().count += 1;
}

void NodeEditor::insert_child(unsigned index, std::uint64_t key, FileBlock child) {
  open_slot(index, key, static_cast<std::uint32_t>(child.value));
}

Result<std::span<const std::byte>> NodeEditor::entry_at(std::size_t offset) const {
  const std::span<const std::byte> block(block_);
  if (offset < kNodeSlots || offset > block.size() ||
      block.size() - offset <= sizeof(format::DirectoryEntry)) {
    return corrupt("a directory entry lies outside of its block");
  }
  const std::size_t length =
      sizeof(format::DirectoryEntry) + format::at<format::DirectoryEntry>(block, offset).length;
  if (length > block.size() - offset) {
    return corrupt("a name does not fit into its directory block");
  }
  return block.subspan(offset, length);
}

Result<> NodeEditor::insert_entry(unsigned index, std::uint64_t key, const LeafEntry& entry) {
  const std::size_t bytes = entry.bytes();
  if (slots_end() + sizeof(NodeSlot) + bytes > head().entry_start) TRY(compact());
  if (slots_end() + sizeof(NodeSlot) + bytes > head().entry_start) {
    return corrupt("the entries of a directory node are larger than its head says");
  }
  const std::size_t offset = head().entry_start - bytes;
  auto& stored = format::at<format::DirectoryEntry>(block_, offset);
  stored.inode = entry.inode.value;
  stored.type = entry.type;
  stored.length = static_cast<std::uint8_t>(entry.name.size());
  std::memcpy(block_.data() + offset + sizeof stored, entry.name.data(), entry.name.size());
  open_slot(index, key, static_cast<std::uint32_t>(offset));
  head().entry_start = static_cast<std::uint32_t>(offset);
  head().entry_bytes += static_cast<std::uint32_t>(bytes);
  return {};
}

Result<> NodeEditor::erase(unsigned index) {
  NodeHead& node = head();
  CHECK(index < node.count);
  if (node.level == 0) {
    const std::uint32_t offset = slot(index).value;
    const auto bytes = static_cast<std::uint32_t>(TRY(entry_at(offset)).size());
    if (bytes > node.entry_bytes) {
      return corrupt("the entries of a directory node are larger than its head says");
    }
    node.entry_bytes -= bytes;
    // The newest entry stands lowest: if it is removed first, it leaves no dead bytes.
    if (offset == node.entry_start) node.entry_start += bytes;
  }
  const std::size_t at = kNodeSlots + index * sizeof(NodeSlot);
  const std::size_t rest = slots_end() - at - sizeof(NodeSlot);
  std::memmove(block_.data() + at, block_.data() + at + sizeof(NodeSlot), rest);
  node.count -= 1;
  return {};
}

Result<> NodeEditor::append(const DirectoryNode& source, unsigned from, unsigned count) {
  for (unsigned i = from; i < from + count; ++i) {
    if (head().level == 0) {
      const LeafEntry entry = TRY(source.entry(i));
      TRY(insert_entry(head().count, source.key(i), entry));
    } else {
      open_slot(head().count, source.key(i), source.offset(i));
    }
  }
  return {};
}

Result<> NodeEditor::truncate(unsigned count) {
  while (head().count > count) TRY(erase(head().count - 1u));
  return {};
}

void NodeEditor::assign(const DirectoryNode& source) {
  CHECK(source.bytes().size() == block_.size());
  const NodeHead old = head();
  std::memcpy(block_.data() + format::kHeaderSize, source.bytes().data() + format::kHeaderSize,
              block_.size() - format::kHeaderSize);
  head().free_head = old.free_head;
  head().next_block = old.next_block;
}

Result<> NodeEditor::compact() {
  NodeHead& node = head();
  std::vector<std::byte> packed(block_.size());
  std::size_t start = block_.size();
  for (unsigned i = 0; i < node.count; ++i) {
    const auto entry = TRY(entry_at(slot(i).value));
    if (entry.size() > start - slots_end()) {
      return corrupt("the entries of a directory node are larger than its head says");
    }
    start -= entry.size();
    std::memcpy(packed.data() + start, entry.data(), entry.size());
  }
  if (block_.size() - start != node.entry_bytes) {
    return corrupt("the entries of a directory node are not as large as its head says");
  }
  std::size_t at = block_.size();
  for (unsigned i = 0; i < node.count; ++i) {
    at -= TRY(entry_at(slot(i).value)).size();
    slot(i).value = static_cast<std::uint32_t>(at);
  }
  std::memcpy(block_.data() + start, packed.data() + start, packed.size() - start);
  node.entry_start = static_cast<std::uint32_t>(start);
  return {};
}

Result<unsigned> leaf_cut(const DirectoryNode& leaf, unsigned index, std::size_t entry_bytes) {
  const std::size_t total =
      leaf.head().entry_bytes + entry_bytes + (leaf.count() + 1) * sizeof(NodeSlot);
  std::size_t left = 0;
  unsigned cut = 0;
  // The cut goes behind the item that brings the left half to half of the bytes: the larger half
  // then has at most half of a block and one and a half entries, which fits at every block size.
  for (; cut < leaf.count() && left * 2 < total; ++cut) {
    if (cut == index) {
      left += entry_bytes;
    } else {
      left += TRY(leaf.entry(cut < index ? cut : cut - 1)).bytes();
    }
    left += sizeof(NodeSlot);
  }
  return std::max(cut, 1u);
}

}  // namespace spindle
