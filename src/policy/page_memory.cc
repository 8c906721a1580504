#include "spindle/policy/page_memory.h"

#include <algorithm>
#include <utility>

#include "run_policy.h"

namespace spindle {

PageMemory::PageMemory(std::unique_ptr<ReplacementPolicy> policy, std::size_t frames)
    : policy_(std::move(policy)),
      own_loop_(dynamic_cast<RunPolicy*>(policy_.get())),
      table_(frames) {}

void PageMemory::refer(std::span<const PageNumber> pages, std::size_t bound) {
  if (bound > table_.frame_of.size())
    table_.frame_of.grow(std::max(bound, 2 * table_.frame_of.size()));
  if (own_loop_ != nullptr)
    own_loop_->refer(table_, pages);
  else
    refer_to(*policy_, table_, pages);
}

}  // namespace spindle
