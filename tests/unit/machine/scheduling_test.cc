#include <algorithm>
#include <cmath>

#include "laws.h"
#include "spindle/base/random.h"
#include "spindle/machine/machine_signal.h"

namespace spindle {
namespace {

TEST(Machine, ComputesForAsLongAsItIsTold) {
  TestMachine test({.costs = MachineCosts::none()});
  test.start("compute(250) print(now()) exit(3)");
  test.run();
  EXPECT_EQ(test.printed, "250.0\n");
  ASSERT_EQ(test.machine->records().size(), 1u);
  const ProcessRecord& record = test.machine->records()[0];
  EXPECT_EQ(record.end.ns, 250'000'000);
  EXPECT_EQ(record.wait_status, 3 << 8);
  expect_laws(*test.machine);
}

TEST(Machine, ChargesSwitchesAndCallsToWhoeverCausedThem) {
  MachineConfiguration configuration;
  configuration.cpu_policy = "rr";
  TestMachine test(configuration);
  for (int i = 0; i < 2; ++i) test.start("compute(100)");
  test.run();
  const SystemSnapshot system = test.machine->snapshot_system();
  EXPECT_EQ(system.cpus[0].times.user.ns, 200'000'000);
  EXPECT_GT(system.cpus[0].times.system.ns, 0);
  EXPECT_GT(system.cpus[0].times.irq.ns, 0);
  EXPECT_GE(system.switches, 19u);
  expect_laws(*test.machine);
}

TEST(Machine, AQuantumMayBeLongerThanAllTime) {
  for (const std::int64_t quantum_ns : {INT64_MAX, INT64_MAX - 1}) {
    MachineConfiguration configuration;
    configuration.cpu_policy = "rr";
    configuration.cpu_conventions.quantum = {quantum_ns};
    TestMachine test(configuration);
    for (int i = 0; i < 2; ++i) test.start("compute(100)");
    test.machine->run_until({1'000'000'000});
    EXPECT_EQ(test.machine->records().size(), 2u);
    expect_laws(*test.machine);
  }
}

TEST(Machine, SharesByNice) {
  MachineConfiguration configuration{.cpu_policy = "cfs", .costs = MachineCosts::none()};
  TestMachine test(configuration);
  const ProcessNumber first = test.start("compute(100000)");
  const ProcessNumber second = test.start("compute(100000)", {.nice = 5});
  test.machine->run_until({10'000'000'000});
  const double a = static_cast<double>(test.machine->snapshot_process(first)->user.ns);
  const double b = static_cast<double>(test.machine->snapshot_process(second)->user.ns);
  EXPECT_NEAR(a / b, 1024.0 / 335.0, 0.1);
  EXPECT_EQ(test.machine->snapshot_system().cpus[0].times.nice.ns, static_cast<std::int64_t>(b));
}

TEST(Machine, RealTimeGoesFirst) {
  TestMachine test({.costs = MachineCosts::none()});
  test.start("compute(100) print('other', now())");
  test.start("sched('fifo', 10) compute(100) print('fifo', now())", {.at = VirtualTime{1'000'000}});
  test.run();
  EXPECT_EQ(test.printed.substr(0, 4), "fifo");
}

TEST(Machine, FillsAllCpusAndKeepsToThoseAllowed) {
  MachineConfiguration configuration;
  configuration.cpus = 8;
  TestMachine test(configuration);
  for (int i = 0; i < 16; ++i) test.start("compute(500)");
  const ProcessNumber bound = test.start("cpus(3) for i = 1, 100 do compute(5) yield() end");
  test.machine->run_until({400'000'000});
  EXPECT_EQ(test.machine->snapshot_process(bound)->threads[0].cpu, 3u);
  for (const CpuSnapshot& cpu : test.machine->snapshot_system().cpus)
    EXPECT_LT(cpu.times.idle.ns, 1'000'000);
  expect_laws(*test.machine);
  test.run();
  EXPECT_TRUE(test.machine->finished());
}

TEST(Machine, HoldsALoopThatNeverAsks) {
  TestMachine test;
  const ProcessNumber loop = test.start("while true do end");
  test.start("compute(10) print('done')");
  test.machine->run_until({1'000'000'000});
  EXPECT_EQ(test.printed, "done\n");
  EXPECT_TRUE(test.machine->kill(loop, kSigKill).ok());
  EXPECT_TRUE(test.machine->finished());
}

TEST(Machine, LeavesAnInstantInWhichCallsTakeNoTime) {
  TestMachine test({.costs = MachineCosts::none()});
  test.start("while true do yield() end");
  test.start("while true do getpid() end");
  test.machine->run_until({50'000'000});
  EXPECT_EQ(test.machine->now().ns, 50'000'000);
}

const char* const kWorkloads[] = {
    "for i = 1, 20 do compute(math.random(1, 30)) sleep(math.random(1, 50)) end",
    "for i = 1, 5 do fork(function() compute(math.random(1, 20)) exit(i) end) end "
    "while wait() do end",
    "local r, w = pipe() fork(function() for i = 1, 20 do write(w, ('x'):rep(5000)) end end) "
    "close(w) while true do local s = read(r, 4096) if s == '' then break end compute(1) end",
    "for i = 1, 10 do mutex_lock('m') compute(2) mutex_unlock('m') yield() end",
    "signal('USR1', function() compute(1) end) for i = 1, 30 do compute(3) kill(getpid(), 'USR1') "
    "end",
    "local f = open('/data', 'w') for i = 1, 5 do write(f, ('y'):rep(9000)) end close(f) "
    "f = open('/data') while read(f, 4096) ~= '' do end",
    "for i = 1, 4 do thread(function() for j = 1, 10 do compute(1) sleep(1) end end) end "
    "compute(9)",
    "nice(7) for i = 1, 30 do compute(4) yield() end",
    "queue_open('q', 2) fork(function() for i = 1, 15 do queue_send('q', 'x', i % 3) compute(1) "
    "end "
    "end) for i = 1, 15 do queue_receive('q', 200) end wait()",
    "local a, b = pipe() local c, d = pipe() fork(function() close(b) close(c) while true do local "
    "s = read(a, 3000) if s == '' then break end write(d, s) end end) close(a) close(d) write(b, "
    "('x'):rep(90000)) close(b) while read(c, 70000) ~= '' do compute(1) end",
    "local at = mmap(50 * 4096) for round = 1, 3 do for i = 0, 49 do store(at + i * 4096, i) end "
    "compute(1) end fork(function() for i = 0, 49 do store(at + i * 4096, 0) end end) wait()",
    "local at = shm_open('s', 8192) for i = 1, 9 do store(at, i) sleep(3) end shm_unlink('s')",
};

std::string run_workload(std::uint64_t seed, std::string_view policy, std::uint32_t cpus) {
  MachineConfiguration configuration;
  configuration.seed = seed;
  configuration.cpus = cpus;
  configuration.cpu_policy = policy;
  // Less memory than all want, by each scheme in turn.
  constexpr const char* kSchemes[] = {"paging", "paging", "segmentation", "partitions"};
  configuration.memory.allocation = kSchemes[seed % std::size(kSchemes)];
  configuration.memory.bytes = 300 * 4096;
  configuration.memory.swap_bytes = 4000 * 4096;
  configuration.memory.table_levels = 2;
  configuration.partition_bytes = 60 * 4096;
  TestMachine test(configuration);
  Random random(seed);
  for (int i = 0; i < 12; ++i)
    test.start(kWorkloads[random.below(std::size(kWorkloads))],
               {.at = VirtualTime{static_cast<std::int64_t>(random.below(100'000'000))}});
  for (int i = 0; i < 30; ++i) {
    test.machine->run_until(test.machine->now() +
                            VirtualTime{static_cast<std::int64_t>(random.below(40'000'000))});
    expect_laws(*test.machine);
    const auto numbers = test.machine->processes();
    const ProcessNumber target = numbers[random.below(numbers.size())];
    constexpr int kSignals[] = {kSigStop, kSigCont, kSigCont, kSigUsr1, kSigKill, kSigTerm};
    if (target > 2 && random.one_in(3))
      EXPECT_TRUE(test.machine->kill(target, kSignals[random.below(6)]).ok());
  }
  for (const ProcessNumber number : test.machine->processes())
    if (number > 2) (void)test.machine->kill(number, kSigCont);
  test.run(20'000'000'000);
  expect_laws(*test.machine);
  std::string story;
  const EventRing& events = test.machine->events();
  for (std::uint64_t n = events.first(); n < events.end(); ++n) {
    const MachineEvent& event = events.at(n);
    for (const std::int64_t number :
         {event.at.ns, static_cast<std::int64_t>(event.kind), std::int64_t{event.cpu},
          std::int64_t{event.thread}, std::int64_t{event.other}, std::int64_t{event.number},
          event.value})
      story += std::to_string(number) + ' ';
    story += std::string(events.text(event.text)) + '\n';
  }
  return story + test.printed;
}

TEST(Machine, KeepsTheLawsUnderRandomWorkloads) {
  std::uint64_t seed = 1;
  for (const std::string_view policy : cpu_policy_names()) {
    SCOPED_TRACE(policy);
    const std::uint32_t cpus = seed % 3 == 0 ? 4 : 1 + seed % 2;
    const std::string first = run_workload(seed, policy, cpus);
    EXPECT_EQ(first, run_workload(seed, policy, cpus));
    EXPECT_GT(first.size(), 1000u);
    ++seed;
  }
}

/// Pressure: lost time is counted exactly, and averages come near to its share.
TEST(Pressure, CountsForHowLongThreadsCouldNotGoOn) {
  TestMachine test;
  test.start("compute(20000)");
  test.machine->run_until({10'000'000'000});
  const auto alone = test.machine->snapshot_system().pressure;
  EXPECT_EQ(alone[0].some.total.ns, 0);
  test.start("compute(10000)");
  test.machine->run_until({20'000'000'000});
  const auto both = test.machine->snapshot_system().pressure;
  EXPECT_NEAR(static_cast<double>(both[0].some.total.ns), 1e10, 1e6);
  EXPECT_EQ(both[0].full.total.ns, 0);
  EXPECT_NEAR(both[0].some.average[0], 1 - std::exp(-1.0), 0.001);
  EXPECT_NEAR(both[0].some.average[2], 1 - std::exp(-10.0 / 300), 0.001);
  EXPECT_EQ(both[1].some.total.ns + both[2].some.total.ns, 0);
  expect_laws(*test.machine);
}

TEST(Pressure, TellsTheDiskFromMemory) {
  TestMachine test;
  test.host.add("/data", std::string(1 << 20, 'x'));
  test.start("local f = open('/data') while #read(f, 65536) > 0 do end");
  test.run();
  const auto reading = test.machine->snapshot_system().pressure;
  EXPECT_GT(reading[1].some.total.ns, 0);
  EXPECT_EQ(reading[1].full.total.ns, reading[1].some.total.ns);  // nobody else works
  EXPECT_EQ(reading[2].some.total.ns, 0);
  test.host.add("/other", std::string(1 << 20, 'x'));
  test.start(
      "local at = mmap(1 << 20, 'r', 'private', open('/other')) for i = 0, 255 do load(at + i * "
      "4096) end");
  test.start("compute(500)");
  test.run();
  const auto faulting = test.machine->snapshot_system().pressure;
  EXPECT_GT(faulting[2].some.total.ns, 0);
  EXPECT_LT(faulting[2].full.total.ns, faulting[2].some.total.ns);
  expect_laws(*test.machine);
  // An hour in which nothing happens leaves no average.
  test.start("sleep(3.6e6)");
  test.run(8'000'000'000'000);
  for (const PressureSnapshot& pressure : test.machine->snapshot_system().pressure)
    for (const double average : pressure.some.average) EXPECT_LT(average, 0.001);
}

}  // namespace
}  // namespace spindle
