// Damage to directories, groups, attributes, and what belongs to the volume as a whole.

#include "spindle/format/directory.h"
#include "spindle/format/log.h"
#include "spindle/format/xattr.h"
#include "targeted.h"

namespace spindle::test {
namespace {

using format::BlockKind;
using format::BranchSlot;
using format::DirectoryEntry;
using format::GroupDescriptor;
using format::kHeaderSize;
using format::kNodeSlots;
using format::LeafSlot;
using format::NodeHead;

class Structure : public testing::TestWithParam<Case> {};

TEST_P(Structure, IsFoundAndRepaired) {
  EXPECT_EQ(find_and_repair(GetParam()), "");
}

// The node of a directory that is at this level, the first in the order of blocks.
BlockNo node_at_level(const Damager& d, const std::string& path, unsigned level) {
  const NodeId owner = path == "/" ? format::kRootInode.value : node_of(path);
  for (const BlockNo block : d.blocks_of(BlockKind::kDirectory, owner)) {
    auto bytes = d.block(block);
    if (format::at<NodeHead>(bytes, kHeaderSize).level == level) return block;
  }
  ADD_FAILURE() << "no such node";
  return {};
}

std::function<void(Damager&)> node_head(const std::string& path, unsigned level,
                                        std::function<void(NodeHead&)> change) {
  return [=](Damager& d) { d.edit<NodeHead>(node_at_level(d, path, level), kHeaderSize, change); };
}

// The first name of the directory's first leaf.
std::function<void(Damager&)> entry(const std::string& path,
                                    std::function<void(DirectoryEntry&)> change) {
  return [=](Damager& d) {
    const BlockNo leaf = node_at_level(d, path, 0);
    auto bytes = d.block(leaf);
    const std::size_t offset = format::at<LeafSlot>(bytes, kNodeSlots).offset;
    d.edit<DirectoryEntry>(leaf, offset, change);
  };
}

std::function<void(Damager&)> slot(const std::string& path, std::size_t index,
                                   std::function<void(LeafSlot&)> change) {
  return [=](Damager& d) {
    d.edit<LeafSlot>(node_at_level(d, path, 0), kNodeSlots + index * sizeof(LeafSlot), change);
  };
}

const Case kDirectoryCases[] = {
    {"NameOfFreeInode",
     Problem::kNameOfFreeInode,
     {},
     entry("/many", [](auto& e) { e.inode = 600; }),
     true},
    {"NameOfNoInode",
     Problem::kNameOfFreeInode,
     {},
     entry("/many", [](auto& e) { e.inode = ~0ull; }),
     true},
    {"NameOfRoot",
     Problem::kNameOfSecondParent,
     {},
     entry("/many", [](auto& e) { e.inode = 1; }),
     true},
    {"Ring",
     Problem::kDirectoryUnreachable,
     {},
     entry("/deep/d/d", [](auto& e) { e.inode = node_of("/deep"); }),
     true},
    {"Type", Problem::kNameType, {}, entry("/many", [](auto& e) { e.type = 2; })},
    {"EmptyName", Problem::kDirectoryTree, {}, entry("/many", [](auto& e) { e.length = 0; }), true},
    {"LongName",
     Problem::kDirectoryTree,
     {},
     entry("/many", [](auto& e) { e.length = 255; }),
     true},
    {"OtherName",
     Problem::kNameInvalid,
     {},
     [](Damager& d) {
       const BlockNo leaf = node_at_level(d, "/many", 0);
       auto bytes = d.block(leaf);
       const std::size_t offset = format::at<LeafSlot>(bytes, kNodeSlots).offset;
       bytes[offset + sizeof(DirectoryEntry)] = std::byte{'/'};
       d.put_sealed(leaf, bytes);
     },
     true},
    {"KeysOutOfOrder",
     Problem::kDirectoryTree,
     {},
     slot("/many", 1, [](auto& s) { s.key = 0; }),
     true},
    {"OffsetIntoSlots",
     Problem::kDirectoryTree,
     {},
     slot("/many", 0, [](auto& s) { s.offset = 4; }),
     true},
    {"OffsetBeyond",
     Problem::kDirectoryTree,
     {},
     slot("/many", 0, [](auto& s) { s.offset = ~0u; }),
     true},
    {"CountOfSlots",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 0, [](auto& h) { h.count = 0xFFFF; }),
     true},
    {"EntryBytes",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 0, [](auto& h) { h.entry_bytes = 3; }),
     true},
    {"Level",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 1, [](auto& h) { h.level = 7; }),
     true},
    {"NextBlock",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 1, [](auto& h) { h.next_block = 5; }),
     true},
    {"FreeList",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 1, [](auto& h) { h.free_head = 1; }),
     true},
    {"BranchToItself",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) {
       d.edit<BranchSlot>(node_at_level(d, "/many", 1), kNodeSlots + sizeof(BranchSlot),
                          [](BranchSlot& branch) { branch.child = 0; });
     },
     true},
    {"EntryStart",
     Problem::kDirectoryTree,
     {},
     node_head("/many", 0, [](auto& h) { h.entry_start = 3; }),
     true},
    {"Hole",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) {
       d.edit_root<format::ExtentRoot>(node_of("/many"), [](auto& root) {
         auto& last = root.entries[root.head.count - 1];
         last.file_block += std::uint64_t{1} << 32;
       });
     },
     true},
    {"NeverWritten",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) {
       d.edit_root<format::ExtentRoot>(
           node_of("/many"), [](auto& root) { root.entries[0].flags = format::kUnwritten; });
     },
     true},
    {"NodeClaimedByAnother",
     Problem::kMapShared,
     {"/contiguous/small"},
     [](Damager& d) {
       const BlockNo leaf = node_at_level(d, "/many", 0);
       d.edit_root<format::ContiguousRoot>(node_of("/contiguous/small"), [&](auto& root) {
         root.start = leaf.value;
         root.length = 1;
       });
       d.edit_inode(node_of("/contiguous/small"), [](auto& inode) {
         inode.size = 1000;
         inode.blocks = 1;
       });
     }},
    {"TornLeaf",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) { d.flip(node_at_level(d, "/many", 0)); },
     true},
    {"TornRoot",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) { d.flip(node_at_level(d, "/many", 1)); },
     true},
    {"TornRootDirectory",
     Problem::kDirectoryTree,
     {},
     [](Damager& d) { d.flip(node_at_level(d, "/", 0)); },
     true},
};
INSTANTIATE_TEST_SUITE_P(Directories, Structure, testing::ValuesIn(kDirectoryCases), case_name);

