// linked: the textbook's chain. Each block opens with a LinkHeader that says which block comes
// next.
//
// The headers stand in the data blocks, in the cache, and are not journaled: the root in the inode
// says how long the chain is, so the last block's `next` has no meaning and may be written before
// the root counts one block more. But a block whose `next` the durable root still needs must not be
// written: after a shrink, the new tail is linked on only when the shrink is durable.

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "chain_memory.h"
#include "file_maps.h"

namespace spindle {
namespace {

using format::LinkedRoot;
using format::LinkHeader;

/// How far from the end of the chain, in blocks, shrink looks for what to free.
constexpr std::uint64_t kLinkedShrinkWindow = 1024;
constexpr std::uint64_t kBlocksPerExtend = 1024;
constexpr std::uint64_t kLongestPiece = 256;  ///< that find looks through
constexpr std::uint64_t kReadAhead = 32;
constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 34;

/// The root, checked.
struct Chain {
  BlockNo first;
  BlockNo last;
  std::uint64_t count = 0;
};

Result<Chain> chain_of(const format::Layout& layout, const MapFile& file) {
  const auto& root = format::at<LinkedRoot>(std::span<const std::byte>(file.root), 0);
  const Chain chain{BlockNo{root.first}, BlockNo{root.last}, root.count};
  const bool good = chain.count == 0
                        ? !chain.first && !chain.last
                        : chain.count <= layout.block_count && layout.is_data(chain.first) &&
                              layout.is_data(chain.last);
  if (!good) return corrupt("the root of a linked file is impossible", Subject::inode(file.inode));
  return chain;
}

void set_chain(MapFile& file, const Chain& chain) {
  auto& root = format::at<LinkedRoot>(file.root, 0);
  root.first = chain.first.value;
  root.last = chain.last.value;
  root.count = chain.count;
}

std::uint64_t owner_tag(const MapFile& file) {
  return (file.inode.value & 0xFFFF'FFFF'FFFFull) | std::uint64_t{file.generation} << 48;
}

void write_header(std::span<std::byte> bytes, const format::Layout& layout, const MapFile& file,
                  ChainMark place, BlockNo next) {
  auto& header = format::at<LinkHeader>(bytes, 0);
  header.next = next.value;
  header.owner = owner_tag(file);
  header.file_block = place.file_block.value;
  header.checksum = format::link_checksum(header, layout.seed, place.block);
}

/// Whether the block is this file's at this place.
Result<> check_header(std::span<const std::byte> bytes, const format::Layout& layout,
                      const MapFile& file, ChainMark place) {
  const auto& header = format::at<LinkHeader>(bytes, 0);
  if (header.checksum != format::link_checksum(header, layout.seed, place.block)) {
    return corrupt("the checksum of a link does not match", Subject::block(place.block));
  }
  if (header.owner == owner_tag(file) && header.file_block < place.file_block.value) {
    return corrupt("the chain comes back to a block before", Subject::block(place.block));
  }
  if (header.owner != owner_tag(file) || header.file_block != place.file_block.value) {
    return corrupt("a link leads to another file's block", Subject::block(place.block));
  }
  return {};
}

/// The block after a place that is not the chain's last.
Result<ChainMark> step(BlockReader& reader, const format::Layout& layout, const MapFile& file,
                       ChainMark place) {
  const BlockView view = TRY(reader.read_data(place.block));
  TRY(check_header(view.bytes, layout, file, place));
  const BlockNo next{view.at<LinkHeader>(0).next};
  if (!layout.is_data(next)) {
    return corrupt("a link leads out of the data blocks", Subject::block(place.block));
  }
  return ChainMark{place.file_block + 1, next};
}

/// Where a file block before the end stands. Goes along the chain from the nearest place known.
Result<ChainMark> locate(BlockReader& reader, SpaceManager& space, const MapFile& file,
                         const Chain& chain, FileBlock at) {
  if (at.value == chain.count - 1) return ChainMark{at, chain.last};
  ChainMemory& memory = space.chains();
  ChainMark place =
      memory.before(file.inode, chain.first, at).value_or(ChainMark{FileBlock{0}, chain.first});
  if (place.file_block == at) return place;
  for (std::uint64_t steps = 0; place.file_block < at; ++steps) {
    const ChainMark next = TRY(step(reader, space.layout(), file, place));
    // Where the chain lies in one piece, what comes next is read together.
    if (steps % kReadAhead == 1 && next.block == place.block + 1) {
      space.cache().read_ahead({next.block, std::min(kReadAhead, at - place.file_block)});
    }
    place = next;
    if (place.file_block < at) memory.passed(file.inode, chain.first, place);
  }
  memory.ended(file.inode, chain.first, place);
  return place;
}

class LinkedMap final : public FileMap {
 public:
  [[nodiscard]] format::MapKind kind() const override { return format::MapKind::kLinked; }
  [[nodiscard]] std::uint32_t content_size(std::uint32_t block_size) const override {
    return block_size - static_cast<std::uint32_t>(sizeof(LinkHeader));
  }
  [[nodiscard]] bool has_holes() const override { return false; }
  [[nodiscard]] std::uint64_t max_file_blocks(const format::Layout& layout) const override {
    return std::min(kMaxBlocks, kMaxImageSize / layout.block_size);
  }
  [[nodiscard]] std::size_t log_bytes_per_call(const format::Layout&) const override {
    return log_cost::kAllocate + kRunsPerCall * log_cost::kFree;
  }
  Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file, FileBlock at,
                      std::uint64_t max) const override;
  Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                        NewBlocks blocks) const override;
  Result<bool> shrink(const MapEdit& edit, FileBlock end) const override;
  Result<> walk(const WalkContext& context, const MapFile& file,
                const MapVisitor& visitor) const override;
  [[nodiscard]] std::vector<RootField> root_fields(std::span<const std::byte> root) const override;
  std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const override;
};

