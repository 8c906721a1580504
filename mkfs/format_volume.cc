#include "mkfs/format_volume.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "spindle/format/directory.h"
#include "spindle/format/map.h"

namespace spindle {
namespace {

using format::BlockKind;

constexpr char kLostFound[] = "lost+found";
constexpr std::size_t kTableBatchBytes = 1 << 20;

void fill_random(void* into, std::size_t size) {
  CHECK(::getrandom(into, size, 0) == static_cast<ssize_t>(size));
}

/// Writes the parts of one volume, each a function of its own.
class Formatter {
 public:
  Formatter(BlockDevice& device, const format::Superblock& superblock, const format::Layout& layout,
            OldLog old_log, Owner owner)
      : device_(device),
        superblock_(superblock),
        layout_(layout),
        old_log_(old_log),
        owner_(owner) {}

  Result<> run() {
    TRY(erase_superblock());
    TRY(write_state());
    TRY(write_group_table());
    TRY(format_journal(device_, layout_, old_log_));
    TRY(write_first_group());
    TRY(device_.flush());
    TRY(write_superblock(layout_.last_copy(), 0));
    TRY(write_superblock(layout_.fixed_copy(), 0));
    TRY(write_superblock(layout_.superblock(), layout_.superblock_offset()));
    return device_.flush();
  }

 private:
  using Block = std::vector<std::byte>;

  [[nodiscard]] Block new_block() const { return Block(layout_.block_size); }

  /// From now on the device holds no volume, until the last write makes it one. A new image holds
  /// none anyway, and is spared the wait for the host's disk.
  Result<> erase_superblock() {
    Block block = new_block();
    TRY(device_.read(layout_.superblock(), block));
    if (std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; })) return {};
    TRY(device_.write(layout_.superblock(), new_block()));
    return device_.flush();
  }

  Block begin(BlockKind kind, std::uint64_t owner) const {
    Block block = new_block();
    format::begin_block(block, kind, owner);
    return block;
  }

  Result<> seal_and_write(Block& block, BlockNo number) {
    format::seal_block(block, layout_.seed, number, EpochNo{0});
    return device_.write(number, block);
  }

  Result<> write_superblock(BlockNo number, std::size_t offset) {
    Block block = new_block();
    superblock_.checksum = format::superblock_checksum(superblock_, number);
    std::memcpy(block.data() + offset, &superblock_, sizeof superblock_);
    return device_.write(number, block);
  }

  Result<> write_state() {
    Block block = begin(BlockKind::kState, 0);
    format::at<format::State>(block, format::kHeaderSize).generation = 1;
    return seal_and_write(block, layout_.state());
  }

  [[nodiscard]] format::GroupDescriptor descriptor(GroupNo g) const {
    format::GroupDescriptor descriptor{};
    descriptor.free_blocks = static_cast<std::uint32_t>(layout_.data(g).length);
    descriptor.free_inodes = layout_.inodes_per_group;
    if (g.value == 0) {
      descriptor.free_blocks -= 1;  // the root directory's block
      descriptor.free_inodes -= 2;  // root and lost+found
      descriptor.directories = 2;
      descriptor.inode_blocks_written = 1;
      descriptor.bitmap_blocks_written = std::uint64_t{1}
                                         << bitmap_index(root_block()) / layout_.bitmap_unit();
    }
    return descriptor;
  }

  /// The table of a large volume is megabytes long, so it is written in large pieces.
  Result<> write_group_table() {
    const Run table = layout_.group_table();
    const std::uint64_t batch = std::max<std::uint64_t>(1, kTableBatchBytes / layout_.block_size);
    std::vector<std::byte> bytes;
    for (std::uint64_t done = 0; done < table.length;) {
      const std::uint64_t count = std::min(batch, table.length - done);
      bytes.assign(count * layout_.block_size, std::byte{});
      for (std::uint64_t i = 0; i < count; ++i) {
        fill_table_block(std::span(bytes).subspan(i * layout_.block_size, layout_.block_size),
                         done + i);
      }
      TRY(device_.write(table.start + done, bytes));
      done += count;
    }
    return {};
  }

