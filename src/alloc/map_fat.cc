// fat: a chain whose links stand in a table, with holes between the blocks.
//
// A link can skip kFatMaxSkip file blocks. Where a hole is longer, blocks of zeros (anchors) are
// put into it.

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "fat_chain.h"
#include "file_maps.h"

namespace spindle {
namespace {

using format::kFatEnd;
using format::kFatMaxSkip;

/// Links that one call changes at most.
constexpr std::uint64_t kLinksPerCall = 128;
/// How far from the end of the chain, in file blocks, shrink looks for what to free.
constexpr std::uint64_t kFatShrinkWindow = 256;

class FatMap final : public FileMap {
 public:
  [[nodiscard]] format::MapKind kind() const override { return format::MapKind::kFat; }
  [[nodiscard]] bool has_holes() const override { return true; }
  [[nodiscard]] std::uint64_t max_file_blocks(const format::Layout& layout) const override {
    return std::min(kFatFileBlocks, kMaxImageSize / layout.block_size);
  }
  [[nodiscard]] std::size_t log_bytes_per_call(const format::Layout& layout) const override;
  Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file, FileBlock at,
                      std::uint64_t max) const override;
  Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                        NewBlocks blocks) const override;
  Result<bool> shrink(const MapEdit& edit, FileBlock end) const override;
  Result<std::uint64_t> punch(const MapEdit& edit, FileBlock from,
                              std::uint64_t length) const override;
  Result<> walk(const WalkContext& context, const MapFile& file,
                const MapVisitor& visitor) const override;
  [[nodiscard]] std::vector<RootField> root_fields(std::span<const std::byte> root) const override;
  std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const override;
};

std::size_t FatMap::log_bytes_per_call(const format::Layout&) const {
  const std::size_t links = kLinksPerCall + 2 * kMaxAnchors + 2;
  return links * log_cost::kFatEntry + (kMaxAnchors + 1) * log_cost::kAllocate +
         kRunsPerCall * log_cost::kFree;
}

Result<Extent> FatMap::find(BlockReader& reader, SpaceManager& space, const MapFile& file,
                            FileBlock at, std::uint64_t max) const {
  const FatChain chain = TRY(read_fat_chain(space.layout(), file));
  const Extent endless{.at = at, .block = kNoBlock, .length = max};
  if (chain.count == 0 || at > chain.last.file_block) return endless;
  const auto hole = [&](FileBlock end) {
    return Extent{.at = at, .block = kNoBlock, .length = std::min(max, end - at)};
  };
  if (at < chain.first.file_block) return hole(chain.first.file_block);
  FatLinks links(reader, space);
  const ChainMark start = *TRY(locate_in_fat(links, space, file, chain, at));
  if (start.file_block != at) {
    const auto next = TRY(links.after(start));
    if (!next) return corrupt("a chain ends too early", Subject::block(start.block));
    return hole(next->file_block);
  }
  ChainMark last = start;
  std::uint64_t length = 1;
  for (; length < max && last.file_block < chain.last.file_block; ++length) {
    const auto next = TRY(links.after(last));
    if (!next || next->file_block != last.file_block + 1 || next->block != last.block + 1) break;
    last = *next;
  }
  space.chains().ended(file.inode, chain.first.block, last);
  return Extent{.at = at, .block = start.block, .length = length};
}

/// Changes the chain of one file in a transaction.
class FatEditor {
 public:
  FatEditor(const MapEdit& edit, FatChain& chain) : edit_(edit), chain_(chain) {}

  Result<> end_with(ChainMark last);
  Result<> link(std::optional<ChainMark> from, ChainMark to);
  Result<> link_over_gap(std::optional<ChainMark> from, ChainMark to);
  Result<> link_run(FileBlock at, Run run);
  Result<> make_zero(BlockNo block);
  Result<> unlink(std::span<const ChainMark> places);

 private:
  MapEdit edit_;
  FatChain& chain_;
};

Result<> FatEditor::end_with(ChainMark last) {
  chain_.last = last;
  return edit_.space.set_fat_entry(edit_.tx, last.block, kFatEnd);
}

// Links `from` (or the root) to `to`, which is within reach of one link.
Result<> FatEditor::link(std::optional<ChainMark> from, ChainMark to) {
  if (!from) {
    chain_.first = to;
    return {};
  }
  const std::uint64_t skip = to.file_block - from->file_block - 1;
  CHECK(skip <= kFatMaxSkip);
  return edit_.space.set_fat_entry(edit_.tx, from->block,
                                   to.block.value | skip << format::kFatNextBits);
}

