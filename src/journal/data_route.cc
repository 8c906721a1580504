#include "journal/data_route.h"

#include <algorithm>
#include <iterator>

#include "spindle/format/log.h"

namespace spindle {

std::size_t DataRoute::block_bytes() const {
  return sizeof(format::LogRecord) + layout_.block_size;
}

std::size_t DataRoute::unlogged_bytes(InodeNo owner) const {
  // Blocks that the log has already are dirty as well, until a checkpoint.
  const std::size_t dirty = cache_.dirty_count(owner);
  return (dirty - std::min(dirty, logged_.count(owner))) * layout_.block_size;
}

bool DataRoute::goes_by_log(InodeNo inode, bool may_add) {
  if (logged_.any_changed(inode)) return true;
  const std::size_t unlogged = unlogged_bytes(inode);
  if (unlogged == 0) return false;
  if (options_.data_in_log) return true;
  return may_add &&
         unlogged <= std::min(options_.small_overwrite_bytes, space_.capacity_bytes() / 64);
}

bool DataRoute::is_small(std::span<const InodeNo> owners) const {
  std::size_t bytes = 0;
  for (InodeNo owner : owners) bytes += unlogged_bytes(owner);
  return bytes <= options_.small_data_bytes;
}

// Plans to log what of the owner's dirty data the log does not have yet; false if it cannot be.
bool DataRoute::plan_small(InodeNo owner, std::size_t& room, DataPlan& plan) const {
  std::vector<DataPlan::Block> blocks;
  for (BlockRef& frame : cache_.unlogged_dirty_blocks(owner)) {
    if (logged_.contains(frame.block())) continue;
    if (!layout_.is_data(frame.block()) || (blocks.size() + 1) * block_bytes() > room) return false;
    blocks.push_back({std::move(frame), owner});
  }
  room -= blocks.size() * block_bytes();
  std::ranges::move(blocks, std::back_inserter(plan.log));
  return true;
}

std::size_t DataRoute::required_blocks(std::span<const InodeNo> owners) {
  std::size_t blocks = 0;
  for (InodeNo owner : owners) blocks += logged_.changed(owner).size();
  return blocks;
}

DataPlan DataRoute::plan(std::span<const InodeNo> owners, std::size_t epoch_bytes) {
  DataPlan plan;
  for (InodeNo owner : owners) {
    for (BlockRef& frame : logged_.changed(owner)) plan.log.push_back({std::move(frame), owner});
  }
  const std::size_t must = epoch_bytes + plan.log.size() * block_bytes();
  const std::size_t most = space_.largest_entry();
  std::size_t room = most > must ? most - must : 0;
  // Data must not crowd out what the log is for.
  if (!options_.data_in_log) room = std::min<std::size_t>(room, space_.capacity_bytes() / 4);
  const bool by_log = options_.data_in_log || is_small(owners);
  for (InodeNo owner : owners) {
    if (cache_.dirty_count(owner) == 0) continue;
    if (!by_log || !plan_small(owner, room, plan)) plan.flush.push_back(owner);
  }
  return plan;
}

}  // namespace spindle