std::function<void(Damager&)> descriptor(std::function<void(GroupDescriptor&)> change) {
  return [=](Damager& d) { d.edit_descriptor(GroupNo{0}, change); };
}

const Case kGroupCases[] = {
    {"BlockMarkedFree",
     Problem::kBlockBitmap,
     {},
     [](Damager& d) {
       const GroupNo group{0};
       d.flip_bit(d.layout().block_bitmap(group).start,
                  d.layout().group_metadata_blocks(group) + 1);
     }},
    {"BlockMarkedUsed",
     Problem::kBlockBitmap,
     {},
     [](Damager& d) {
       const GroupNo group{0};
       d.flip_bit(d.layout().block_bitmap(group).start, d.layout().block_index(d.free_block()));
     }},
    {"MetadataMarkedFree",
     Problem::kBlockBitmap,
     {},
     [](Damager& d) { d.flip_bit(d.layout().block_bitmap(GroupNo{0}).start, 0); }},
    {"InodeMarkedFree",
     Problem::kInodeBitmap,
     {},
     [](Damager& d) { d.flip_bit(d.layout().inode_bitmap(GroupNo{0}).start, 5); }},
    {"TornBlockBitmap",
     Problem::kBlockBitmap,
     {},
     [](Damager& d) { d.flip(d.layout().block_bitmap(GroupNo{0}).start); }},
    {"TornInodeBitmap",
     Problem::kInodeBitmap,
     {},
     [](Damager& d) { d.flip(d.layout().inode_bitmap(GroupNo{0}).start); }},
    {"FreeBlocks", Problem::kGroupCounts, {}, descriptor([](auto& g) { g.free_blocks = 3; })},
    {"FreeInodes", Problem::kGroupCounts, {}, descriptor([](auto& g) { g.free_inodes = ~0u; })},
    {"Directories", Problem::kGroupCounts, {}, descriptor([](auto& g) { g.directories = 0; })},
    {"BitmapForgotten", Problem::kBlockBitmap, {}, descriptor([](auto& g) {
       g.bitmap_blocks_written = 0;
     })},
    {"InodeBlocksForgotten", Problem::kGroupTable, {}, descriptor([](auto& g) {
       g.inode_blocks_written = 0;
     })},
    {"FatBlocksForgotten",
     Problem::kGroupTable,
     {},
     [](Damager& d) {
       const BlockNo first{d.root<format::FatRoot>(node_of("/fat/large")).first};
       d.edit_descriptor(*d.layout().group_of(first), [](auto& g) { g.fat_blocks_written = 0; });
     }},
    {"InodeBlocksInvented", Problem::kGroupTable, {}, descriptor([](auto& g) {
       g.inode_blocks_written = ~0u;
     })},
    {"FatBlocksInvented", Problem::kFatEntry, {}, descriptor([](auto& g) {
       g.fat_blocks_written = ~0ull;
     })},
    {"TornTable",
     Problem::kGroupTable,
     {},
     [](Damager& d) { d.flip(d.layout().group_table().start, 40); }},
    {"TornInodes",
     Problem::kInodeTableBlock,
     {},
     [](Damager& d) { d.flip(d.layout().inode_place(InodeNo{node_of("/plain")}).block, 0); }},
    {"TornFat",
     Problem::kMapDamaged,
     {"/fat/large", "/fat/small", "/fat/other"},
     [](Damager& d) {
       const BlockNo first{d.root<format::FatRoot>(node_of("/fat/large")).first};
       d.flip(d.layout().fat_place(first).block, 900);
     }},
};
INSTANTIATE_TEST_SUITE_P(Groups, Structure, testing::ValuesIn(kGroupCases), case_name);

