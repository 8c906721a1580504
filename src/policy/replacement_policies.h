// The replacement policies' table of contents: a policy is one factory, defined in its family's
// file, and one line here.
#pragma once

#include <memory>

#include "spindle/policy/replacement_policy.h"

#define SPINDLE_REPLACEMENT_POLICIES(X)    \
  X("lru", make_lru)                       \
  X("fifo", make_fifo)                     \
  X("clock", make_clock)                   \
  X("lfu", make_lfu)                       \
  X("2q", make_two_queue)                  \
  X("arc", make_arc)                       \
  X("sieve", make_sieve)                   \
  X("s3-fifo", make_s3_fifo)               \
  X("mru", make_mru)                       \
  X("mfu", make_mfu)                       \
  X("second-chance", make_second_chance)   \
  X("nru", make_nru)                       \
  X("enhanced-clock", make_enhanced_clock) \
  X("aging", make_aging)                   \
  X("wsclock", make_wsclock)               \
  X("random", make_random_replacement)

namespace spindle {

#define SPINDLE_DECLARE(NAME, FACTORY)                             \
  std::unique_ptr<ReplacementPolicy> FACTORY(std::size_t capacity, \
                                             const ReplacementConventions& conventions);
SPINDLE_REPLACEMENT_POLICIES(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

}  // namespace spindle
