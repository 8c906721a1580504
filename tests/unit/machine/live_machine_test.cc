// The machine beside real work: it sleeps between its events, and wakes for commands.

#include "spindle/machine/live_machine.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "spindle/machine/machine_signal.h"

namespace spindle {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<MachineHost> make_host() {
  return std::make_unique<MemoryHost>();
}

VirtualTime now_of(LiveMachine& live) {
  return *live.with([](Machine& machine) -> Result<VirtualTime> { return machine.now(); });
}

long times_slept() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

Result<> start(LiveMachine& live, std::string source) {
  return live.with([&](Machine& machine) -> Result<> {
    TRY(machine.start({.path = "/program.lua", .arguments = {}, .source = std::move(source)}));
    return {};
  });
}

/// Waits until only init and kthreadd are left; how long that takes does not matter.
void wait_until_finished(LiveMachine& live) {
  const auto is_finished = [](Machine& machine) -> Result<bool> { return machine.finished(); };
  while (!*live.with(is_finished)) std::this_thread::sleep_for(1ms);
}

TEST(LiveMachine, SleepsWhileNothingHappens) {
  LiveMachine live({}, make_host);
  now_of(live);
  const long slept = times_slept();
  std::this_thread::sleep_for(400ms);
  EXPECT_LT(times_slept() - slept, 20) << "it looks again and again";
}

TEST(LiveMachine, WakesForACommandAtAnyRate) {
  for (const double rate : {1.0, 1000.0, LiveMachine::kAsFastAsPossible, 0.5}) {
    LiveMachine live({}, make_host);
    ASSERT_TRUE(live.set_rate(rate).ok());
    now_of(live);
    std::this_thread::sleep_for(20ms);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(start(live, "compute(2) sleep(3)").ok());
      wait_until_finished(live);
    }
  }
}

TEST(LiveMachine, ShowsAtOnceWhatACommandStarted) {
  const auto count = [](Machine& machine) -> Result<std::size_t> {
    return machine.processes().size();
  };
  LiveMachine live({}, make_host);
  for (std::size_t there = 3; there < 100; ++there) {
    ASSERT_TRUE(start(live, "sleep(1e9)").ok());
    ASSERT_EQ(*live.with(count), there);
  }
}

/// Whatever else is done meanwhile, no process has a CPU before time goes on, and then the policy
/// chooses among all.
TEST(LiveMachine, StartsNobodyWhileTimeStandsStill) {
  MachineConfiguration configuration{.costs = MachineCosts::none()};
  configuration.cpu_policy = "fcfs";
  LiveMachine live(configuration, make_host);
  ASSERT_TRUE(live.set_rate(0).ok());
  for (const char* burst : {"compute(50)", "compute(20)", "compute(10)"}) {
    ASSERT_TRUE(start(live, burst).ok());
    const auto look_and_steer = [](Machine& machine) -> Result<> {
      const SystemSnapshot system = machine.snapshot_system();
      const ProcessNumber last = machine.processes().back();
      EXPECT_EQ(machine.snapshot_process(last)->state, 'R');
      EXPECT_EQ(system.cpus[0].running, 0);
      EXPECT_EQ(system.cpus[0].ready.back(), last);
      EXPECT_EQ(system.cpus[0].ready.size(), system.running);
      EXPECT_EQ(system.threads, system.running + 2);
      EXPECT_EQ(system.processes, machine.processes().size());
      machine.type(0, "to nobody\n");
      TRY(machine.set_cpu_policy("sjf"));
      TRY(machine.kill(last, kSigCont));
      return machine.set_nice(last, 1);
    };
    ASSERT_TRUE(live.with(look_and_steer).ok());
  }
  ASSERT_TRUE(live.set_rate(LiveMachine::kAsFastAsPossible).ok());
  wait_until_finished(live);
  const auto ends = [](Machine& machine) -> Result<std::vector<std::int64_t>> {
    std::vector<std::int64_t> ends_ms;
    for (const ProcessRecord& record : machine.records())
      ends_ms.push_back(record.end.ns / 1'000'000);
    return ends_ms;
  };
  EXPECT_EQ(*live.with(ends), (std::vector<std::int64_t>{80, 30, 10}));
}

/// Real work that never rests leaves the machine a part of the time, so that it comes to its end.
TEST(LiveMachine, GoesOnBesideRealWork) {
  std::atomic<std::uint64_t> asked = 0;
  LiveMachine live({}, make_host, [&] { return ++asked; });
  ASSERT_TRUE(live.set_rate(LiveMachine::kAsFastAsPossible).ok());
  ASSERT_TRUE(start(live, "for i = 1, 4000 do yield() end").ok());
  wait_until_finished(live);
  EXPECT_GT(asked, 1u);
}

TEST(LiveMachine, IsLookedAtWithoutWaiting) {
  const auto look = [](const Machine& machine) -> Result<VirtualTime> { return machine.now(); };
  LiveMachine live({}, make_host);
  EXPECT_FALSE(live.look_if_free(look).has_value()) << "there is none to look at";
  ASSERT_TRUE(live.set_rate(0).ok());
  const VirtualTime now = now_of(live);
  EXPECT_EQ(**live.look_if_free(look), now);
  const auto look_elsewhere = [&](Machine&) -> Result<bool> {
    bool has_seen = true;
    std::thread([&] { has_seen = live.look_if_free(look).has_value(); }).join();
    return has_seen;
  };
  EXPECT_FALSE(*live.with(look_elsewhere)) << "somebody holds it";
}

TEST(LiveMachine, StandsStillWhilePausedAndGoesOn) {
  LiveMachine live({}, make_host);
  const VirtualTime made = now_of(live);
  std::this_thread::sleep_for(50ms);
  ASSERT_TRUE(live.set_rate(0).ok());
  const VirtualTime paused = now_of(live);
  EXPECT_GE((paused - made).ns, 50'000'000) << "the time that it slept is lost";
  ASSERT_TRUE(start(live, "compute(2) sleep(3)").ok());
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(now_of(live), paused);
  ASSERT_TRUE(live.set_rate(1).ok());
  wait_until_finished(live);
}

}  // namespace
}  // namespace spindle