std::function<void(Damager&)> xattr_head(std::function<void(format::XattrHead&, BlockNo)> change) {
  return [=](Damager& d) {
    const BlockNo block{d.inode(node_of("/with attributes")).xattr_block};
    d.edit<format::XattrHead>(block, kHeaderSize, [&](auto& head) { change(head, block); });
  };
}

std::function<void(Damager&)> orphan_head(std::uint64_t head) {
  return [=](Damager& d) {
    d.edit<format::State>(d.layout().state(), kHeaderSize,
                          [&](format::State& state) { state.orphan_head = head; });
  };
}

const std::vector<std::string> kAttributed = {"/with attributes"};

const Case kVolumeCases[] = {
    {"XattrLoop", Problem::kXattrs, kAttributed,
     xattr_head([](auto& head, BlockNo block) { head.next = block.value; })},
    {"XattrOutOfRange", Problem::kXattrs, kAttributed,
     xattr_head([](auto& head, BlockNo) { head.next = ~0ull; })},
    {"XattrUsed", Problem::kXattrs, kAttributed,
     xattr_head([](auto& head, BlockNo) { head.used = 60000; })},
    {"XattrCutShort", Problem::kXattrs, kAttributed,
     xattr_head([](auto& head, BlockNo) { head.next = 0; })},
    {"XattrOfAnother", Problem::kXattrs, kAttributed,
     [](Damager& d) {
       const auto other = d.inode(node_of("/plain")).xattr_block;
       d.edit_inode(node_of("/with attributes"), [&](auto& i) { i.xattr_block = other; });
     }},
    {"XattrTorn", Problem::kXattrs, kAttributed,
     [](Damager& d) { d.flip(BlockNo{d.inode(node_of("/with attributes")).xattr_block}); }},
    {"OrphanOutOfRange", Problem::kOrphanList, {}, orphan_head(~0ull)},
    {"OrphanThatIsFree", Problem::kOrphanList, {}, orphan_head(600)},
    {"OrphanBeforeDamage",
     Problem::kOrphanList,
     {},
     [](Damager& d) {
       const NodeId file = node_of("/extent/large");
       d.edit_inode(file, [&](auto& inode) { inode.next_orphan = 600; });
       orphan_head(file)(d);
     }},
    {"OrphanLoop",
     Problem::kOrphanList,
     {},
     [](Damager& d) {
       const NodeId file = node_of("/extent/large");
       d.edit_inode(file, [&](auto& inode) { inode.next_orphan = file; });
       orphan_head(file)(d);
     }},
    {"TornState", Problem::kState, {}, [](Damager& d) { d.flip(d.layout().state()); }},
    {"TornJournal",
     Problem::kJournal,
     {},
     [](Damager& d) {
       d.flip(d.layout().journal.start);
       d.flip(d.layout().journal.start + 1);
     }},
    {"TornSuperblock",
     Problem::kSuperblock,
     {},
     [](Damager& d) { d.flip(d.layout().superblock()); }},
    {"ImpossibleSuperblock",
     Problem::kSuperblock,
     {},
     [](Damager& d) {
       auto bytes = d.block(d.layout().superblock());
       auto& superblock = format::at<format::Superblock>(bytes, d.layout().superblock_offset());
       superblock.group_count = 999u;
       superblock.checksum = format::superblock_checksum(superblock, d.layout().superblock());
       d.put(d.layout().superblock(), bytes);
     }},
    {"TornFixedCopy",
     Problem::kSuperblockCopy,
     {},
     [](Damager& d) { d.flip(d.layout().fixed_copy()); }},
    {"TornLastCopy",
     Problem::kSuperblockCopy,
     {},
     [](Damager& d) { d.flip(d.layout().last_copy()); }},
    {"TornSuperblockAndLastCopy",
     Problem::kSuperblock,
     {},
     [](Damager& d) {
       d.flip(d.layout().superblock());
       d.flip(d.layout().last_copy());
     }},
};
INSTANTIATE_TEST_SUITE_P(Volume, Structure, testing::ValuesIn(kVolumeCases), case_name);

}  // namespace
}  // namespace spindle::test