// The same at any distance, by way of anchors.
Result<> FatEditor::link_over_gap(std::optional<ChainMark> from, ChainMark to) {
  while (from && to.file_block - from->file_block - 1 > kFatMaxSkip) {
    const Run run = TRY(edit_.space.allocate(edit_.tx, {.want = 1, .hint = from->block + 1}));
    TRY(make_zero(run.start));
    const ChainMark anchor{from->file_block + 1 + kFatMaxSkip, run.start};
    TRY(link(from, anchor));
    chain_.count += 1;
    edit_.file.blocks += 1;
    from = anchor;
  }
  return link(from, to);
}

// Links the blocks of a run to one another, all but the last.
Result<> FatEditor::link_run(FileBlock at, Run run) {
  for (std::uint64_t i = 0; i + 1 < run.length; ++i) {
    TRY(link(ChainMark{at + i, run.start + i}, {at + i + 1, run.start + i + 1}));
  }
  return {};
}

Result<> FatEditor::make_zero(BlockNo block) {
  edit_.space.cache().mark_dirty(TRY(edit_.space.cache().blank(block)), edit_.file.inode);
  edit_.tx.order_data(edit_.file.inode);
  return {};
}

// Frees blocks that nothing leads to any more, given in the order of the chain.
Result<> FatEditor::unlink(std::span<const ChainMark> places) {
  Run run;
  for (const ChainMark& place : places) {
    TRY(edit_.space.set_fat_entry(edit_.tx, place.block, 0));
    if (run.length != 0 && run.end() == place.block) {
      ++run.length;
      continue;
    }
    if (run.length != 0) TRY(free_blocks(edit_, run));
    run = {place.block, 1};
  }
  if (run.length != 0) TRY(free_blocks(edit_, run));
  if (chain_.count < places.size()) {
    return corrupt("the chain is longer than its root says", Subject::inode(edit_.file.inode));
  }
  chain_.count -= places.size();
  return {};
}

Result<Extent> FatMap::extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                              NewBlocks) const {
  auto& [tx, space, file] = edit;
  const std::uint64_t end = max_file_blocks(space.layout());
  if (at.value >= end) return Error{EFBIG, "the file is too large", Subject::inode(file.inode)};
  FatChain chain = TRY(read_fat_chain(space.layout(), file));
  FatLinks links(tx, space);
  const std::optional<ChainMark> before = TRY(locate_in_fat(links, space, file, chain, at));
  std::optional<ChainMark> after;
  if (!before && chain.count != 0) after = chain.first;
  if (before && before->file_block < chain.last.file_block) after = TRY(links.after(*before));
  CHECK(!before || before->file_block < at);
  if (after) want = std::min(want, after->file_block - at);
  want = std::min({want, kLinksPerCall, end - at.value});
  const BlockNo hint = before ? before->block + 1 : space.hint_for(file.inode);
  const Run run = TRY(space.allocate(tx, {.want = want, .hint = hint}, file.inode));
  tx.on_drop([&chains = space.chains(), inode = file.inode] { chains.forget(inode); });
  space.chains().cut(file.inode, at);

  FatEditor editor(edit, chain);
  const ChainMark tail{at + run.length - 1, run.end() - 1};
  TRY(editor.link_over_gap(before, {at, run.start}));
  TRY(editor.link_run(at, run));
  TRY(after ? editor.link_over_gap(tail, *after) : editor.end_with(tail));
  chain.count += run.length;
  file.blocks += run.length;
  store_fat_chain(file, chain);
  return Extent{.at = at, .block = run.start, .length = run.length};
}

/// The places of the chain after `from` (or from its start on), to the end; the last `most` of them
/// in no more than kRunsPerCall runs.
Result<std::vector<ChainMark>> last_places(FatLinks& links, const FatChain& chain,
                                           std::optional<ChainMark> from) {
  std::deque<ChainMark> places;
  CircleGuard guard;
  std::optional<ChainMark> place = from ? TRY(links.after(*from)) : chain.first;
  for (; place; place = TRY(links.after(*place))) {
    TRY(guard.passing(place->block));
    places.push_back(*place);
    if (places.size() > kLinksPerCall) places.pop_front();
  }
  if (places.empty() || places.back().block != chain.last.block) {
    return corrupt("the chain does not end with its last block", Subject::block(chain.last.block));
  }
  std::size_t first = places.size() - 1;
  for (int runs = 1; first > 0; --first) {
    if (places[first - 1].block + 1 != places[first].block && ++runs > kRunsPerCall) break;
  }
  return std::vector<ChainMark>(places.begin() + static_cast<std::ptrdiff_t>(first), places.end());
}

