#include "journal/held_blocks.h"

#include <algorithm>
#include <cstring>

#include "journal/erase_run.h"
#include "spindle/base/check.h"

namespace spindle {

void HeldBlocks::freeze(HeldBlock& held) const {
  if (!held.frozen) held.frozen = std::make_unique_for_overwrite<std::byte[]>(block_size_);
  std::memcpy(held.frozen.get(), held.frame.bytes().data(), block_size_);
  held.frozen_epoch = held.changed;
}

std::pair<HeldBlock*, bool> HeldBlocks::touch(const BlockRef& frame, EpochNo open) {
  const auto [at, added] = blocks_.try_emplace(frame.block());
  HeldBlock& held = at->second;
  if (added) {
    held.frame = frame;
    cache_.set_held(frame, true);
    held.first = held.changed = open;
    return {&held, true};
  }
  CHECK(held.frame.bytes().data() == frame.bytes().data());
  if (held.changed == open) return {&held, false};
  freeze(held);
  held.changed = open;
  if (held.written && !held.next_change) held.next_change = open;
  return {&held, true};
}

void HeldBlocks::erase(Run run, EpochNo freed) {
  erase_run(blocks_, run, [&](auto at) {
    // A freed block must not be used again before the freeing is durable.
    CHECK(at->second.changed <= freed);
    cache_.set_held(at->second.frame, false);
    return blocks_.erase(at);
  });
}

std::vector<BlockNo> HeldBlocks::up_to(EpochNo limit) const {
  std::vector<BlockNo> result;
  result.reserve(blocks_.size());
  for (const auto& [block, held] : blocks_) {
    if (held.first <= limit) result.push_back(block);
  }
  std::ranges::sort(result);
  return result;
}

std::span<const std::byte> HeldBlocks::begin_write(BlockNo block, EpochNo limit, EpochNo durable) {
  const auto at = blocks_.find(block);
  if (at == blocks_.end() || at->second.first > limit) return {};
  HeldBlock& held = at->second;
  if (held.changed <= durable) {
    held.written = held.changed;
    held.next_change = EpochNo{};
    return held.frame.bytes();
  }
  // Only what the log has made durable may be written home.
  CHECK(held.frozen && held.frozen_epoch <= durable);
  held.written = held.frozen_epoch;
  held.next_change = held.changed;
  return {held.frozen.get(), block_size_};
}

void HeldBlocks::finish_write(BlockNo block) {
  const auto at = blocks_.find(block);
  if (at == blocks_.end() || !at->second.written) return;
  HeldBlock& held = at->second;
  if (!held.next_change) {
    cache_.set_held(held.frame, false);
    blocks_.erase(at);
    return;
  }
  held.first = held.next_change;
  if (held.frozen_epoch == held.written) held.frozen.reset();
  held.written = held.next_change = EpochNo{};
}

}  // namespace spindle
