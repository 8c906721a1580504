#include "chain_memory.h"

#include <algorithm>

namespace spindle {

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
  const auto after = std::upper_bound(
      chain->marks.begin(), chain->marks.end(), at,
      [](FileBlock value, const ChainMark& mark) { return value < mark.file_block; });
  if (after != chain->marks.begin()) best = *(after - 1);
  if (chain->last && chain->last->file_block <= at &&
      (!best || best->file_block < chain->last->file_block)) {
    best = chain->last;
  }
  return best;
}

ChainMemory::Chain& ChainMemory::of(InodeNo inode, BlockNo first) {
  if (Chain* chain = find(inode, first)) return *chain;
  if (by_use_.size() == kMaxChains) drop(by_use_.back().inode);
  by_use_.push_front({.inode = inode, .first = first, .stride = 1, .marks = {}, .last = {}});
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

void ChainMemory::cut(InodeNo inode, FileBlock at) {
  const auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return;
  Chain& chain = *found->second;
  std::erase_if(chain.marks, [at](const ChainMark& mark) { return mark.file_block >= at; });
  if (chain.last && chain.last->file_block >= at) chain.last.reset();
}

void ChainMemory::shrink_ended(InodeNo inode, std::optional<EpochNo> committed) {
  Shrink& shrink = shrinks_[inode];
  shrink.uncommitted -= 1;
  if (committed) shrink.epoch = std::max(shrink.epoch, *committed);
  if (shrink.uncommitted == 0 && shrink.epoch == EpochNo{}) shrinks_.erase(inode);
}

ChainMemory::Shrink ChainMemory::shrink_of(InodeNo inode) const {
  const auto found = shrinks_.find(inode);
  return found == shrinks_.end() ? Shrink{} : found->second;
}

void ChainMemory::durable(EpochNo epoch) {
  std::erase_if(shrinks_, [epoch](const auto& entry) {
    return entry.second.uncommitted == 0 && entry.second.epoch <= epoch;
  });
}

}  // namespace spindle
