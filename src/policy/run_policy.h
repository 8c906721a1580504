// RunPolicy: a policy that serves a run of references by itself, its functions inlined into the
// loop. A policy of the library is one by its base class:
//
//   class Sieve final : public InlinedPolicy<Sieve> { ... the functions of ReplacementPolicy };
//
// `refer_to` is that loop, and the only one: with a ReplacementPolicy it makes the same calls, by
// way of the virtual table.
#pragma once

#include <algorithm>

#include "spindle/base/check.h"
#include "spindle/policy/page_memory.h"

namespace spindle {

template <class Policy>
void load_page(Policy& policy, FrameTable& table, PageNumber page) {
  ++table.misses;
  std::uint64_t frame = table.used;
  if (frame == table.page_in.size()) {
    const std::optional<FrameNo> victim = policy.victim({}, page);
    CHECK(victim.has_value());
    frame = victim->value;
    policy.erased(*victim);
    table.frame_of[table.page_in[frame]] = 0;
  } else {
    ++table.used;
  }
  table.page_in[frame] = page;
  table.frame_of[page] = static_cast<std::uint32_t>(frame) + 1;
  policy.inserted(FrameNo{frame}, page);
}

template <class Policy>
void refer_to(Policy& policy, FrameTable& table, std::span<const PageNumber> pages) {
  constexpr std::size_t kAhead = 16;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    __builtin_prefetch(&table.frame_of[pages[std::min(i + kAhead, pages.size() - 1)]]);
    const std::uint32_t frame = table.frame_of[pages[i]];
    if (frame != 0)
      policy.touched(FrameNo{frame - 1});
    else
      load_page(policy, table, pages[i]);
  }
}

class RunPolicy : public ReplacementPolicy {
 public:
  virtual void refer(FrameTable& table, std::span<const PageNumber> pages) = 0;
};

template <class Policy>
class InlinedPolicy : public RunPolicy {
 public:
  void refer(FrameTable& table, std::span<const PageNumber> pages) final {
    refer_to(static_cast<Policy&>(*this), table, pages);
  }
};

}  // namespace spindle