Result<bool> FatMap::shrink(const MapEdit& edit, FileBlock end) const {
  auto& [tx, space, file] = edit;
  FatChain chain = TRY(read_fat_chain(space.layout(), file));
  if (chain.count == 0 || chain.last.file_block < end) return true;
  FatLinks links(tx, space);
  const std::uint64_t last = chain.last.file_block.value;
  const FileBlock from{std::max(end.value, last > kFatShrinkWindow ? last - kFatShrinkWindow : 0)};
  std::optional<ChainMark> before;
  if (from.value != 0) before = TRY(locate_in_fat(links, space, file, chain, from - 1));
  const std::vector<ChainMark> places = TRY(last_places(links, chain, before));
  const FileBlock cut = places.front().file_block;
  if (cut.value != 0) before = TRY(locate_in_fat(links, space, file, chain, cut - 1));
  space.chains().cut(file.inode, cut);

  FatEditor editor(edit, chain);
  TRY(editor.unlink(places));
  if (before) {
    TRY(editor.end_with(*before));
  } else if (chain.count == 0) {
    chain = FatChain{};
  } else {
    return corrupt("the chain is shorter than its root says", Subject::inode(file.inode));
  }
  store_fat_chain(file, chain);
  return !before || before->file_block < end;
}

Result<std::uint64_t> FatMap::punch(const MapEdit& edit, FileBlock from,
                                    std::uint64_t length) const {
  auto& [tx, space, file] = edit;
  FatChain chain = TRY(read_fat_chain(space.layout(), file));
  const FileBlock end = from + std::min(length, kFatFileBlocks);
  if (chain.count == 0 || chain.last.file_block < from || length == 0) return length;
  FatLinks links(tx, space);
  std::optional<ChainMark> before;
  if (from.value != 0) before = TRY(locate_in_fat(links, space, file, chain, from - 1));
  std::optional<ChainMark> after = before ? TRY(links.after(*before)) : chain.first;
  std::vector<ChainMark> places;
  for (int runs = 0; after && after->file_block < end; after = TRY(links.after(*after))) {
    const bool adjacent = !places.empty() && places.back().block + 1 == after->block;
    if (places.size() == kLinksPerCall || (!adjacent && ++runs > kRunsPerCall)) break;
    places.push_back(*after);
  }
  const std::uint64_t done = after && after->file_block < end ? after->file_block - from : length;
  if (places.empty()) return done;

  space.chains().cut(file.inode, from);
  FatEditor editor(edit, chain);
  TRY(editor.unlink(places));
  if (after) {
    TRY(editor.link_over_gap(before, *after));
  } else if (before) {
    TRY(editor.end_with(*before));
  } else {
    chain = FatChain{};
  }
  store_fat_chain(file, chain);
  return done;
}

Result<> FatMap::walk(const WalkContext& context, const MapFile& file,
                      const MapVisitor& visitor) const {
  const FatChain chain = TRY(read_fat_chain(context.layout, file));
  if (chain.count == 0) return {};
  CircleGuard guard;
  ChainMark place = chain.first;
  Extent piece{.at = place.file_block, .block = place.block, .length = 1};
  for (std::uint64_t count = 1;; ++count) {
    if (!context.layout.is_data(place.block) || count > context.layout.block_count) {
      return corrupt("the chain goes on forever", Subject::inode(file.inode));
    }
    TRY(guard.passing(place.block));
    const std::uint64_t entry = TRY(context.fat_entry(place.block));
    const FatLink link = TRY(decode_link(context.layout, place.block, entry));
    if (!link.next) {
      TRY(visitor.data(piece));
      if (count == chain.count && place.block == chain.last.block &&
          place.file_block == chain.last.file_block) {
        return {};
      }
      return corrupt("the chain does not end with its last block", Subject::inode(file.inode));
    }
    place = {place.file_block + 1 + link.skip, link.next};
    if (place.file_block.value >= kFatFileBlocks) {
      return corrupt("a chain leads beyond the largest file", Subject::inode(file.inode));
    }
    if (link.skip == 0 && piece.block + piece.length == place.block) {
      ++piece.length;
      continue;
    }
    TRY(visitor.data(piece));
    piece = {.at = place.file_block, .block = place.block, .length = 1};
  }
}

std::vector<RootField> FatMap::root_fields(std::span<const std::byte> root) const {
  const auto& fields = format::at<format::FatRoot>(root, 0);
  return {{"first", fields.first},
          {"first_file_block", fields.first_file_block},
          {"last", fields.last},
          {"last_file_block", fields.last_file_block},
          {"count", fields.count}};
}

std::optional<Run> FatMap::move_first_run(std::span<std::byte> root, BlockNo block) const {
  format::at<format::FatRoot>(root, 0).first = block.value;
  return Run{block, 1};
}

const FatMap kFatMap;

}  // namespace

const FileMap& fat_map() {
  return kFatMap;
}

}  // namespace spindle
