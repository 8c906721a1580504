#include "chain_memory.h"

#include <algorithm>

namespace spindle {
namespace {

/// The first of the marks that is after the place.
template <class Marks>
auto first_after(Marks& marks, FileBlock at) {
  return std::upper_bound(
      marks.begin(), marks.end(), at,
      [](FileBlock value, const ChainMark& mark) { return value < mark.file_block; });
}

}  // namespace

ChainMemory::Chain* ChainMemory::find(InodeNo inode, BlockNo first) {
  const auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return nullptr;
  if (found->second->first != first) {
    drop(inode);
    return nullptr;
  }
  return &*found->second;
}

void ChainMemory::drop(InodeNo inode) {
  const auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return;
  by_use_.erase(found->second);
  by_inode_.erase(found);
}

std::optional<ChainMark> ChainMemory::before(InodeNo inode, BlockNo first, FileBlock at) {
  Chain* chain = find(inode, first);
  if (chain == nullptr) return std::nullopt;
  std::optional<ChainMark> best;
  const auto offer = [&best](const ChainMark& mark) {
    if (!best || best->file_block < mark.file_block) best = mark;
  };
  for (const auto* marks : {&chain->marks, &chain->close_marks})
    if (const auto after = first_after(*marks, at); after != marks->begin()) offer(*(after - 1));
  if (chain->last && chain->last->file_block <= at) offer(*chain->last);
  return best;
}

ChainMemory::Chain& ChainMemory::of(InodeNo inode, BlockNo first) {
  if (Chain* chain = find(inode, first)) return *chain;
  if (by_use_.size() == kMaxChains) drop(by_use_.back().inode);
  by_use_.push_front(
      {.inode = inode, .first = first, .stride = 1, .marks = {}, .close_marks = {}, .last = {}});
  by_inode_[inode] = by_use_.begin();
  return by_use_.front();
}

void ChainMemory::ended(InodeNo inode, BlockNo first, ChainMark mark) {
  Chain& chain = of(inode, first);
  chain.last = mark;
  by_use_.splice(by_use_.begin(), by_use_, by_inode_[inode]);
  note(chain, mark);
}

void ChainMemory::note(Chain& chain, ChainMark mark) {
  note_close(chain, mark);
  const bool beyond =
      chain.marks.empty() || chain.marks.back().file_block + chain.stride <= mark.file_block;
  if (!beyond) return;
  if (chain.marks.size() == kMaxMarks) {
    // Every second mark goes, so that those that stay are spread over all of the chain.
    for (std::size_t i = 0; i < kMaxMarks / 2; ++i) chain.marks[i] = chain.marks[2 * i];
    chain.marks.resize(kMaxMarks / 2);
    chain.stride *= 2;
    if (mark.file_block < chain.marks.back().file_block + chain.stride) return;
  }
  chain.marks.push_back(mark);
}

void ChainMemory::note_close(Chain& chain, ChainMark mark) {
  const std::uint64_t apart = std::max<std::uint64_t>(1, chain.stride / kMaxMarks);
  std::vector<ChainMark>& marks = chain.close_marks;
  auto after = marks.empty() || marks.back().file_block <= mark.file_block
                   ? marks.end()
                   : first_after(marks, mark.file_block);
  if (after != marks.begin() && mark.file_block < (after - 1)->file_block + apart) return;
  if (after != marks.end() && after->file_block < mark.file_block + apart) return;
  if (marks.size() == kMaxMarks) {
    // The half that is farther from this walk goes.
    const bool is_behind = after - marks.begin() > std::ptrdiff_t{kMaxMarks / 2};
    const auto half = marks.begin() + kMaxMarks / 2;
    is_behind ? marks.erase(marks.begin(), half) : marks.erase(half, marks.end());
    after = first_after(marks, mark.file_block);
  }
  marks.insert(after, mark);
}

void ChainMemory::cut(InodeNo inode, FileBlock at) {
  const auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return;
  Chain& chain = *found->second;
  for (auto* marks : {&chain.marks, &chain.close_marks})
    marks->erase(std::ranges::lower_bound(*marks, at, {}, &ChainMark::file_block), marks->end());
  if (chain.last && chain.last->file_block >= at) chain.last.reset();
}

void ChainMemory::shrink_ended(BlockNo first, std::optional<EpochNo> committed) {
  Shrink& shrink = shrinks_[first];
  shrink.uncommitted -= 1;
  if (committed) shrink.epoch = std::max(shrink.epoch, *committed);
  if (shrink.uncommitted == 0 && shrink.epoch == EpochNo{}) shrinks_.erase(first);
}

ChainMemory::Shrink ChainMemory::shrink_of(BlockNo first) const {
  const auto found = shrinks_.find(first);
  return found == shrinks_.end() ? Shrink{} : found->second;
}

void ChainMemory::durable(EpochNo epoch) {
  std::erase_if(shrinks_, [epoch](const auto& entry) {
    return entry.second.uncommitted == 0 && entry.second.epoch <= epoch;
  });
}

}  // namespace spindle
