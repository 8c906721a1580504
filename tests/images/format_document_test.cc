// docs/FORMAT.md is right: its tables of fields match the structs, and its worked example is what
// mkfs writes, to the byte.

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <regex>

#include "mkfs/format_volume.h"
#include "model/mounted_volume.h"
#include "spindle/base/uuid.h"
#include "spindle/format/directory.h"
#include "spindle/format/group.h"
#include "spindle/format/log.h"
#include "spindle/format/map.h"
#include "spindle/format/superblock.h"
#include "spindle/format/xattr.h"

namespace spindle::test {
namespace {

struct Field {
  std::size_t offset = 0;
  std::size_t size = 0;
  bool operator==(const Field&) const = default;
};
struct Struct {
  std::size_t size = 0;
  std::map<std::string, Field> fields;
};
using Structs = std::map<std::string, Struct>;

void PrintTo(const Field& field, std::ostream* out) {
  *out << "offset " << field.offset << ", size " << field.size;
}

#define FIELD(field)                       \
  {                                        \
#field, {                              \
      offsetof(T, field), sizeof(T::field) \
    }                                      \
  }

using namespace format;

Struct superblock() {
  using T = Superblock;
  return {sizeof(T),
          {FIELD(checksum),
           FIELD(magic),
           FIELD(version),
           FIELD(block_size),
           FIELD(uuid),
           FIELD(label),
           FIELD(block_count),
           FIELD(group_count),
           FIELD(inodes_per_group),
           FIELD(bitmap_blocks_per_group),
           FIELD(default_map_kind),
           FIELD(journal_start),
           FIELD(journal_blocks),
           FIELD(incompatible_features),
           FIELD(read_only_features),
           FIELD(hash_seed),
           FIELD(created_seconds),
           FIELD(state),
           FIELD(mount_count),
           FIELD(last_mount_seconds),
           FIELD(last_write_seconds),
           FIELD(last_check_seconds),
           FIELD(mount_boot_id),
           FIELD(mount_process),
           FIELD(mount_process_start),
           FIELD(reserved)}};
}

Struct block_header() {
  using T = BlockHeader;
  return {
      sizeof(T),
      {FIELD(checksum), FIELD(magic), FIELD(kind), FIELD(reserved), FIELD(owner), FIELD(epoch)}};
}

Struct state() {
  using T = State;
  return {sizeof(T), {FIELD(orphan_head), FIELD(generation)}};
}

Struct group_descriptor() {
  using T = GroupDescriptor;
  return {sizeof(T),
          {FIELD(free_blocks), FIELD(free_inodes), FIELD(directories), FIELD(inode_blocks_written),
           FIELD(bitmap_blocks_written), FIELD(fat_blocks_written)}};
}

Struct disk_time() {
  using T = DiskTime;
  return {sizeof(T), {FIELD(seconds), FIELD(nanoseconds)}};
}

Struct inode() {
  using T = Inode;
  return {sizeof(T),
          {FIELD(mode),       FIELD(map_kind),    FIELD(child_map_kind), FIELD(links),
           FIELD(uid),        FIELD(gid),         FIELD(size),           FIELD(blocks),
           FIELD(accessed),   FIELD(modified),    FIELD(changed),        FIELD(born),
           FIELD(generation), FIELD(flags),       FIELD(parent),         FIELD(xattr_block),
           FIELD(device),     FIELD(next_orphan), FIELD(map_root),       FIELD(reserved)}};
}

Struct contiguous_root() {
  using T = ContiguousRoot;
  return {sizeof(T), {FIELD(start), FIELD(length), FIELD(reserved)}};
}

Struct linked_root() {
  using T = LinkedRoot;
  return {sizeof(T), {FIELD(first), FIELD(last), FIELD(count), FIELD(reserved)}};
}

Struct link_header() {
  using T = LinkHeader;
  return {sizeof(T), {FIELD(checksum), FIELD(next), FIELD(owner), FIELD(file_block)}};
}

Struct fat_root() {
  using T = FatRoot;
  return {sizeof(T),
          {FIELD(first), FIELD(first_file_block), FIELD(last), FIELD(last_file_block), FIELD(count),
           FIELD(reserved)}};
}

Struct indexed_root() {
  using T = IndexedRoot;
  return {sizeof(T),
          {FIELD(direct), FIELD(single_indirect), FIELD(double_indirect), FIELD(triple_indirect)}};
}

Struct extent_root() {
  using T = ExtentRoot;
  return {sizeof(T), {FIELD(head), FIELD(entries), FIELD(node_count)}};
}

Struct extent_head() {
  using T = ExtentHead;
  return {sizeof(T), {FIELD(level), FIELD(count), FIELD(reserved)}};
}

Struct extent_entry() {
  using T = ExtentEntry;
  return {sizeof(T), {FIELD(file_block), FIELD(block), FIELD(length), FIELD(flags)}};
}

Struct node_head() {
  using T = NodeHead;
  return {sizeof(T),
          {FIELD(level), FIELD(count), FIELD(entry_bytes), FIELD(entry_start), FIELD(free_head),
           FIELD(next_block), FIELD(reserved)}};
}

Struct leaf_slot() {
  using T = LeafSlot;
  return {sizeof(T), {FIELD(key), FIELD(offset)}};
}

Struct branch_slot() {
  using T = BranchSlot;
  return {sizeof(T), {FIELD(key), FIELD(child)}};
}

Struct directory_entry() {
  using T = DirectoryEntry;
  return {sizeof(T), {FIELD(inode), FIELD(type), FIELD(length)}};
}

Struct xattr_head() {
  using T = XattrHead;
  return {sizeof(T), {FIELD(next), FIELD(used), FIELD(reserved)}};
}

Struct xattr_entry() {
  using T = XattrEntry;
  return {sizeof(T), {FIELD(name_length), FIELD(reserved), FIELD(value_length)}};
}

Struct journal_header() {
  using T = JournalHeader;
  return {sizeof(T), {FIELD(writes), FIELD(tail_block), FIELD(tail_epoch)}};
}

Struct log_head() {
  using T = LogHead;
  return {sizeof(T),
          {FIELD(checksum), FIELD(magic), FIELD(epoch), FIELD(length), FIELD(records),
           FIELD(reserved)}};
}

Struct log_record() {
  using T = LogRecord;
  return {sizeof(T),
          {FIELD(kind), FIELD(reserved), FIELD(length), FIELD(block), FIELD(offset), FIELD(count)}};
}

#undef FIELD

Structs structs_of_headers() {
  return {{"Superblock", superblock()},
          {"BlockHeader", block_header()},
          {"State", state()},
          {"GroupDescriptor", group_descriptor()},
          {"DiskTime", disk_time()},
          {"Inode", inode()},
          {"ContiguousRoot", contiguous_root()},
          {"LinkedRoot", linked_root()},
          {"LinkHeader", link_header()},
          {"FatRoot", fat_root()},
          {"IndexedRoot", indexed_root()},
          {"ExtentRoot", extent_root()},
          {"ExtentHead", extent_head()},
          {"ExtentEntry", extent_entry()},
          {"NodeHead", node_head()},
          {"LeafSlot", leaf_slot()},
          {"BranchSlot", branch_slot()},
          {"DirectoryEntry", directory_entry()},
          {"XattrHead", xattr_head()},
          {"XattrEntry", xattr_entry()},
          {"JournalHeader", journal_header()},
          {"LogHead", log_head()},
          {"LogRecord", log_record()}};
}

std::vector<std::string> lines_of_document() {
  std::ifstream file(SPINDLE_SOURCE_DIR "/docs/FORMAT.md");
  EXPECT_TRUE(file.good());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Each "### `Name` (N bytes...)" and the rows "| offset | size | `field` | ..." that follow.
Structs structs_of_document() {
  const std::regex heading(R"(^### `(\w+)` \((\d+) bytes.*)");
  const std::regex row(R"(^\| (\d+) \| (\d+) \| `(\w+)` \|.*)");
  Structs structs;
  Struct* current = nullptr;
  for (const std::string& line : lines_of_document()) {
    std::smatch match;
    if (std::regex_match(line, match, heading)) {
      current = &structs[match[1]];
      current->size = std::stoul(match[2]);
    } else if (line.starts_with("#")) {
      current = nullptr;
    } else if (current != nullptr && std::regex_match(line, match, row)) {
      current->fields[match[3]] = {std::stoul(match[1]), std::stoul(match[2])};
    }
  }
  return structs;
}

TEST(FormatDocument, ListsTheFieldsOfTheStructs) {
  const Structs expected = structs_of_headers();
  const Structs found = structs_of_document();
  for (const auto& [name, wanted] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(found.contains(name)) << "the document has no such struct";
    EXPECT_EQ(found.at(name).size, wanted.size);
    EXPECT_EQ(found.at(name).fields, wanted.fields);
    std::size_t bytes = 0;
    for (const auto& [field, place] : wanted.fields) bytes += place.size;
    EXPECT_EQ(bytes, wanted.size) << "a field is missing here and in the document";
  }
  for (const auto& [name, listed] : found) {
    EXPECT_TRUE(expected.contains(name)) << name << " is in the document alone";
  }
}

using Dump = std::map<std::uint64_t, std::byte>;

// The bytes of each line "offset: xxxx xxxx ...  text", as xxd writes it.
Dump dump_of_document() {
  const std::regex line_of_dump(R"(^([0-9a-f]{8}): ((?:[0-9a-f]{4} ){8}) .*)");
  Dump dump;
  for (const std::string& line : lines_of_document()) {
    std::smatch match;
    if (!std::regex_match(line, match, line_of_dump)) continue;
    std::uint64_t offset = std::stoul(match[1], nullptr, 16);
    std::string digits = match[2];
    std::erase(digits, ' ');
    for (std::size_t at = 0; at < digits.size(); at += 2, ++offset) {
      dump[offset] = static_cast<std::byte>(std::stoul(digits.substr(at, 2), nullptr, 16));
    }
  }
  return dump;
}

std::uint64_t number_in(const Dump& dump, std::uint64_t offset) {
  std::uint64_t number = 0;
  for (std::uint64_t i = 8; i-- > 0;) {
    number = number << 8 | std::to_integer<std::uint64_t>(dump.at(offset + i));
  }
  return number;
}

// The command of the example, with the times and the secret that the dump itself shows.
TEST(FormatDocument, ShowsWhatMkfsWrites) {
  const Dump dump = dump_of_document();
  ASSERT_GT(dump.size(), 700u);
  FormatOptions options;
  options.inodes = 16;
  options.journal_size = 64u << 10;
  options.label = "hello";
  options.uuid = must(parse_uuid("12345678-1234-5678-1234-567812345678"));
  options.hash_seed = number_in(dump, kSuperblockOffset + offsetof(Superblock, hash_seed));
  const auto created = number_in(dump, kSuperblockOffset + offsetof(Superblock, created_seconds));
  options.now = {.seconds = static_cast<std::int64_t>(created), .nanoseconds = 0};
  MemoryDevice device(1024, 1024);
  must(format_volume(device, options));
  for (const auto& [offset, byte] : dump) {
    std::byte written{};
    device.peek(offset, std::span(&written, 1));
    ASSERT_EQ(written, byte) << "at byte 0x" << std::hex << offset;
  }
}

}  // namespace
}  // namespace spindle::test