Result<Extent> LinkedMap::find(BlockReader& reader, SpaceManager& space, const MapFile& file,
                               FileBlock at, std::uint64_t max) const {
  const Chain chain = TRY(chain_of(space.layout(), file));
  if (at.value >= chain.count) return Extent{.at = at, .block = kNoBlock, .length = max};
  const ChainMark start = TRY(locate(reader, space, file, chain, at));
  const std::uint64_t most = std::min({max, chain.count - at.value, kLongestPiece});
  if (most > 1) space.cache().read_ahead({start.block, most});
  ChainMark last = start;
  std::uint64_t length = 1;
  for (; length < most; ++length) {
    const ChainMark next = TRY(step(reader, space.layout(), file, last));
    if (next.block != last.block + 1) break;
    last = next;
  }
  space.chains().ended(file.inode, chain.first, last);
  return Extent{.at = at, .block = start.block, .length = length};
}

/// Waits until the tail may be linked on.
Result<> wait_for_shrink(SpaceManager& space, InodeNo inode, const Chain& chain) {
  const ChainMemory::Shrink shrink = space.chains().shrink_of(chain.first);
  if (shrink.uncommitted != 0) {
    return Error{EBUSY, "the chain was shrunk in a transaction that is not committed",
                 Subject::inode(inode)};
  }
  if (shrink.epoch <= space.journal().durable_epoch()) return {};
  return space.journal().sync(shrink.epoch);
}

/// Links the chain's tail to `next`.
Result<> link_tail(SpaceManager& space, const MapFile& file, const Chain& chain, BlockNo next) {
  BufferCache& cache = space.cache();
  const ChainMark tail{FileBlock{chain.count - 1}, chain.last};
  const BlockRef block = TRY(cache.read(chain.last, IoPurpose::kData));
  cache.write_access(block);
  TRY(check_header(block.bytes(), space.layout(), file, tail));
  write_header(block.writable(), space.layout(), file, tail, next);
  cache.mark_dirty(block, file.inode);
  return {};
}

Result<Extent> LinkedMap::extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                                 NewBlocks) const {
  auto& [tx, space, file] = edit;
  const std::uint64_t most = max_file_blocks(space.layout());
  if (at.value >= most) return Error{EFBIG, "the file is too large", Subject::inode(file.inode)};
  Chain chain = TRY(chain_of(space.layout(), file));
  CHECK(at.value == chain.count);
  if (chain.count != 0) TRY(wait_for_shrink(space, file.inode, chain));
  const BlockNo hint = chain.count != 0 ? chain.last + 1 : space.hint_for(file.inode);
  want = std::min({want, kBlocksPerExtend, most - at.value});
  const Run run = TRY(space.allocate(tx, {.want = want, .hint = hint}, file.inode));
  tx.on_drop([&chains = space.chains(), inode = file.inode, at] { chains.cut(inode, at); });
  for (std::uint64_t i = 0; i < run.length; ++i) {
    const BlockRef block = TRY(space.cache().blank(run.start + i));
    const BlockNo next = i + 1 < run.length ? run.start + i + 1 : kNoBlock;
    write_header(block.writable(), space.layout(), file, {at + i, run.start + i}, next);
    space.cache().mark_dirty(block, file.inode);
  }
  if (chain.count != 0) TRY(link_tail(space, file, chain, run.start));
  tx.order_data(file.inode);
  if (chain.count == 0) chain.first = run.start;
  chain.last = run.end() - 1;
  chain.count += run.length;
  set_chain(file, chain);
  file.blocks += run.length;
  return Extent{.at = at, .block = run.start, .length = run.length};
}