  void fill_table_block(std::span<std::byte> block, std::uint64_t index) const {
    format::begin_block(block, BlockKind::kGroupTable, 0);
    const std::uint64_t first = index * layout_.descriptors_per_block();
    for (std::uint64_t i = 0; i < layout_.descriptors_per_block(); ++i) {
      if (first + i >= layout_.group_count) break;
      format::at<format::GroupDescriptor>(
          block, format::kHeaderSize + i * sizeof(format::GroupDescriptor)) =
          descriptor(GroupNo{first + i});
    }
    format::seal_block(block, layout_.seed, layout_.group_table().start + index, EpochNo{0});
  }

  [[nodiscard]] BlockNo root_block() const { return layout_.data(GroupNo{0}).start; }
  /// Which block of its group's bitmap a block has its bit in.
  [[nodiscard]] std::uint64_t bitmap_index(BlockNo block) const {
    return layout_.block_index(block) / layout_.bits_per_block();
  }

  /// Sets those of the bits [from, to) of the whole bitmap that stand in its block `index`.
  void set_bits(std::span<std::byte> block, std::uint64_t index, std::uint64_t from,
                std::uint64_t to) const {
    const std::uint64_t first = index * layout_.bits_per_block();
    const std::uint64_t end = std::min(to, first + layout_.bits_per_block());
    for (std::uint64_t bit = std::max(from, first); bit < end; ++bit) {
      block[format::kHeaderSize + (bit - first) / 8] |= std::byte{1} << (bit - first) % 8;
    }
  }

  /// Writes the unit of the block bitmap that has the root directory's block.
  Result<> write_block_bitmap() {
    const GroupNo g{0};
    const Run bitmap = layout_.block_bitmap(g);
    const std::uint64_t unit = layout_.bitmap_unit();
    const std::uint64_t first = bitmap_index(root_block()) / unit * unit;
    for (std::uint64_t i = first; i < std::min(first + unit, bitmap.length); ++i) {
      Block block = begin(BlockKind::kBlockBitmap, 0);
      set_bits(block, i, 0, layout_.group_metadata_blocks(g) + 1);
      set_bits(block, i, layout_.group(g).length, layout_.blocks_per_group());
      TRY(seal_and_write(block, bitmap.start + i));
    }
    return {};
  }

  Result<> write_first_group() {
    TRY(write_block_bitmap());
    const Run bitmap = layout_.inode_bitmap(GroupNo{0});
    Block inodes = begin(BlockKind::kInodeBitmap, 0);
    set_bits(inodes, 0, 0, 2);
    set_bits(inodes, 0, layout_.inodes_per_group, layout_.bits_per_block());
    TRY(seal_and_write(inodes, bitmap.start));

    TRY(write_inodes(root_block()));
    return write_root_directory(root_block());
  }

  [[nodiscard]] format::Inode directory_inode(std::uint16_t permissions) const {
    format::Inode inode{};
    inode.mode = static_cast<std::uint16_t>(S_IFDIR | permissions);
    inode.map_kind = static_cast<std::uint8_t>(format::MapKind::kExtent);
    inode.links = 2;
    inode.uid = owner_.uid;
    inode.gid = owner_.gid;
    inode.parent = format::kRootInode.value;
    for (auto* time : {&inode.accessed, &inode.modified, &inode.changed, &inode.born}) {
      time->seconds = static_cast<std::int64_t>(std::uint64_t{superblock_.created_seconds});
    }
    return inode;
  }

  Result<> write_inodes(BlockNo root_block) {
    Block table = begin(BlockKind::kInodeTable, 0);
    format::Inode root = directory_inode(0755);
    root.links = 3;
    root.size = layout_.block_size;
    root.blocks = 1;
    auto& map = *reinterpret_cast<format::ExtentRoot*>(root.map_root);
    map.head.count = 1;
    map.entries[0].block = root_block.value;
    map.entries[0].length = 1;
    const auto root_place = layout_.inode_place(format::kRootInode);
    const auto lost_place = layout_.inode_place(format::kLostFoundInode);
    CHECK(root_place.block == lost_place.block);
    format::at<format::Inode>(table, root_place.offset) = root;
    format::at<format::Inode>(table, lost_place.offset) = directory_inode(0700);
    return seal_and_write(table, root_place.block);
  }

