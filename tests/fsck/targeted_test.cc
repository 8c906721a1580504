// One field at a time: each kind of damage is found under its own name, and repaired.

#include <gtest/gtest.h>

#include "targeted.h"

namespace spindle::test {
namespace {

using format::BlockKind;
using format::Inode;

class Targeted : public testing::TestWithParam<Case> {};

TEST_P(Targeted, IsFoundAndRepaired) {
  EXPECT_EQ(find_and_repair(GetParam()), "");
}

TEST(Sample, IsClean) {
  MemoryDevice device = sample().device;
  const auto result = check(device, fsck::Mode::kYes);
  ASSERT_TRUE(result.ok()) << result.error().describe();
  EXPECT_EQ(result->found, 0u) << fsck::row_of(result->findings[0].problem).code << " "
                               << result->findings[0].place.text << " "
                               << result->findings[0].detail;
  EXPECT_EQ(repair_and_compare(device, {}, false), "");
}

// A field of an inode that is set to a value.
template <class Field, class Value>
std::function<void(Damager&)> set(const std::string& path, Field Inode::*field, Value value) {
  return [=](Damager& d) {
    d.edit_inode(node_of(path), [&](Inode& inode) { inode.*field = static_cast<Field>(value); });
  };
}

const Case kInodeCases[] = {
    {"FreeInodeWithName",
     Problem::kNameOfFreeInode,
     {"/extent/small"},
     set("/extent/small", &Inode::mode, std::uint16_t{0})},
    {"TypeThatIsNone",
     Problem::kInodeGarbage,
     {"/extent/small"},
     set("/extent/small", &Inode::mode, std::uint16_t{0xB1A4})},
    {"MapKindThatIsNone",
     Problem::kMapKind,
     {"/extent/small"},
     set("/extent/small", &Inode::map_kind, std::uint8_t{9})},
    {"DirectoryOfAnotherKind",
     Problem::kMapKind,
     {"/many"},
     set("/many", &Inode::map_kind, std::uint8_t{4}),
     true},
    {"FileThatSaysDirectory",
     Problem::kNameType,
     {"/extent/small"},
     set("/extent/small", &Inode::mode, std::uint16_t{0x41ED})},
    {"TooManyLinks", Problem::kLinkCount, {}, set("/linked/small", &Inode::links, 77u)},
    {"NoLinks", Problem::kLinkCount, {}, set("/linked/small", &Inode::links, 0)},
    {"DirectoryLinks", Problem::kLinkCount, {}, set("/deep", &Inode::links, 9u)},
    {"Parent", Problem::kParent, {}, set("/deep/d/d", &Inode::parent, 1u)},
    {"ParentOutOfRange", Problem::kParent, {}, set("/deep/d/d", &Inode::parent, ~0ull)},
    {"BlockCount", Problem::kBlockCount, {}, set("/fat/large", &Inode::blocks, 5u)},
    {"SizeOfContiguous",
     Problem::kSize,
     {"/contiguous/small"},
     set("/contiguous/small", &Inode::size, 1ull << 40)},
    {"SizeOfLinked",
     Problem::kSize,
     {"/linked/small"},
     set("/linked/small", &Inode::size, 1ull << 40)},
    {"SizeOfIndexed",
     Problem::kSize,
     {"/indexed/small"},
     set("/indexed/small", &Inode::size, ~0ull)},
    {"SizeOfExtent", Problem::kSize, {"/extent/small"}, set("/extent/small", &Inode::size, ~0ull)},
    {"SizeOfSymbolicLink", Problem::kSize, {"/long link"}, set("/long link", &Inode::size, 5000u)},
    {"SizeOfDirectory", Problem::kDirectorySize, {}, set("/many", &Inode::size, 1024u)},
    {"NextOrphan", Problem::kInodeReserved, {}, set("/extent/small", &Inode::next_orphan, 3u)},
    {"Flags", Problem::kInodeReserved, {}, set("/extent/small", &Inode::flags, 1u)},
    {"Reserved",
     Problem::kInodeReserved,
     {},
     [](Damager& d) {
       d.edit_inode(node_of("/plain"), [](Inode& inode) { inode.reserved[5] = std::byte{1}; });
     }},
    {"LeftInFreeInode",
     Problem::kInodeReserved,
     {},
     [](Damager& d) {
       NodeId last = 0;
       for (const auto& [path, item] : sample().items) last = std::max(last, item.node);
       d.edit_inode(last + 1, [](Inode& inode) { inode.next_orphan = 3; });
     }},
    {"ChildMapKind",
     Problem::kInodeReserved,
     {},
     set("/many", &Inode::child_map_kind, std::uint8_t{77})},
    {"Time",
     Problem::kInodeTime,
     {},
     [](Damager& d) {
       d.edit_inode(node_of("/plain"),
                    [](Inode& inode) { inode.modified.nanoseconds = 2'000'000'000; });
     }},
    {"RootIsGone",
     Problem::kRootMissing,
     {},
     [](Damager& d) { d.edit_inode(1, [](Inode& inode) { inode = Inode{}; }); },
     true},
    {"LostFoundIsGone",
     Problem::kLostFoundMissing,
     {"/lost+found"},
     [](Damager& d) { d.edit_inode(2, [](Inode& inode) { inode = Inode{}; }); }},
    {"LostFoundIsAFile",
     Problem::kInodeGarbage,
     {"/lost+found"},
     set("/lost+found", &Inode::mode, std::uint16_t{0x81A4})},
};
INSTANTIATE_TEST_SUITE_P(Inodes, Targeted, testing::ValuesIn(kInodeCases), case_name);

template <class Root>
std::function<void(Damager&)> set_root(const std::string& path,
                                       std::function<void(Root&, Damager&)> change) {
  return
      [=](Damager& d) { d.edit_root<Root>(node_of(path), [&](Root& root) { change(root, d); }); };
}

// The `n`-th block of a FAT file's or a linked file's chain.
BlockNo nth_fat(const Damager& d, const std::string& path, int n) {
  BlockNo at{d.root<format::FatRoot>(node_of(path)).first};
  for (; n > 0; --n) at = BlockNo{d.fat_entry(at) & format::kFatNextMask};
  return at;
}
// A block whose FAT entry is written, and says that the block is in no chain.
BlockNo fat_block_of_no_chain(const Damager& d) {
  const BlockNo near = nth_fat(d, "/fat/small", 0);
  const auto table = d.layout().fat_place(near).block;
  for (BlockNo at = near - 200; at < near + 200; ++at) {
    if (!d.layout().is_data(at) || d.layout().fat_place(at).block != table) continue;
    if (d.fat_entry(at) == 0) return at;
  }
  ADD_FAILURE() << "all blocks are in chains";
  return near;
}
BlockNo nth_linked(const Damager& d, const std::string& path, int n) {
  BlockNo at{d.root<format::LinkedRoot>(node_of(path)).first};
  for (; n > 0; --n) {
    auto bytes = d.block(at);
    at = BlockNo{format::at<format::LinkHeader>(bytes, 0).next};
  }
  return at;
}

using format::ContiguousRoot;
using format::ExtentEntry;
using format::ExtentHead;
using format::ExtentRoot;
using format::FatRoot;
using format::IndexedRoot;
using format::LinkedRoot;
using format::LinkHeader;

const Case kMapCases[] = {
    {"ContiguousOutOfRange",
     Problem::kMapDamaged,
     {"/contiguous/small"},
     set_root<ContiguousRoot>("/contiguous/small",
                              [](auto& root, auto&) { root.start = 1u << 30; })},
    {"ContiguousTooLong",
     Problem::kMapDamaged,
     {"/contiguous/small"},
     set_root<ContiguousRoot>("/contiguous/small", [](auto& root, auto&) { root.length = ~0ull; })},
    {"ContiguousShared",
     Problem::kMapShared,
     {"/contiguous/small"},
     set_root<ContiguousRoot>(
         "/contiguous/small",
         [](auto& root, auto& d) {
           root.start = d.template root<ContiguousRoot>(node_of("/contiguous/large")).start;
         })},
    {"LinkedOutOfRange",
     Problem::kMapDamaged,
     {"/linked/small"},
     set_root<LinkedRoot>("/linked/small", [](auto& root, auto&) { root.first = 3; })},
    {"LinkedLoop",
     Problem::kMapDamaged,
     {"/linked/large"},
     [](Damager& d) {
       d.edit_link(nth_linked(d, "/linked/large", 50),
                   [&](LinkHeader& link) { link.next = nth_linked(d, "/linked/large", 10).value; });
     }},
    {"LinkedCutShort",
     Problem::kMapDamaged,
     {"/linked/large"},
     set_root<LinkedRoot>("/linked/large", [](auto& root, auto&) { root.count += 40u; })},
    {"LinkedIntoAnother",
     Problem::kMapDamaged,
     {"/linked/large"},
     [](Damager& d) {
       d.edit_link(nth_linked(d, "/linked/large", 50),
                   [&](LinkHeader& link) { link.next = nth_linked(d, "/linked/other", 3).value; });
     }},
    {"LinkedHeaderTorn",
     Problem::kMapDamaged,
     {"/linked/large"},
     [](Damager& d) { d.flip(nth_linked(d, "/linked/large", 7), 9); }},
    {"FatOutOfRange",
     Problem::kMapDamaged,
     {"/fat/large"},
     [](Damager& d) { d.set_fat_entry(nth_fat(d, "/fat/large", 20), 1ull << 39); }},
    {"FatLoop",
     Problem::kMapDamaged,
     {"/fat/large"},
     [](Damager& d) {
       d.set_fat_entry(nth_fat(d, "/fat/large", 30), nth_fat(d, "/fat/large", 5).value);
     }},
    {"FatCut",
     Problem::kMapDamaged,
     {"/fat/large"},
     [](Damager& d) { d.set_fat_entry(nth_fat(d, "/fat/large", 20), 0); }},
    {"FatEndsEarly",
     Problem::kMapDamaged,
     {"/fat/large"},
     [](Damager& d) { d.set_fat_entry(nth_fat(d, "/fat/large", 20), format::kFatEnd); }},
    {"FatShared",
     Problem::kMapShared,
     {"/fat/small"},
     set_root<FatRoot>(
         "/fat/small",
         [](auto& root, auto& d) { root = d.template root<FatRoot>(node_of("/fat/large")); })},
    {"FatLinkOfNoFile",
     Problem::kFatEntry,
     {},
     [](Damager& d) { d.set_fat_entry(fat_block_of_no_chain(d), 77); }},
    {"IndexedOutOfRange",
     Problem::kMapDamaged,
     {"/indexed/large"},
     set_root<IndexedRoot>("/indexed/large", [](auto& root, auto&) { root.direct[1] = ~0ull; })},
    {"IndexedTwice",
     Problem::kMapShared,
     {"/indexed/large"},
     set_root<IndexedRoot>("/indexed/large",
                           [](auto& root, auto&) { root.direct[1] = root.direct[0]; })},
    {"IndexedIntoMetadata",
     Problem::kMapDamaged,
     {"/indexed/large"},
     set_root<IndexedRoot>("/indexed/large",
                           [](auto& root, auto& d) {
                             root.direct[1] = d.layout().block_bitmap(GroupNo{0}).start.value;
                           })},
    {"IndexedLoop",
     Problem::kMapDamaged,
     {"/indexed/large"},
     set_root<IndexedRoot>("/indexed/large",
                           [](auto& root, auto&) { root.double_indirect = root.single_indirect; })},
    {"IndexedTornNode",
     Problem::kMapDamaged,
     {"/indexed/large"},
     [](Damager& d) {
       d.flip(BlockNo{d.root<IndexedRoot>(node_of("/indexed/large")).single_indirect});
     }},
    {"ExtentOutOfRange",
     Problem::kMapDamaged,
     {"/extent/small"},
     set_root<ExtentRoot>("/extent/small",
                          [](auto& root, auto&) { root.entries[0].block = 1u << 30; })},
    {"ExtentCount",
     Problem::kMapDamaged,
     {"/extent/small"},
     set_root<ExtentRoot>("/extent/small", [](auto& root, auto&) { root.head.count = 9; })},
    {"ExtentLevel",
     Problem::kMapDamaged,
     {"/extent/small"},
     set_root<ExtentRoot>("/extent/small", [](auto& root, auto&) { root.head.level = 99; })},
    {"ExtentShared",
     Problem::kMapShared,
     {"/extent/small"},
     set_root<ExtentRoot>(
         "/extent/small",
         [](auto& root, auto& d) {
           root.entries[0].block =
               d.template root<ExtentRoot>(node_of("/extent/large")).entries[0].block;
         })},
    {"ExtentNodeTorn",
     Problem::kMapDamaged,
     {"/extent/sparse"},
     [](Damager& d) {
       d.flip(d.blocks_of(BlockKind::kExtentNode, node_of("/extent/sparse")).at(1));
     }},
    {"ExtentLost",
     Problem::kBlockCount,
     {"/extent/small"},
     set_root<ExtentRoot>("/extent/small", [](auto& root, auto&) { root.head.count = 0; })},
    {"ExtentNodeCount",
     Problem::kMapDamaged,
     {},
     set_root<ExtentRoot>("/extent/sparse", [](auto& root, auto&) { root.node_count = 99; })},
};
INSTANTIATE_TEST_SUITE_P(Maps, Targeted, testing::ValuesIn(kMapCases), case_name);

}  // namespace
}  // namespace spindle::test
