// The policies as threads see them: order, shares, deadlines, and the whole trace by its seed.
#include <map>
#include <set>
#include <string>

#include "spindle/thread/inspect.h"
#include "spindle/thread/semaphore.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

/// What the body writes, under the policy.
std::string order_under(std::string_view policy, const std::function<void(std::string&)>& body,
                        std::uint64_t seed = 1) {
  std::string order;
  Runtime::Options options;
  options.policy = policy;
  options.seed = seed;
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([&] { body(order); });
  EXPECT_TRUE(result.ok());
  return order;
}

// Three threads that write their letter, yield, and write it again; made with these options.
std::string three(std::string_view policy, std::array<ThreadOptions, 3> options,
                  std::uint64_t seed = 1) {
  return order_under(
      policy,
      [&](std::string& order) {
        std::vector<Thread> threads;
        for (std::size_t i = 0; i < options.size(); ++i) {
          threads.push_back(spawn(options[i], [&order, i] {
            for (int round = 0; round < 2; ++round) {
              order += static_cast<char>('a' + i);
              yield();
            }
          }));
        }
        for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
      },
      seed);
}

TEST(Policies, OrderOfScriptedScenarios) {
  EXPECT_EQ(three("fcfs", {}), "abcabc");
  EXPECT_EQ(three("rr", {}), "abcabc");
  EXPECT_EQ(three("child-first", {}), "abcabc");
  const ThreadOptions low = {.priority = 1}, middle = {.priority = 2}, high = {.priority = 3};
  EXPECT_EQ(three("priority", {low, high, middle}), "bbccaa");
  const ThreadOptions soon = {.deadline_ns = 100}, later = {.deadline_ns = 200},
                      last = {.deadline_ns = 300};
  EXPECT_EQ(three("edf", {last, soon, later}), "bbccaa");
}

TEST(Policies, TheSameSeedGivesTheSameTrace) {
  std::map<std::string, int> traces;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::string trace = three("lottery", {}, seed);
    EXPECT_EQ(three("lottery", {}, seed), trace);
    ++traces[trace];
  }
  EXPECT_GT(traces.size(), 3u) << "seeds make no difference";
}

/// The steps of threads that lose updates of a counter under some schedules: no thread waits or
/// yields while it counts.
std::string race_under(std::uint64_t seed) {
  Runtime::Options options;
  options.policy = "lottery";
  options.seed = seed;
  options.yield_at_primitives = true;
  std::string steps;
  int counter = 0;
  const Result<> result = Runtime::create(std::move(options)).take()->run([&] {
    Semaphore plenty(1000);
    const auto count = [&](char name) {
      for (int i = 0; i < 5; ++i) {
        const int seen = counter;
        plenty.acquire();
        counter = seen + 1;
        steps += name;
      }
    };
    Thread a = spawn("a", [&] { count('a'); });
    Thread b = spawn("b", [&] { count('b'); });
    EXPECT_TRUE(a.join().ok() && b.join().ok());
  });
  EXPECT_TRUE(result.ok());
  return steps + std::to_string(counter);
}

TEST(Policies, ARaceFoundByASeedIsReplayedByIt) {
  std::set<std::string> outcomes;
  std::size_t races = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::string outcome = race_under(seed);
    EXPECT_EQ(race_under(seed), outcome) << "seed " << seed;
    outcomes.insert(outcome);
    races += outcome.ends_with("10") ? 0 : 1;
  }
  EXPECT_GT(outcomes.size(), 5u) << "seeds make no difference";
  EXPECT_GT(races, 5u);
}

class NotingPolicy : public ShufflePolicy {
 public:
  explicit NotingPolicy(std::vector<TaskInfo>& created) : ShufflePolicy(1), created_(created) {}
  void ready(TaskId task, const TaskInfo& info, Why why) override {
    if (why == Why::kCreated) created_.push_back(info);
    ShufflePolicy::ready(task, info, why);
  }

 private:
  std::vector<TaskInfo>& created_;
};

// It is kept for a later policy, and not taken for that of the next thread in the same place.
TEST(Policies, AreToldWhatAThreadWasMadeWith) {
  std::vector<TaskInfo> created;
  run([&] {
    const ThreadOptions heavy = {.name = "heavy", .weight = 3000, .deadline_ns = 70};
    spawn(heavy, [] {}).join().take();
    Thread light = spawn("light", [] { yield(); });
    yield();
    Thread late = spawn(heavy, [] {});
    Runtime::current()->set_policy(std::make_unique<NotingPolicy>(created));
    EXPECT_TRUE(light.join().ok() && late.join().ok());
    spawn("last", [] {}).join().take();
    spawn(ThreadOptions{.weight = 0}, [] {}).join().take();
  });
  std::multiset<std::pair<std::uint32_t, std::int64_t>> told;
  for (const TaskInfo& info : created) told.emplace(info.weight, info.deadline.ns);
  // Of them the main thread, which is told of when it first waits.
  EXPECT_EQ(told,
            (decltype(told){
                {1, 0}, {kUsualWeight, 0}, {kUsualWeight, 0}, {kUsualWeight, 0}, {3000, 70}}));
}

TEST(Policies, YieldsAtPrimitivesAreForOneWorker) {
  EXPECT_EQ(Runtime::create({.workers = 2, .yield_at_primitives = true}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.preemption_ns = 1'000'000, .yield_at_primitives = true}).code(),
            EINVAL);
}

// By lots, so that it does not matter how long each step takes.
TEST(Policies, SharesFollowWeights) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(seed);
    int light = 0, heavy = 0;
    const auto race = [&](std::string&) {
      const auto count = [&](int& steps) {
        return [&] {
          while (light + heavy < 4000) {
            ++steps;
            yield();
          }
        };
      };
      Thread a = spawn(ThreadOptions{.name = "light", .weight = 1000}, count(light));
      Thread b = spawn(ThreadOptions{.name = "heavy", .weight = 3000}, count(heavy));
      EXPECT_TRUE(a.join().ok());
      EXPECT_TRUE(b.join().ok());
    };
    order_under("lottery", race, seed);
    EXPECT_NEAR(static_cast<double>(heavy) / light, 3, 0.5);
  }
}

TEST(Policies, ChildFirstKeepsFewThreadsAlive) {
  std::size_t most_alive = 0;
  std::function<void(int)> tree = [&](int depth) {
    most_alive = std::max(most_alive, Runtime::current()->live_threads());
    if (depth == 0) return;
    std::vector<Thread> children;
    for (int i = 0; i < 10; ++i)
      children.push_back(spawn("child", [&, depth] { tree(depth - 1); }));
    for (Thread& child : children) EXPECT_TRUE(child.join().ok());
  };
  order_under("child-first", [&](std::string& order) {
    Thread child = spawn("child", [&] { order += "child "; });
    order += "parent";
    EXPECT_EQ(order, "child parent");
    EXPECT_TRUE(child.join().ok());
    tree(3);
  });
  EXPECT_LT(most_alive, 10u);
  most_alive = 0;
  order_under("fcfs", [&](std::string&) { tree(3); });
  EXPECT_GT(most_alive, 1000u);
}

}  // namespace
}  // namespace spindle::thread
