// PageMemory: frames under one replacement policy, and which page is in which frame: the memory to
// which a trace is replayed, at full speed.
//
//   PageMemory memory(TRY(make_replacement_policy("sieve", 1000)), 1000);
//   memory.refer(pages, bound);   // as often as there are pages
//   memory.misses();
//
// Pages have small numbers, since a table by page says where each of them is. The policies are
// those that serve the mount and the solver. Each built-in one has a loop over the references of
// its own, in which its functions are inlined (src/policy/run_policy.h); a loaded one is called for
// each reference.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "spindle/base/zero_table.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

using PageNumber = std::uint32_t;

/// What a memory knows of its frames and pages.
struct FrameTable {
  explicit FrameTable(std::size_t frames) : page_in(frames) {}

  ZeroTable<std::uint32_t> frame_of;  ///< each page's frame, + 1; 0: it is not in memory
  std::vector<PageNumber> page_in;    ///< the page in each frame
  std::size_t used = 0;               ///< frames in which there is a page: the first ones
  std::uint64_t misses = 0;
};

class RunPolicy;

class PageMemory {
 public:
  /// The policy was made for so many frames.
  PageMemory(std::unique_ptr<ReplacementPolicy> policy, std::size_t frames);

  /// Refers to one page after the other. All of them are lower than `bound`.
  void refer(std::span<const PageNumber> pages, std::size_t bound);
  [[nodiscard]] std::uint64_t misses() const { return table_.misses; }

 private:
  std::unique_ptr<ReplacementPolicy> policy_;
  RunPolicy* own_loop_;  ///< the policy, if it has one
  FrameTable table_;
};

}  // namespace spindle
