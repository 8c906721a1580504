// What the tests of the thread library share: running a body inside a runtime, and a policy that
// shuffles.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle::thread {

/// Chooses among the ready threads by a seeded draw: every interleaving at the points where threads
/// switch can come up.
class ShufflePolicy : public CpuPolicy {
 public:
  explicit ShufflePolicy(std::uint64_t seed) : random_(seed) {}
  std::string_view name() const override { return "shuffle"; }
  void ready(TaskId task, const TaskInfo&, Why) override { ready_.push_back(task); }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    std::swap(ready_[random_.below(ready_.size())], ready_.back());
    const TaskId task = ready_.back();
    ready_.pop_back();
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  void removed(TaskId task) override { std::erase(ready_, task); }

 private:
  Random random_;
  std::vector<TaskId> ready_;
};

inline std::unique_ptr<Runtime> make_runtime() {
  return Runtime::create().take();
}

inline std::unique_ptr<Runtime> make_shuffled_runtime(std::uint64_t seed) {
  Runtime::Options options;
  options.custom_policy = std::make_unique<ShufflePolicy>(seed);
  return Runtime::create(std::move(options)).take();
}

/// Options with which reports of deadlocks are kept, not logged.
inline std::unique_ptr<Runtime> make_reporting_runtime(
    std::vector<std::string>& reports, std::unique_ptr<CpuPolicy> policy = nullptr) {
  Runtime::Options options;
  options.custom_policy = std::move(policy);
  options.on_deadlock = [&reports](std::string_view report) { reports.emplace_back(report); };
  return Runtime::create(std::move(options)).take();
}

inline bool says(const std::string& report, std::string_view what) {
  return report.find(what) != std::string::npos;
}

/// Runs the body as the main thread; the run must end well.
inline void run(const std::function<void()>& body) {
  auto runtime = make_runtime();
  const Result<> result = runtime->run(body);
  ASSERT_TRUE(result.ok()) << result.error().describe();
}

inline constexpr std::uint64_t kSeeds = 40;

/// Runs the body under many orders of switching.
inline void run_shuffled(const std::function<void(std::uint64_t seed)>& body) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    auto runtime = make_shuffled_runtime(seed);
    const Result<> result = runtime->run([&] { body(seed); });
    ASSERT_TRUE(result.ok()) << result.error().describe();
  }
}

/// Starts `count` threads that run `body(index)` and joins them.
inline void in_parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::vector<Thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.push_back(spawn("worker " + std::to_string(i), [&body, i] { body(i); }));
  }
  for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
}

/// Yields up to `most` times.
inline void yield_some(Random& random, std::uint64_t most = 3) {
  for (std::uint64_t left = random.below(most + 1); left > 0; --left) yield();
}

}  // namespace spindle::thread
