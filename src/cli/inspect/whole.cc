// `spindle inspect IMAGE [superblock | journal | free | groups]`: what concerns the whole volume.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <map>

#include "cli/inspect/subjects.h"
#include "spindle/base/size_text.h"
#include "spindle/base/uuid.h"
#include "spindle/format/map_names.h"

namespace spindle::cli {
namespace {

using format::Inode;
using format::MapKind;
using format::Superblock;

std::string label_of(const Superblock& superblock) {
  const std::string_view field(superblock.label, sizeof superblock.label);
  return printable(field.substr(0, field.find('\0')));
}

std::string uuid_of(const Superblock& superblock) {
  Uuid uuid;
  std::copy_n(superblock.uuid, uuid.size(), uuid.begin());
  return uuid_text(uuid);
}

std::string strategy_of(std::uint32_t kind) {
  if (kind > 255) return "unknown";
  return std::string(format::map_kind_name(static_cast<MapKind>(kind)));
}

std::string moment(std::uint64_t seconds) {
  return seconds == 0 ? "never" : time_text(static_cast<std::int64_t>(seconds));
}

/// Free blocks and inodes, as the descriptors count them.
void add_counts(InspectedVolume& volume) {
  const format::Layout& layout = volume.layout();
  std::uint64_t blocks = 0, free_blocks = 0, free_inodes = 0, unread = 0;
  for (GroupNo group{0}; group.value < layout.group_count; ++group) {
    blocks += layout.data(group).length;
    const auto descriptor = volume.disk().read_descriptor(group);
    if (!descriptor.ok()) {
      ++unread;
      continue;
    }
    free_blocks += descriptor->free_blocks;
    free_inodes += descriptor->free_inodes;
  }
  volume.answer().fact("data_blocks", number(blocks));
  volume.answer().fact("free_blocks", number(free_blocks));
  volume.answer().fact("inodes", number(layout.inode_count()));
  volume.answer().fact("free_inodes", number(free_inodes));
  if (unread != 0) {
    volume.answer().note(
        fmt::format("The counts do not include the damaged groups: {} of them.", unread));
  }
}

/// How many files there are of each type, and by strategy what they hold.
void add_files(InspectedVolume& volume) {
  struct Usage {
    std::uint64_t files = 0, blocks = 0, bytes = 0;
  };
  std::map<std::string, Usage> usage;
  std::uint64_t files = 0, directories = 0, links = 0, others = 0;
  volume.each_inode([&](InodeNo, const Inode& inode) {
    const unsigned mode = inode.mode;
    ++(S_ISREG(mode) ? files : S_ISDIR(mode) ? directories : S_ISLNK(mode) ? links : others);
    if (S_ISREG(mode)) {
      Usage& of = usage[strategy_of(inode.map_kind)];
      ++of.files;
      of.blocks += inode.blocks;
      of.bytes += inode.size;
    }
    return true;
  });
  volume.answer().fact("files", number(files));
  volume.answer().fact("directories", number(directories));
  volume.answer().fact("symbolic_links", number(links));
  volume.answer().fact("other_inodes", number(others));
  FactTable table({"strategy", "files", "blocks", "bytes"});
  for (const auto& [strategy, of] : usage) {
    table.add_row({strategy, number(of.files), number(of.blocks), number(of.bytes)});
  }
  if (!usage.empty()) volume.answer().table("strategies", std::move(table));
}

/// The two headers of the journal as they are in the image; the valid one is marked.
void add_journal_headers(InspectedVolume& volume) {
  const format::Layout& layout = volume.layout();
  FactTable table({"block", "good", "counts", "writes", "tail_block", "tail_epoch", "epoch"});
  struct Header {
    bool good = false;
    format::JournalHeader header{};
    std::uint64_t epoch = 0;
  };
  Header headers[format::kJournalHeaderBlocks];
  fsck::Disk image(volume.image(), layout);
  for (std::size_t i = 0; i < format::kJournalHeaderBlocks; ++i) {
    const auto view = image.read(layout.journal.start + i, format::BlockKind::kJournalHeader);
    if (!view.ok()) {
      volume.answer().cannot_read("A header of the journal", view.error());
      continue;
    }
    headers[i] = {true, view->at<format::JournalHeader>(format::kHeaderSize),
                  view->at<format::BlockHeader>(0).epoch};
  }
  for (std::size_t i = 0; i < format::kJournalHeaderBlocks; ++i) {
    const Header& own = headers[i];
    const Header& other = headers[1 - i];
    const bool counts = own.good && (!other.good || own.header.writes > other.header.writes);
    table.add_row({number(layout.journal.start.value + i), own.good, counts,
                   number(own.header.writes), number(own.header.tail_block),
                   number(own.header.tail_epoch), number(own.epoch)});
  }
  volume.answer().table("headers", std::move(table));
}

std::string record_name(format::RecordKind kind) {
  constexpr const char* kNames[] = {"patch", "fresh",  "set bits", "clear bits",
                                    "seal",  "revoke", "data"};
  const auto index = static_cast<std::size_t>(kind) - 1;
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

/// How many of `length` blocks were written; each bit of `written` stands for `unit` of them.
std::uint64_t blocks_written(std::uint64_t written, std::uint64_t unit, std::uint64_t length) {
  std::uint64_t blocks = 0;
  for (std::uint64_t i = 0; i < 64 && i * unit < length; ++i) {
    if ((written >> i & 1) != 0) blocks += std::min(unit, length - i * unit);
  }
  return blocks;
}

/// Free runs, counted by their lengths.
struct FreeRunCounts {
  void add(const Run& run) {
    const std::uint64_t length = run.length;
    Bucket& bucket = buckets[static_cast<unsigned>(std::bit_width(length))];
    ++bucket.runs;
    bucket.blocks += length;
    ++runs;
    blocks += length;
    longest = std::max(longest, length);
  }
  [[nodiscard]] double mean() const {
    return runs == 0 ? 0.0 : static_cast<double>(blocks) / static_cast<double>(runs);
  }
  [[nodiscard]] FactTable histogram() const {
    FactTable table({"shortest", "longest", "runs", "blocks"});
    for (const auto& [width, bucket] : buckets)
      table.add_row({number(1ull << (width - 1)), number((1ull << width) - 1), number(bucket.runs),
                     number(bucket.blocks)});
    return table;
  }

  struct Bucket {
    std::uint64_t runs = 0, blocks = 0;
  };
  std::map<unsigned, Bucket> buckets;  // by how many bits the length has
  std::uint64_t runs = 0, blocks = 0, longest = 0;
};

}  // namespace

Result<> describe_summary(InspectedVolume& volume) {
  const Superblock& superblock = volume.superblock();
  const format::Layout& layout = volume.layout();
  Answer& answer = volume.answer();
  answer.fact("label", label_of(superblock));
  answer.fact("uuid", uuid_of(superblock));
  answer.fact("state", volume.state());
  answer.fact("size", size_text(layout.block_count * layout.block_size));
  answer.fact("block_size", number(layout.block_size));
  answer.fact("blocks", number(layout.block_count));
  answer.fact("groups", number(layout.group_count));
  answer.fact("journal_blocks", number(layout.journal.length));
  answer.fact("strategy", strategy_of(superblock.default_map_kind));
  add_counts(volume);
  add_files(volume);
  return {};
}

Result<> describe_superblock(InspectedVolume& volume) {
  const Superblock& superblock = volume.superblock();
  const format::Layout& layout = volume.layout();
  Answer& answer = volume.answer();
  answer.fact("version", number(superblock.version));
  answer.fact("uuid", uuid_of(superblock));
  answer.fact("label", label_of(superblock));
  answer.fact("state", volume.state());
  answer.fact("state_flags", number(superblock.state));
  answer.fact("block_size", number(superblock.block_size));
  answer.fact("block_count", number(superblock.block_count));
  answer.fact("group_count", number(superblock.group_count));
  answer.fact("bitmap_blocks_per_group", number(superblock.bitmap_blocks_per_group));
  answer.fact("inodes_per_group", number(superblock.inodes_per_group));
  answer.fact("default_strategy", strategy_of(superblock.default_map_kind));
  answer.fact("journal_start", number(superblock.journal_start));
  answer.fact("journal_blocks", number(superblock.journal_blocks));
  answer.fact("incompatible_features", number(superblock.incompatible_features));
  answer.fact("read_only_features", number(superblock.read_only_features));
  answer.fact("hash_seed", hexadecimal(superblock.hash_seed));
  answer.fact("created", moment(superblock.created_seconds));
  answer.fact("mount_count", number(superblock.mount_count));
  answer.fact("last_mount", moment(superblock.last_mount_seconds));
  answer.fact("last_write", moment(superblock.last_write_seconds));
  answer.fact("last_check", moment(superblock.last_check_seconds));
  answer.fact("mount_process", number(superblock.mount_process));
  answer.fact("checksum", hexadecimal(superblock.checksum));
  FactTable places({"block", "byte", "good"});
  const auto add = [&](BlockNo block, std::size_t offset) {
    places.add_row({number(block.value), number(offset),
                    fsck::read_superblock_at(volume.image(), block, offset).ok()});
  };
  add(layout.superblock(), layout.superblock_offset());
  add(layout.fixed_copy(), 0);
  add(layout.last_copy(), 0);
  answer.table("copies", std::move(places));
  return {};
}

Result<> describe_journal(InspectedVolume& volume) {
  const format::Layout& layout = volume.layout();
  Answer& answer = volume.answer();
  answer.fact("start", number(layout.journal.start.value));
  answer.fact("blocks", number(layout.journal.length));
  answer.fact("log_blocks", number(layout.journal.length - format::kJournalHeaderBlocks));
  const auto log = read_log(volume.image(), layout);
  if (!log.ok()) {
    add_journal_headers(volume);
    answer.cannot_read("The log", log.error());
    return {};
  }
  answer.fact("entries", number(log->size()));
  add_journal_headers(volume);
  if (log->empty()) {
    answer.note("The log is empty: there is nothing to replay.");
    return {};
  }
  FactTable entries({"epoch", "log_block", "bytes", "records"});
  FactTable records({"epoch", "record", "block", "offset", "count", "bytes"});
  for (const LogEntry& entry : *log) {
    entries.add_row({number(entry.epoch), number(entry.start_block), number(entry.bytes),
                     number(entry.records.size())});
    for (const auto& record : entry.records) {
      records.add_row({number(entry.epoch), record_name(record.kind), number(record.block.value),
                       number(record.offset), number(record.count), number(record.length)});
    }
  }
  answer.table("log", std::move(entries));
  answer.table("records", std::move(records));
  return {};
}

Result<> describe_free_space(InspectedVolume& volume) {
  const format::Layout& layout = volume.layout();
  FreeRunCounts free;
  std::uint64_t by_descriptors = 0;
  for (GroupNo group{0}; group.value < layout.group_count; ++group) {
    if (!volume.each_free_run(group, [&](const Run& run) { free.add(run); })) continue;
    const auto descriptor = volume.disk().read_descriptor(group);
    if (descriptor.ok()) {
      by_descriptors += descriptor->free_blocks;
    } else {
      volume.answer().cannot_read("A group's descriptor", descriptor.error());
    }
  }
  Answer& answer = volume.answer();
  answer.fact("free_blocks", number(free.blocks));
  answer.fact("free_bytes", number(free.blocks * layout.block_size));
  answer.fact("free_blocks_by_descriptors", number(by_descriptors));
  answer.fact("free_runs", number(free.runs));
  answer.fact("longest_run", number(free.longest));
  answer.fact("mean_run", free.mean());
  if (by_descriptors != free.blocks)
    answer.note("The bitmaps and the group descriptors do not agree.");
  answer.table("histogram", free.histogram());
  return {};
}

Result<> describe_groups(InspectedVolume& volume) {
  const format::Layout& layout = volume.layout();
  Answer& answer = volume.answer();
  answer.fact("groups", number(layout.group_count));
  answer.fact("blocks_per_group", number(layout.blocks_per_group()));
  answer.fact("bitmap_blocks_per_group", number(layout.bitmap_blocks_per_group));
  answer.fact("inodes_per_group", number(layout.inodes_per_group));
  FactTable table({"group", "start", "blocks", "metadata", "free_blocks", "free_inodes",
                   "directories", "block_bitmaps", "inode_bitmaps", "inode_blocks", "fat_blocks"});
  for (GroupNo group{0}; group.value < layout.group_count; ++group) {
    const auto descriptor = volume.disk().read_descriptor(group);
    if (!descriptor.ok()) {
      answer.cannot_read(fmt::format("The descriptor of group {}", group.value),
                         descriptor.error());
      continue;
    }
    table.add_row({number(group.value), number(layout.group(group).start.value),
                   number(layout.group(group).length), number(layout.group_metadata_blocks(group)),
                   number(descriptor->free_blocks), number(descriptor->free_inodes),
                   number(descriptor->directories),
                   number(blocks_written(descriptor->bitmap_blocks_written, layout.bitmap_unit(),
                                         layout.bitmap_blocks_per_group)),
                   number(layout.inode_bitmap_blocks(std::min<std::uint64_t>(
                       descriptor->inode_blocks_written, layout.inode_table_blocks()))),
                   number(descriptor->inode_blocks_written),
                   number(blocks_written(descriptor->fat_blocks_written, layout.fat_unit(),
                                         layout.fat(group).length))});
  }
  answer.table("table", std::move(table));
  return {};
}

}  // namespace spindle::cli
