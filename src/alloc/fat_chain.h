// The chain of one FAT file: reading its root and links, and going along it.
//
// An entry of the FAT says which block comes next and how many file blocks between the two are
// holes. Every entry is checked as it is read. Places in the file ascend along every chain, so they
// do not show that a damaged one goes in a circle: CircleGuard notices that after a few rounds
// (Brent's algorithm, 1980).
#pragma once

#include "chain_memory.h"
#include "spindle/alloc/file_map.h"

namespace spindle {

/// File blocks that a FAT file may have: then no gap in a chain needs more than kMaxAnchors blocks
/// to bridge it.
inline constexpr std::uint64_t kMaxAnchors = 8;
inline constexpr std::uint64_t kFatFileBlocks = kMaxAnchors * (format::kFatMaxSkip + 1);

/// The root, checked.
struct FatChain {
  ChainMark first;
  ChainMark last;
  std::uint64_t count = 0;
};
Result<FatChain> read_fat_chain(const format::Layout& layout, const MapFile& file);
void store_fat_chain(MapFile& file, const FatChain& chain);

struct FatLink {
  BlockNo next;  ///< kNoBlock: the chain ends
  std::uint64_t skip = 0;
};
Result<FatLink> decode_link(const format::Layout& layout, BlockNo block, std::uint64_t entry);

/// Reads links, and keeps hold of the FAT block that it read last. For use between two changes.
class FatLinks {
 public:
  FatLinks(BlockReader& reader, SpaceManager& space) : reader_(reader), space_(space) {}
  Result<FatLink> link(BlockNo block);
  /// The next place of the chain; nothing at its end.
  Result<std::optional<ChainMark>> after(ChainMark place);

 private:
  BlockReader& reader_;
  SpaceManager& space_;
  BlockNo held_;
  BlockView view_;
};

class CircleGuard {
 public:
  /// EUCLEAN, sooner or later, if the walk goes in a circle.
  Result<> passing(BlockNo block) {
    if (block == marked_) return corrupt("the chain goes in a circle", Subject::block(block));
    if (++steps_ < until_) return {};
    marked_ = block;
    until_ = 2 * steps_;
    return {};
  }

 private:
  BlockNo marked_;
  std::uint64_t steps_ = 0;
  std::uint64_t until_ = 1;
};

/// The last place of the chain at `at` or before; nothing if the chain begins after it.
Result<std::optional<ChainMark>> locate_in_fat(FatLinks& links, SpaceManager& space,
                                               const MapFile& file, const FatChain& chain,
                                               FileBlock at);

}  // namespace spindle