  Result<> write_root_directory(BlockNo number) {
    Block block = begin(BlockKind::kDirectory, format::kRootInode.value);
    constexpr std::size_t name_length = sizeof kLostFound - 1;
    constexpr std::size_t entry_bytes = sizeof(format::DirectoryEntry) + name_length;
    const std::size_t offset = layout_.block_size - entry_bytes;

    auto& head = format::at<format::NodeHead>(block, format::kHeaderSize);
    head.count = 1;
    head.entry_bytes = entry_bytes;
    head.entry_start = static_cast<std::uint32_t>(offset);
    head.next_block = 1;
    auto& slot = format::at<format::LeafSlot>(block, format::kNodeSlots);
    slot.key = format::directory_key({kLostFound, name_length}, superblock_.hash_seed);
    slot.offset = static_cast<std::uint32_t>(offset);
    auto& entry = format::at<format::DirectoryEntry>(block, offset);
    entry.inode = format::kLostFoundInode.value;
    entry.type = S_IFDIR >> 12;
    entry.length = name_length;
    std::memcpy(block.data() + offset + sizeof entry, kLostFound, name_length);
    return seal_and_write(block, number);
  }

  BlockDevice& device_;
  format::Superblock superblock_;
  const format::Layout& layout_;
  const OldLog old_log_;
  const Owner owner_;
};

format::LayoutRequest layout_request(std::uint32_t block_size, std::uint64_t block_count,
                                     const FormatOptions& options) {
  format::LayoutRequest request;
  request.image_size = block_count * block_size;
  request.block_size = block_size;
  request.inodes = options.inodes;
  request.journal_size = options.journal_size;
  request.group_size = options.group_size;
  if (options.group_size == 0 && options.default_map_kind == format::MapKind::kContiguous) {
    // A contiguous file is never longer than a group.
    request.group_size = std::min(request.image_size, format::max_group_size(block_size));
  }
  return request;
}

}  // namespace

Result<std::uint64_t> min_journal_size(std::uint32_t block_size, std::uint64_t block_count,
                                       const FormatOptions& options) {
  return format::min_journal_size(layout_request(block_size, block_count, options));
}

Result<format::Superblock> plan_volume(std::uint32_t block_size, std::uint64_t block_count,
                                       const FormatOptions& options) {
  if (options.label.size() > sizeof(format::Superblock::label)) {
    return Error{EINVAL, "a label has at most 64 bytes"};
  }
  format::Superblock superblock =
      TRY(format::plan(layout_request(block_size, block_count, options)));

  Uuid uuid = options.uuid;
  if (uuid == Uuid{}) {
    fill_random(uuid.data(), uuid.size());
    uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x40};  // version 4
    uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};
  }
  std::uint64_t hash_seed = options.hash_seed;
  if (hash_seed == 0) fill_random(&hash_seed, sizeof hash_seed);
  const Timestamp now = options.now == Timestamp{} ? wall_time() : options.now;

  std::memcpy(superblock.uuid, uuid.data(), uuid.size());
  std::memcpy(superblock.label, options.label.data(), options.label.size());
  superblock.default_map_kind = static_cast<std::uint32_t>(options.default_map_kind);
  superblock.hash_seed = hash_seed;
  superblock.created_seconds = static_cast<std::uint64_t>(now.seconds);
  superblock.last_write_seconds = superblock.created_seconds;
  superblock.last_check_seconds = superblock.created_seconds;
  superblock.state = format::kClean;
  return superblock;
}

Result<> format_volume(BlockDevice& device, const format::Superblock& planned, OldLog old_log,
                       Owner owner) {
  const format::Layout layout = TRY(format::Layout::of(planned));
  return Formatter(device, planned, layout, old_log, owner).run();
}

Result<> format_volume(BlockDevice& device, const FormatOptions& options) {
  const auto planned = TRY(plan_volume(device.block_size(), device.block_count(), options));
  return format_volume(device, planned,
                       options.uuid == Uuid{} ? OldLog::kOfOthers : OldLog::kOfSameUuid,
                       options.owner);
}

}  // namespace spindle