/// A run of the chain's blocks, adjacent and in order.
struct Piece {
  FileBlock at;
  Run run;
};

/// The last pieces of the chain from `from` on, at most kRunsPerCall.
Result<std::deque<Piece>> last_pieces(const MapEdit& edit, const Chain& chain, FileBlock from) {
  auto& [tx, space, file] = edit;
  ChainMark place = TRY(locate(tx, space, file, chain, from));
  std::deque<Piece> pieces{{place.file_block, {place.block, 1}}};
  while (place.file_block.value + 1 < chain.count) {
    place = TRY(step(tx, space.layout(), file, place));
    space.chains().passed(file.inode, chain.first, place);
    if (pieces.back().run.end() == place.block) {
      ++pieces.back().run.length;
      continue;
    }
    pieces.push_back({place.file_block, {place.block, 1}});
    if (pieces.size() > kRunsPerCall) pieces.pop_front();
  }
  if (place.block != chain.last) {
    return corrupt("the chain does not end with its last block", Subject::inode(file.inode));
  }
  return pieces;
}

Result<bool> LinkedMap::shrink(const MapEdit& edit, FileBlock end) const {
  auto& [tx, space, file] = edit;
  Chain chain = TRY(chain_of(space.layout(), file));
  if (end.value >= chain.count) return true;
  const std::uint64_t window =
      chain.count > kLinkedShrinkWindow ? chain.count - kLinkedShrinkWindow : 0;
  const FileBlock from{std::max(end.value, window)};
  const std::deque<Piece> pieces = TRY(last_pieces(edit, chain, from));
  const FileBlock cut = pieces.front().at;
  const BlockNo first = chain.first;
  if (cut.value == 0) {
    chain = Chain{};
  } else {
    chain.last = TRY(locate(tx, space, file, chain, cut - 1)).block;
    chain.count = cut.value;
  }
  if (cut.value != 0 && first == pieces.front().run.start) {
    return corrupt("the chain goes in a circle", Subject::inode(file.inode));
  }
  for (const Piece& piece : pieces) TRY(free_blocks(edit, piece.run));
  space.chains().cut(file.inode, cut);
  ChainMemory& memory = space.chains();
  memory.shrinking(first);
  tx.on_commit([&memory, first](EpochNo e) { memory.shrink_ended(first, e); });
  tx.on_drop([&memory, first] { memory.shrink_ended(first, std::nullopt); });
  set_chain(file, chain);
  return cut <= end;
}

Result<> LinkedMap::walk(const WalkContext& context, const MapFile& file,
                         const MapVisitor& visitor) const {
  const Chain chain = TRY(chain_of(context.layout, file));
  if (chain.count == 0) return {};
  // Each header says its own place in the file, so no chain can go in a circle.
  ChainMark place{FileBlock{0}, chain.first};
  Extent piece{.at = FileBlock{0}, .block = chain.first, .length = 1};
  while (place.file_block.value + 1 < chain.count) {
    place = TRY(step(context.reader, context.layout, file, place));
    if (piece.block + piece.length == place.block) {
      ++piece.length;
      continue;
    }
    TRY(visitor.data(piece));
    piece = {.at = place.file_block, .block = place.block, .length = 1};
  }
  const BlockView tail = TRY(context.reader.read_data(place.block));
  TRY(check_header(tail.bytes, context.layout, file, place));
  if (place.block != chain.last) {
    return corrupt("the chain does not end with its last block", Subject::inode(file.inode));
  }
  return visitor.data(piece);
}

std::vector<RootField> LinkedMap::root_fields(std::span<const std::byte> root) const {
  const auto& fields = format::at<format::LinkedRoot>(root, 0);
  return {{"first", fields.first}, {"last", fields.last}, {"count", fields.count}};
}

std::optional<Run> LinkedMap::move_first_run(std::span<std::byte> root, BlockNo block) const {
  format::at<format::LinkedRoot>(root, 0).first = block.value;
  return Run{block, 1};
}

const LinkedMap kLinkedMap;

}  // namespace

const FileMap& linked_map() {
  return kLinkedMap;
}

}  // namespace spindle
