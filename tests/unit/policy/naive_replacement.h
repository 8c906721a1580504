// A second implementation of the replacement algorithms, with which the real ones are compared:
// each as its paper or textbook states it, on plain vectors of keys, without regard to speed.
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
  /// Every frame is in use and `incoming` needs one: evicts a page, and returns it.
  virtual PageKey evict(PageKey incoming) = 0;
  /// A page that is not resident comes into that frame.
  virtual void load(PageKey key, std::size_t frame) = 0;
  /// A resident page is dropped without having been chosen.
  virtual void drop(PageKey key, std::size_t frame) = 0;
};

std::unique_ptr<NaiveReplacement> make_naive_replacement(std::string_view name,
                                                         std::size_t capacity,
                                                         const ReplacementConventions& conventions);

/// Makes those that use reference bits, and random replacement; null for other names.
std::unique_ptr<NaiveReplacement> make_naive_by_bits(std::string_view name, std::size_t capacity,
                                                     const ReplacementConventions& conventions);

}  // namespace spindle
