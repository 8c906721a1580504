// The replacement algorithms a second time, each as its paper or textbook states it, on plain
// vectors of keys, with no thought of speed: what the real ones are compared with.
#pragma once

#include <memory>
#include <string_view>

#include "spindle/policy/replacement_policy.h"

namespace spindle {

class NaiveReplacement {
 public:
  virtual ~NaiveReplacement() = default;
  /// A resident page is used.
  virtual void touch(PageKey key) = 0;
  /// Every frame is in use and `incoming` needs one: which page goes? It is gone then.
  virtual PageKey evict(PageKey incoming) = 0;
  /// A page that is not resident comes into that frame.
  virtual void load(PageKey key, std::size_t frame) = 0;
  /// A resident page goes without having been chosen.
  virtual void drop(PageKey key, std::size_t frame) = 0;
};

std::unique_ptr<NaiveReplacement> make_naive_replacement(std::string_view name,
                                                         std::size_t capacity,
                                                         const ReplacementConventions& conventions);

/// Those that go by reference bits, and random replacement; nothing for another name.
std::unique_ptr<NaiveReplacement> make_naive_by_bits(std::string_view name, std::size_t capacity,
                                                     const ReplacementConventions& conventions);

}  // namespace spindle
