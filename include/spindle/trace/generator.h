// PageGenerator: strings of page references, made up by a rule and a seed.
//
//   PageGenerator generator({.kind = PageRecipe::Kind::kZipf, .pages = 1'000'000, .skew = 0.9});
//   PageKey page = generator.next();
//
// uniform      every page as often as any other
// zipf         page i (from 0 on) with a probability that goes with 1 / (i + 1)^skew
// sequential   0, 1, 2 ... once through all pages, and again
// loop         0 .. loop-1 again and again: what LRU fails at when the loop is a page too long
// phases       uniform among `loop` pages, other pages every `phase` references: a working set that
//              moves
//
// The same recipe gives the same string on every machine. A zipf generator holds 12 bytes a page.
#pragma once

#include <cstdint>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

struct PageRecipe {
  enum class Kind : std::uint8_t { kUniform, kZipf, kSequential, kLoop, kPhases };
  Kind kind = Kind::kUniform;
  std::uint64_t count = 20;
  std::uint64_t pages = 8;  ///< at least 1
  std::uint64_t seed = 1;
  double skew = 1;
  std::uint64_t loop = 4;    ///< pages of a loop or of a phase; 1 to `pages`
  std::uint64_t phase = 10;  ///< references of a phase; at least 1
};

class PageGenerator {
 public:
  explicit PageGenerator(const PageRecipe& recipe);
  /// Never ends; the caller heeds `count`.
  PageKey next();

 private:
  void make_zipf();

  PageRecipe recipe_;
  Random random_;
  std::uint64_t done_ = 0;
  PageKey phase_start_ = 0;
  // Walker's alias method (1977), as Vose builds it (1991): a page that is drawn is taken with its
  // chance, and otherwise its alias.
  std::vector<double> chances_;
  std::vector<std::uint32_t> aliases_;
};

}  // namespace spindle
