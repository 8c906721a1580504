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
  const auto at = owners_.find(owner);
  return at == owners_.end() ? 0 : at->second.logged;
}

// Looks only at blocks that the cache reports as changed: the cost of an fsync must not grow with
// all that was logged before it.
std::vector<BlockRef> LoggedData::changed(InodeNo owner) {
  for (BlockNo block : cache_.take_changed_logged()) {
    const auto at = blocks_.find(block);
    if (at != blocks_.end()) owners_[at->second.owner].touched.insert(block);
  }
  std::vector<BlockRef> result;
  const auto of_owner = owners_.find(owner);
  if (of_owner == owners_.end()) return result;
  for (BlockNo block : of_owner->second.touched) {
    // A block that is not in memory was forgotten when it was freed.
    BlockRef frame = cache_.peek(block);
    if (frame && blocks_.at(block).hash != hash_of(frame)) result.push_back(std::move(frame));
  }
  return result;
}

bool LoggedData::any_changed(InodeNo owner) {
  return !changed(owner).empty();
}

bool LoggedData::holds_all_dirty(InodeNo owner) const {
  if (cache_.dirty_count(owner) > count(owner)) return false;
  return std::ranges::all_of(cache_.unlogged_dirty_blocks(owner),
                             [this](const BlockRef& dirty) { return contains(dirty.block()); });
}

EpochNo LoggedData::last_epoch(InodeNo owner) const {
  const auto at = owners_.find(owner);
  return at == owners_.end() ? EpochNo{} : at->second.last_epoch;
}

void LoggedData::add(const BlockRef& block, InodeNo owner, EpochNo epoch) {
  if (const auto before = blocks_.find(block.block()); before != blocks_.end()) leave_owner(before);
  blocks_[block.block()] = {owner, epoch, hash_of(block)};
  Owner& of = owners_[owner];
  ++of.logged;
  of.last_epoch = std::max(of.last_epoch, epoch);
  cache_.set_logged(block, true);
}

void LoggedData::leave_owner(Blocks::iterator at) {
  const auto of = owners_.find(at->second.owner);
  of->second.touched.erase(at->first);
  if (--of->second.logged == 0) owners_.erase(of);
}

LoggedData::Blocks::iterator LoggedData::drop(Blocks::iterator at) {
  if (BlockRef frame = cache_.peek(at->first)) cache_.set_logged(frame, false);
  leave_owner(at);
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
}

}  // namespace spindle
