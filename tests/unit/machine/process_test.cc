#include <algorithm>

#include "laws.h"
#include "spindle/machine/machine_signal.h"

namespace spindle {
namespace {

TEST(Process, ForkCopiesEverythingAndSharesNothing) {
  TestMachine test;
  test.start(R"(
    local shared = {n = 1, deep = {list = {1, 2, 3}}}
    local function bump() shared.n = shared.n + 1 return shared.n end
    function global() return bump() end
    local pid = fork(function(a, b)
      bump() shared.deep.list[1] = 'changed'
      print('child', global(), a + b, #shared.deep.list)
    end, 20, 22)
    wait(pid)
    print('parent', global(), shared.deep.list[1])
  )");
  test.run();
  EXPECT_EQ(test.printed, "child\t3\t42\t3\nparent\t2\t1\n");
}

TEST(Process, ThreadsShareEverything) {
  TestMachine test;
  test.start(
      "n = 0 local t = {} for i = 1, 3 do t[i] = thread(function() n = n + i end) end "
      "for i = 1, 3 do join(t[i]) end print(n, gettid() == getpid())");
  test.run();
  EXPECT_EQ(test.printed, "6\ttrue\n");
}

TEST(Process, WaitTellsHowAChildEnded) {
  TestMachine test;
  test.start(R"(
    local a = fork(function() exit(7) end)
    local b = fork(function() pause() end)
    print(select(2, wait(a)))
    kill(b, 'INT')
    print(select(3, wait(b)))
    print(wait())
    print(wait(-1, 'nohang'))
  )");
  test.run();
  EXPECT_EQ(test.printed,
            "7\nINT\nnil\tthere is no such child\t10\nnil\tthere is no such child\t10\n");
}

TEST(Process, OrphansGoToInitAndZombiesWaitForTheirParent) {
  TestMachine test;
  const ProcessNumber parent = test.start(
      "fork(function() fork(function() sleep(100) print('orphan of', getppid()) end) end) "
      "sleep(50) print('zombie') sleep(1000)");
  test.machine->run_until({20'000'000});
  int zombies = 0;
  for (const ProcessNumber number : test.machine->processes()) {
    const auto process = test.machine->snapshot_process(number);
    if (process->state != 'Z') continue;
    ++zombies;
    EXPECT_EQ(process->parent, parent);
  }
  EXPECT_EQ(zombies, 1);
  test.run();
  EXPECT_EQ(test.printed, "zombie\norphan of\t1\n");
  EXPECT_TRUE(test.machine->finished());
}

TEST(Process, ExecReplacesTheProgramAndKeepsTheProcess) {
  TestMachine test;
  test.host.add("/bin/other.lua", "print(getpid(), arg[0], arg[1], x)");
  const ProcessNumber pid = test.start("x = 1 chdir('/bin') exec('other.lua', 'word')");
  test.run();
  EXPECT_EQ(test.printed, std::to_string(pid) + "\t/bin/other.lua\tword\tnil\n");
  EXPECT_EQ(test.machine->records()[0].name, "other");
}

TEST(Process, SignalsAreHandledBlockedAndPending) {
  TestMachine test;
  test.start(R"(
    signal('USR1', function(n) print('got', n) end)
    signal_mask('block', 'USR1')
    kill(getpid(), 'USR1') kill(getpid(), 'USR1')
    print('blocked')
    signal_mask('unblock', 'USR1')
    local child = fork(function() sleep(5) kill(getppid(), 'USR1') end)
    print(sleep(100))
    signal('CHLD', 'ignore')
    alarm(10) signal('ALRM', function() print('alarm', now() > 0) end) print(pause())
  )");
  test.run();
  EXPECT_EQ(
      test.printed,
      "blocked\ngot\t10\ngot\t10\nnil\ta signal came\t4\nalarm\ttrue\nnil\ta signal came\t4\n");
}

TEST(Process, WhatIsIgnoredPendsWhileItIsBlockedAndGoesWhenItIsIgnoredAnew) {
  TestMachine test;
  test.start(R"(
    local function got(n) print('got', n) end
    signal_mask('block', 'CHLD') signal_mask('block', 'CONT')
    kill(getpid(), 'CHLD') signal('CHLD', got)
    signal('CONT', got) kill(getpid(), 'CONT') signal('CONT', 'default') signal('CONT', got)
    signal_mask('unblock', 'CHLD') signal_mask('unblock', 'CONT')
    print('end')
  )");
  test.run();
  EXPECT_EQ(test.printed, "got\t17\nend\n");
}

TEST(Process, HandlersInterruptComputing) {
  TestMachine test({.costs = MachineCosts::none()});
  const ProcessNumber pid =
      test.start("signal('HUP', function() print(now()) compute(5) end) compute(100) print(now())");
  test.machine->run_until({40'000'000});
  EXPECT_TRUE(test.machine->kill(pid, kSigHup).ok());
  test.run();
  EXPECT_EQ(test.printed, "40.0\n105.0\n");
}

TEST(Process, SessionsAndGroups) {
  TestMachine test;
  test.start(R"(
    local kids = {}
    for i = 1, 3 do kids[i] = fork(function() pause() end) end
    for i = 1, 3 do setpgid(kids[i], kids[1]) end
    kill(-kids[1], 'KILL')
    for i = 1, 3 do print(select(3, wait())) end
    print(setsid())
    fork(function() print(setsid() == getpid()) end) wait()
  )");
  test.run();
  EXPECT_EQ(test.printed, "KILL\nKILL\nKILL\nnil\tit leads a group\t1\ntrue\n");
}

TEST(Process, VerbsAnswerWithTheRightErrors) {
  TestMachine test;
  const ProcessNumber pid = test.start("compute(1000)", {.uid = 1000});
  Machine& machine = *test.machine;
  EXPECT_EQ(machine.kill(4711, kSigTerm).code(), ESRCH);
  EXPECT_EQ(machine.kill(pid, 99).code(), EINVAL);
  EXPECT_EQ(machine.kill(pid, kSigTerm, 1001).code(), EPERM);
  EXPECT_TRUE(machine.kill(pid, 0, 1000).ok());
  EXPECT_TRUE(machine.kill(1, kSigKill).ok());
  EXPECT_TRUE(machine.snapshot_process(1).ok());
  EXPECT_EQ(machine.set_nice(pid, -5, 1000).code(), EACCES);
  EXPECT_EQ(machine.set_nice(pid, 20).code(), EINVAL);
  EXPECT_TRUE(machine.set_nice(pid, 5, 1000).ok());
  EXPECT_EQ(machine.set_scheduling(pid, SchedulingClass::kFifo, 5, 1000).code(), EPERM);
  EXPECT_EQ(machine.set_cpus(pid, 2).code(), EINVAL);
  EXPECT_EQ(machine.set_limit(pid, "u", 5, 1000).code(), 0);
  EXPECT_EQ(machine.set_limit(pid, "nonsense", 5).code(), EINVAL);
  EXPECT_EQ(machine.set_cpu_policy("nonsense").code(), EINVAL);
  EXPECT_EQ(machine.set_quantum({0}).code(), EINVAL);
  for (const std::string_view policy : cpu_policy_names()) {
    EXPECT_TRUE(machine.set_cpu_policy(policy).ok());
    machine.run_until(machine.now() + VirtualTime{5'000'000});
  }
  expect_laws(machine);
}

// A process in each state, and a way to get there.
struct StateCase {
  char state;
  const char* source;
};
const StateCase kStates[] = {
    {'R', "compute(100000)"},
    {'S', "sleep(100000)"},
    {'S', "sem_open('s', 0) sem_wait('s')"},
    {'S', "mutex_lock('m') fork(function() mutex_lock('m') end) wait()"},
    {'S', "local r, w = pipe() read(r, 1)"},
    {'S', "local r, w = pipe() write(w, ('x'):rep(200000))"},
    {'S', "queue_open('q', 1) queue_receive('q')"},
    {'S', "mutex_lock('m') cond_wait('c', 'm')"},
    {'S', "pause()"},
    {'S', "fork(function() pause() end) wait()"},
    {'S', "join(thread(function() pause() end))"},
    {'S', "resource('r', 1) request('r', 1) fork(function() request('r', 1) end) wait()"},
    {'T', "kill(getpid(), 'STOP')"},
    {'D', "local f = open('/data', 'w') while true do write(f, 'x') end"},
};

TEST(Process, DiesInEveryState) {
  for (const StateCase& each : kStates) {
    SCOPED_TRACE(each.source);
    for (const int signal : {kSigKill, kSigTerm}) {
      TestMachine test({.disk = "textbook"});
      const ProcessNumber pid = test.start(each.source);
      test.machine->run_until({30'000'000});
      for (int i = 0; i < 2000 && test.machine->snapshot_process(pid)->state != each.state; ++i)
        test.machine->step();
      ASSERT_EQ(test.machine->snapshot_process(pid)->state, each.state);
      EXPECT_TRUE(test.machine->kill(pid, signal).ok());
      if (each.state == 'T' && signal == kSigTerm)
        EXPECT_TRUE(test.machine->kill(pid, kSigCont).ok());
      test.machine->run_until(test.machine->now() + VirtualTime{1'000'000'000});
      EXPECT_EQ(test.machine->snapshot_process(pid).code(), ESRCH);
      EXPECT_EQ(test.machine->records()[0].wait_status, signal);
      for (const ProcessNumber left : test.machine->processes())
        if (left > 2) EXPECT_TRUE(test.machine->kill(left, kSigKill).ok());
      expect_laws(*test.machine);
    }
  }
  // A zombie and one that has not arrived yet.
  TestMachine test;
  const ProcessNumber parent = test.start("fork(function() end) sleep(1000)");
  const ProcessNumber later = test.start("compute(1)", {.at = VirtualTime{500'000'000}});
  test.machine->run_until({100'000'000});
  EXPECT_TRUE(test.machine->kill(later, kSigKill).ok());
  for (const ProcessNumber number : test.machine->processes())
    if (number > 2 && number != parent) EXPECT_TRUE(test.machine->kill(number, kSigKill).ok());
  test.run();
  EXPECT_TRUE(test.machine->finished());
}

TEST(Process, AForkBombMeetsTheLimit) {
  MachineConfiguration configuration;
  configuration.most_processes_of_user = 200;
  TestMachine test(configuration);
  test.start("function bomb() while fork(bomb) do end sleep(1000) end bomb()", {.uid = 1000});
  test.start("sleep(50) print(fork(function() end) ~= nil)", {.uid = 1001});
  test.machine->run_until({200'000'000});
  EXPECT_EQ(test.machine->processes().size(), 202u);
  EXPECT_EQ(test.printed, "true\n");
  expect_laws(*test.machine);
}

TEST(Process, TenThousandAreForkedAndReaped) {
  TestMachine test;
  test.start("for i = 1, 10000 do fork(function() end) wait() end print('done')");
  test.run();
  EXPECT_EQ(test.printed, "done\n");
  EXPECT_EQ(test.machine->snapshot_system().forks, 10'001u);
  EXPECT_TRUE(test.machine->finished());
  expect_laws(*test.machine);
}

TEST(Process, AThousandRunForAVirtualHour) {
  MachineConfiguration configuration;
  configuration.cpus = 4;
  configuration.event_capacity = 0;
  TestMachine test(configuration);
  for (int i = 0; i < 1000; ++i)
    test.start("while true do compute(math.random(20)) sleep(math.random(60000)) end");
  test.machine->run_until({3'600'000'000'000});
  expect_laws(*test.machine);
  EXPECT_EQ(test.machine->processes().size(), 1002u);
}

}  // namespace
}  // namespace spindle
