// Threads that wait for one another for ever, in every way of waiting: they are found, and with
// recovery a victim's end sets the others free. No thread that can go on is reported.

#include "laws.h"

namespace spindle {
namespace {

struct Case {
  const char* name;
  const char* source;
  std::size_t threads;      ///< that wait for one another
  const char* description;  ///< a part of the report
  const char* rescued;      ///< printed when a victim has ended
};

const Case kCases[] = {
    {"mutexes",
     "local function both(a, b) mutex_lock(a) sleep(1) mutex_lock(b) print('done') end "
     "fork(both, 'a', 'b') fork(both, 'b', 'a') wait() wait() print('end')",
     3, "waits for b, held by", "done\nend\n"},
    {"binary semaphores",
     "sem_open('a', 1) sem_open('b', 1) "
     "local function both(a, b) sem_wait(a) sleep(1) sem_wait(b) print('done') end "
     "fork(both, 'a', 'b') fork(both, 'b', 'a') wait() wait() print('end')",
     3, "waits for b, held by", "end\n"},
    {"instances of resources",
     "resource('tape', 2) local function two() request('tape', 1) sleep(1) request('tape', 1) "
     "print('done') end fork(two) fork(two) wait() wait() print('end')",
     3, "waits for tape, held by", "done\nend\n"},
    {"a pipe read by its only writer", "local r, w = pipe() print(read(r, 1))", 1,
     "waits for pipe:[1], written by", ""},
    {"two full pipes",
     "local ar, aw = pipe() local br, bw = pipe() local text = ('x'):rep(70000) "
     "fork(function() close(ar) close(bw) write(aw, text) read(br, 70000) end) "
     "fork(function() close(aw) close(br) write(bw, text) read(ar, 70000) end) "
     "for _, d in ipairs {ar, aw, br, bw} do close(d) end wait() wait() print('end')",
     3, "read by", "end\n"},
    {"message queues",
     "queue_open('a', 1) queue_open('b', 1) "
     "local function relay(a, b) queue_send(b, queue_receive(a)) end "
     "fork(relay, 'a', 'b') fork(relay, 'b', 'a') wait() wait() print('end')",
     3, "waits for a, which no thread is left to signal", "end\n"},
    {"a full message queue", "queue_open('q', 1) queue_send('q', '1') queue_send('q', '2')", 1,
     "waits for q, which no thread is left to signal", ""},
    {"a condition that nobody signals", "monitor_enter('m') cond_wait('c', 'm') print('woken')", 1,
     "waits for c, which no thread is left to signal", ""},
    {"a semaphore that nobody posts", "sem_open('s', 0) sem_wait('s')", 1,
     "waits for s, which no thread is left to signal", ""},
    {"a child that needs its parent's lock",
     "mutex_lock('m') fork(function() mutex_lock('m') print('done') end) wait() print('end')", 2,
     "waits for its children", "done\n"},
    {"a thread that is joined and needs the lock",
     "mutex_lock('m') join(thread(function() mutex_lock('m') end))", 2, "waits for thread", ""},
    {"a pipe whose other writer has closed it",
     "local r, w = pipe() fork(function() sleep(5) close(w) sleep(10000) end) read(r, 1)", 1,
     "written by", ""},
};

MachineConfiguration with(DeadlockStrategy strategy) {
  MachineConfiguration configuration;
  configuration.deadlock = strategy;
  return configuration;
}

TEST(Deadlock, OfEachKindIsFoundOnce) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    TestMachine test(with(DeadlockStrategy::kDetection));
    test.start(each.source);
    test.machine->run_until({60'000'000'000});
    const auto deadlocks = test.machine->snapshot_system().deadlocks;
    ASSERT_EQ(deadlocks.size(), 1u);
    EXPECT_EQ(deadlocks[0].threads.size(), each.threads) << deadlocks[0].description;
    EXPECT_NE(deadlocks[0].description.find(each.description), std::string::npos)
        << deadlocks[0].description;
    EXPECT_EQ(deadlocks[0].victim, 0);
    EXPECT_EQ(test.printed, "");
    expect_laws(*test.machine);
  }
}

TEST(Deadlock, OfEachKindEndsWithItsVictims) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    TestMachine test(with(DeadlockStrategy::kRecovery));
    test.start(each.source);
    test.machine->run_until({60'000'000'000});
    EXPECT_TRUE(test.machine->finished());
    EXPECT_EQ(test.printed, each.rescued);
    const auto deadlocks = test.machine->snapshot_system().deadlocks;
    ASSERT_FALSE(deadlocks.empty());
    for (const DeadlockSnapshot& deadlock : deadlocks) EXPECT_NE(deadlock.victim, 0);
    expect_laws(*test.machine);
  }
}

TEST(Deadlock, WhoCanStillGoOnIsNone) {
  const char* const kLive[] = {
      "sleep(100000)",
      "pause()",
      "read(0, 1)",
      "alarm(50000) signal('ALRM', function() end) mutex_lock('m') cond_wait('c', 'm')",
      "queue_open('q', 1) queue_receive('q', 50000)",
      "local r, w = pipe() fork(function() sleep(20000) write(w, 'x') end) close(w) read(r, 1)",
      "sem_open('s', 0) fork(function() sleep(20000) sem_post('s') end) sem_wait('s')",
      "mutex_lock('m') fork(function() mutex_lock('m') end) sleep(20000) mutex_unlock('m') wait()",
      "for i = 1, 3 do fork(function() mutex_lock('m') sleep(9000) mutex_unlock('m') end) end "
      "for i = 1, 3 do wait() end",
      "local r, w = pipe() thread(function() sleep(9000) write(w, 'x') end) read(r, 1)",
  };
  for (const char* source : kLive) {
    SCOPED_TRACE(source);
    TestMachine test(with(DeadlockStrategy::kRecovery));
    StartRequest request;
    request.terminal = 0;
    test.start(source, request);
    test.machine->run_until({200'000'000'000});
    EXPECT_TRUE(test.machine->snapshot_system().deadlocks.empty());
    expect_laws(*test.machine);
  }
}

/// A wait for something that anybody may signal is in vain if no process that goes on has a program
/// that could signal it.
TEST(Deadlock, OfSignalsIsFoundWhileOthersCompute) {
  struct Wait {
    const char* source;
    const char* could_end;  ///< a program with it is not to be passed over
  };
  const Wait kWaits[] = {
      {"sem_open('s', 0) sem_wait('s')", "if false then sem_post('s') end"},
      {"queue_open('q', 1) queue_receive('q')", "if false then queue_send('q', '') end"},
      {"queue_open('q', 1) queue_send('q', '1') queue_send('q', '2')",
       "if false then queue_receive('q') end"},
      {"monitor_enter('m') cond_wait('c', 'm')", "if false then cond_broadcast('c') end"},
      {"mutex_lock('m') cond_wait('c', 'm')", "if false then _G['cond_' .. 'signal']('c') end"},
  };
  const std::string hog = " while true do compute(100) sleep(10) end";
  for (const Wait& each : kWaits) {
    SCOPED_TRACE(each.source);
    TestMachine test(with(DeadlockStrategy::kDetection));
    const ProcessNumber waits = test.start(each.source);
    test.start(hog);
    test.machine->run_until({20'000'000'000});
    const auto found = test.machine->snapshot_system().deadlocks;
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].threads, std::vector<ProcessNumber>{waits});
    TestMachine other(with(DeadlockStrategy::kRecovery));
    other.start(each.source);
    other.start(each.could_end + hog);
    other.machine->run_until({20'000'000'000});
    EXPECT_TRUE(other.machine->snapshot_system().deadlocks.empty());
  }
}

/// A chain that closes to a ring of more threads than one check goes through.
TEST(Deadlock, OfAHundredAndMoreIsFound) {
  TestMachine test(with(DeadlockStrategy::kDetection));
  test.start(
      "local n = 150 for i = 1, n do fork(function() mutex_lock('m' .. i) sleep(1000) "
      "mutex_lock('m' .. i % n + 1) end) end");
  test.machine->run_until({60'000'000'000});
  const auto deadlocks = test.machine->snapshot_system().deadlocks;
  ASSERT_EQ(deadlocks.size(), 1u);
  EXPECT_EQ(deadlocks[0].threads.size(), 150u);
}

TEST(Deadlock, StrategyChangesWhileTheMachineRuns) {
  TestMachine test(with(DeadlockStrategy::kNone));
  test.start(kCases[0].source);
  test.machine->run_until({1'000'000'000});
  EXPECT_TRUE(test.machine->snapshot_system().deadlocks.empty());
  ASSERT_TRUE(test.machine->set_deadlock_strategy(DeadlockStrategy::kDetection).ok());
  EXPECT_EQ(test.machine->snapshot_system().deadlocks.size(), 1u);
  ASSERT_TRUE(test.machine->set_deadlock_strategy(DeadlockStrategy::kRecovery).ok());
  test.machine->run_until({2'000'000'000});
  EXPECT_EQ(test.printed, kCases[0].rescued);
  // Threads that the banker's algorithm holds back go on when it is switched off.
  TestMachine banker(with(DeadlockStrategy::kBanker));
  banker.start(
      "resource('r', 2) local function two() claim('r', 2) request('r', 1) sleep(1000) "
      "request('r', 1) end fork(two) fork(two) wait() wait()");
  banker.machine->run_until({500'000'000});
  ASSERT_TRUE(banker.machine->set_deadlock_strategy(DeadlockStrategy::kDetection).ok());
  banker.machine->run_until({60'000'000'000});
  EXPECT_EQ(banker.machine->snapshot_system().deadlocks.size(), 1u);
}

/// By Hoare's rule the condition still holds when the signalled thread goes on, though another one
/// waited to enter; by Mesa's it need not.
TEST(Monitor, SignalsByMesaAndByHoare) {
  const auto play = [](const std::string& signalling) {
    TestMachine test({.costs = MachineCosts::none()});
    test.start("monitor('m', '" + signalling + R"(')
      full = false
      thread(function()
        monitor_enter('m')
        while not full do cond_wait('full', 'm') print('woken', full) break end
        full = false
        monitor_leave('m')
      end)
      sleep(1)
      monitor_enter('m')
      thread(function() monitor_enter('m') print('thief', full) full = false monitor_leave('m') end)
      sleep(1)
      full = true
      cond_signal('full')
      print('signaller', full)
      monitor_leave('m')
    )");
    test.run();
    EXPECT_TRUE(test.machine->finished());
    return test.printed;
  };
  EXPECT_EQ(play("mesa"), "signaller\ttrue\nthief\ttrue\nwoken\tfalse\n");
  EXPECT_EQ(play("hoare"), "woken\ttrue\nsignaller\tfalse\nthief\tfalse\n");
  TestMachine test;
  test.start(R"(
    print(select(2, pcall(monitor, 'm', 'x')))
    monitor('m', 'hoare')
    fork(function() monitor_enter('m') cond_wait('c', 'm') monitor_leave('m') end)
    sleep(1)
    print((select(2, cond_signal('c'))))
    print((select(2, cond_broadcast('c'))))
    monitor_enter('m')
    print((select(2, monitor('m', 'mesa'))))
    cond_signal('c')
    wait()
  )");
  test.run();
  EXPECT_NE(test.printed.find("the thread is not in the monitor\nin a monitor with Hoare's signals "
                              "one is signalled at a time\na thread is in the monitor\n"),
            std::string::npos)
      << test.printed;
  EXPECT_TRUE(test.machine->finished());
}

}  // namespace
}  // namespace spindle
