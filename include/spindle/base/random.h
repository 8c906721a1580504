// A small, fast, seeded generator: the same seed gives the same numbers on every machine.
//
// xoshiro256** 1.0 (Blackman and Vigna, 2018), seeded by splitmix64. Not for secrets. It satisfies
// UniformRandomBitGenerator; use `below` rather than std::uniform_int_distribution, whose results
// differ between standard libraries and would make a replayed seed tell another story.
#pragma once

#include <array>
#include <cstdint>

namespace spindle {

class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed);

  std::uint64_t operator()();
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  /// Uniform in [0, bound), without bias (Lemire 2019). `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  /// True once in `n` times.
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace spindle
