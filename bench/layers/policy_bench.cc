// How many references per second each replacement policy follows, on one stream: 16,384 frames, and
// 131,072 pages of which few are used often (a page's number is the cube of a uniform draw, so that
// half of all references go to an eighth of the pages).

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/fit_policy.h"
#include "spindle/policy/replacement_policy.h"
#include "spindle/policy/run_set.h"

namespace spindle::bench {
namespace {

constexpr std::size_t kFrames = 16384;
constexpr std::uint64_t kPages = 131072;
constexpr std::size_t kReferences = 1 << 20;
constexpr std::size_t kBatch = 1024;  // references between two looks at the clock

const std::vector<PageKey>& references() {
  static const std::vector<PageKey> made = [] {
    std::vector<PageKey> keys(kReferences);
    Random random(1);
    for (PageKey& key : keys) {
      const double draw = random.unit();
      key = static_cast<PageKey>(draw * draw * draw * static_cast<double>(kPages));
    }
    return keys;
  }();
  return made;
}

// An owner of frames that does nothing but tell the policy.
class Frames {
 public:
  explicit Frames(std::string_view policy)
      : policy_(make_replacement_policy(policy, kFrames).take()),
        frame_of_(kPages, kNone),
        page_of_(kFrames) {}

  void refer(PageKey key) {
    if (frame_of_[key] != kNone) return policy_->touched(FrameNo{frame_of_[key]});
    ++misses_;
    FrameNo frame{used_};
    if (used_ < kFrames) {
      ++used_;
    } else {
      frame = *policy_->victim({}, key);
      policy_->erased(frame);
      frame_of_[page_of_[frame.value]] = kNone;
    }
    page_of_[frame.value] = key;
    frame_of_[key] = static_cast<std::uint32_t>(frame.value);
    policy_->inserted(frame, key);
  }
  [[nodiscard]] std::uint64_t misses() const { return misses_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<std::uint32_t> frame_of_;
  std::vector<PageKey> page_of_;
  std::uint64_t used_ = 0;
  std::uint64_t misses_ = 0;
};

void follow(benchmark::State& state, std::string_view policy) {
  const std::vector<PageKey>& keys = references();
  Frames frames(policy);
  for (std::size_t i = 0; i < kFrames * 8; ++i) frames.refer(keys[i]);  // until it is full
  const std::uint64_t misses_before = frames.misses();
  std::size_t at = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) frames.refer(keys[at++ % kReferences]);
  }
  const auto count = static_cast<std::int64_t>(state.iterations() * kBatch);
  state.SetItemsProcessed(count);
  state.counters["miss_share"] =
      static_cast<double>(frames.misses() - misses_before) / static_cast<double>(count);
}

// 50,000 free runs of 1 to 64 blocks.
RunSet scattered_runs() {
  RunSet free;
  Random random(2);
  BlockNo at{1};
  for (int i = 0; i < 50000; ++i) {
    const std::uint64_t length = 1 + random.below(64);
    CHECK(free.add({at, length}));
    at += length + 1 + random.below(64);
  }
  return free;
}

void take_and_give_back(benchmark::State& state, std::string_view name) {
  const auto policy = make_fit_policy(name).take();
  RunSet free = scattered_runs();
  Random random(3);
  for (auto _ : state) {
    const auto run = policy->choose(
        free, {.want = 1 + random.below(16), .hint = BlockNo{random.below(3'000'000)}});
    CHECK(run && free.remove(*run) && free.add(*run));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const std::string_view name : replacement_policy_names()) {
    benchmark::RegisterBenchmark(("policy/1024_references/" + std::string(name)).c_str(), follow,
                                 name);
  }
  for (const std::string_view name : fit_policy_names()) {
    benchmark::RegisterBenchmark(("policy/fit/" + std::string(name)).c_str(), take_and_give_back,
                                 name);
  }
  return true;
}();

}  // namespace
}  // namespace spindle::bench
