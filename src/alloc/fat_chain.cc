#include "fat_chain.h"

namespace spindle {

using format::FatRoot;

Result<FatChain> read_fat_chain(const format::Layout& layout, const MapFile& file) {
  const auto& root = format::at<FatRoot>(std::span<const std::byte>(file.root), 0);
  const FatChain chain{
      .first = {FileBlock{root.first_file_block}, BlockNo{root.first}},
      .last = {FileBlock{root.last_file_block}, BlockNo{root.last}},
      .count = root.count,
  };
  if (chain.count == 0 && !chain.first.block && !chain.last.block) return FatChain{};
  const bool good = chain.count != 0 && layout.is_data(chain.first.block) &&
                    layout.is_data(chain.last.block) &&
                    chain.first.file_block <= chain.last.file_block &&
                    chain.last.file_block.value < kFatFileBlocks &&
                    chain.count <= chain.last.file_block - chain.first.file_block + 1;
  if (!good) return corrupt("the root of a FAT file is impossible", Subject::inode(file.inode));
  return chain;
}

void store_fat_chain(MapFile& file, const FatChain& chain) {
  auto& root = format::at<FatRoot>(file.root, 0);
  root.first = chain.first.block.value;
  root.first_file_block = chain.first.file_block.value;
  root.last = chain.last.block.value;
  root.last_file_block = chain.last.file_block.value;
  root.count = chain.count;
}

Result<FatLink> decode_link(const format::Layout& layout, BlockNo block, std::uint64_t entry) {
  const FatLink link{BlockNo{entry & format::kFatNextMask}, entry >> format::kFatNextBits};
  if (link.next.value == format::kFatEnd) return FatLink{};
  if (!layout.is_data(link.next)) {
    return corrupt("a link of the FAT leads out of the data blocks", Subject::block(block));
  }
  return link;
}

Result<FatLink> FatLinks::link(BlockNo block) {
  const format::Layout& layout = space_.layout();
  if (!layout.is_data(block)) return corrupt("no block of a chain", Subject::block(block));
  const format::Layout::Place place = layout.fat_place(block);
  if (place.block != held_) {
    // An entry that was never written is answered here: no chain leads through it.
    const std::uint64_t entry = TRY(space_.fat_entry(reader_, block));
    if (entry == 0)
      return corrupt("a chain leads to a block that is in no chain", Subject::block(block));
    view_ = TRY(reader_.read(place.block, format::BlockKind::kFat));
    held_ = place.block;
  }
  return decode_link(layout, block, view_.at<le64>(place.offset));
}

Result<std::optional<ChainMark>> FatLinks::after(ChainMark place) {
  const FatLink found = TRY(link(place.block));
  if (!found.next) return std::optional<ChainMark>();
  const FileBlock next = place.file_block + 1 + found.skip;
  if (next.value >= kFatFileBlocks) {
    return corrupt("a chain leads beyond the largest file", Subject::block(place.block));
  }
  return std::optional(ChainMark{next, found.next});
}

Result<std::optional<ChainMark>> locate_in_fat(FatLinks& links, SpaceManager& space,
                                               const MapFile& file, const FatChain& chain,
                                               FileBlock at) {
  if (chain.count == 0 || at < chain.first.file_block) return std::optional<ChainMark>();
  if (at >= chain.last.file_block) return std::optional(chain.last);
  ChainMemory& memory = space.chains();
  ChainMark place = memory.before(file.inode, chain.first.block, at).value_or(chain.first);
  CircleGuard guard;
  for (;;) {
    const std::optional<ChainMark> next = TRY(links.after(place));
    if (!next) return corrupt("a chain ends too early", Subject::block(place.block));
    if (next->file_block > at) break;
    place = *next;
    TRY(guard.passing(place.block));
    memory.passed(file.inode, chain.first.block, place);
  }
  memory.ended(file.inode, chain.first.block, place);
  return std::optional(place);
}

}  // namespace spindle
