// PageReplay: a stream of references through several replacement policies and sizes of memory at
// once; the curve of LRU's misses over all sizes beside them.
//
//   PageReplay replay({.policies = {"sieve", "opt"}, .frames = {1000}, .curve = true});
//   replay.refer(pages);                  // as often as there are pages
//   for (const PageReplay::Row& row : replay.finish()) ...
//
// Each reference is looked up once; then the policies have it in turn, a block of references at a
// time, so that the tables of one policy stay in the processor's caches. Memory goes with the pages
// that are different, not with the length of the trace; OPT, which must know the future, keeps the
// whole trace (24 bytes a reference, fewer than 2^32) until `finish`. The policies are those that
// serve the mount and the solver.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spindle/policy/replacement_policy.h"

namespace spindle {

class PageReplay {
 public:
  struct Plan {
    std::vector<std::string> policies;  ///< names of `replacement_policy_names`, or "opt"
    std::vector<std::size_t> frames;
    ReplacementConventions conventions = {};
    bool curve = false;
  };
  struct Row {
    std::string policy;
    std::size_t frames = 0;
    std::uint64_t references = 0;
    std::uint64_t misses = 0;
    std::int64_t cpu_ns = 0;  ///< spent on this row alone
    [[nodiscard]] double miss_ratio() const {
      return references == 0 ? 0 : static_cast<double>(misses) / static_cast<double>(references);
    }
  };
  /// How many misses an LRU memory of so many frames has.
  struct CurvePoint {
    std::size_t frames = 0;
    std::uint64_t misses = 0;
  };

  /// EINVAL for a policy or a number of frames that `make_replacement_policy` refuses.
  static Result<PageReplay> make(const Plan& plan);
  PageReplay(PageReplay&&) noexcept;
  ~PageReplay();

  void refer(std::span<const PageKey> pages);
  /// A row for each policy and each size, in the order of the plan. To be called once, at the end.
  std::vector<Row> finish();
  /// The curve at every size at which it changes, from 1 to the last that matters; at most `most`
  /// points.
  [[nodiscard]] std::vector<CurvePoint> curve(std::size_t most) const;
  [[nodiscard]] std::uint64_t references() const;
  [[nodiscard]] std::uint64_t different_pages() const;

 private:
  struct State;
  explicit PageReplay(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace spindle
