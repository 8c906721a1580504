#include "journal/logged_data.h"

#include <algorithm>

#include "journal/erase_run.h"
#include "spindle/base/checksum.h"

namespace spindle {
namespace {

std::uint64_t hash_of(const BlockRef& block) {
  return checksum(block.bytes(), 0);
}

}  // namespace

std::size_t LoggedData::count(InodeNo owner) const {
  const auto at = by_owner_.find(owner);
  return at == by_owner_.end() ? 0 : at->second.size();
}

std::vector<BlockRef> LoggedData::changed(InodeNo owner) const {
  std::vector<BlockRef> result;
  const auto of_owner = by_owner_.find(owner);
  if (of_owner == by_owner_.end()) return result;
  for (BlockNo block : of_owner->second) {
    const auto at = blocks_.find(block);
    if (at == blocks_.end() || at->second.owner != owner) continue;
    // One that is not in memory was forgotten: it is freed.
    BlockRef frame = cache_.peek(block);
    if (frame && at->second.hash != hash_of(frame)) result.push_back(std::move(frame));
  }
  return result;
}

bool LoggedData::any_changed(InodeNo owner) const {
  return !changed(owner).empty();
}

bool LoggedData::holds_all_dirty(InodeNo owner) const {
  if (cache_.dirty_count(owner) > count(owner)) return false;
  for (const BlockRef& dirty : cache_.dirty_blocks(owner)) {
    if (!contains(dirty.block())) return false;
  }
  return true;
}

EpochNo LoggedData::last_epoch(InodeNo owner) const {
  EpochNo last;
  const auto of_owner = by_owner_.find(owner);
  if (of_owner == by_owner_.end()) return last;
  for (BlockNo block : of_owner->second) {
    const auto at = blocks_.find(block);
    if (at != blocks_.end() && at->second.owner == owner) last = std::max(last, at->second.epoch);
  }
  return last;
}

void LoggedData::add(const BlockRef& block, InodeNo owner, EpochNo epoch) {
  Logged& logged = blocks_[block.block()];
  if (logged.owner != owner) by_owner_[owner].push_back(block.block());
  logged = {owner, epoch, hash_of(block)};
  cache_.set_logged(block, true);
}

LoggedData::Blocks::iterator LoggedData::drop(Blocks::iterator at) {
  if (BlockRef frame = cache_.peek(at->first)) cache_.set_logged(frame, false);
  return blocks_.erase(at);
}

void LoggedData::erase(Run run) {
  erase_run(blocks_, run, [this](auto at) { return drop(at); });
}

std::vector<BlockNo> LoggedData::up_to(EpochNo limit) const {
  std::vector<BlockNo> result;
  for (const auto& [block, logged] : blocks_) {
    if (logged.epoch <= limit) result.push_back(block);
  }
  return result;
}

void LoggedData::drop(EpochNo limit) {
  for (auto at = blocks_.begin(); at != blocks_.end();) {
    at = at->second.epoch <= limit ? drop(at) : std::next(at);
  }
  by_owner_.clear();
  for (const auto& [block, logged] : blocks_) by_owner_[logged.owner].push_back(block);
}

}  // namespace spindle
