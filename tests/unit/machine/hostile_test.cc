// Scripts that mean harm do none: they end, or go on in virtual time that can be ended.

#include "laws.h"
#include "spindle/machine/machine_signal.h"

namespace spindle {
namespace {

const char* const kHostile[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local t = {} while true do t[#t + 1] = ('x'):rep(1000000) end",
    "local function f() return f() end f()",
    "local function f() f() f() end f()",
    "('x'):rep(1e9)",
    "(''):rep(1 << 62)",
    "(('a'):rep(1000)):find(('.-'):rep(20) .. 'b')",
    "table.sort({3, 2, 1}, function() while true do pcall(function() while true do end end) end "
    "end)",
    "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 2)",
    "table.concat(setmetatable({}, {__index = function() return 'x' end}), '', 1, 1 << 60)",
    "table.unpack({}, 1, 1 << 60)",
    "setmetatable({}, {__gc = function() while true do end end})",
    "local m = {} setmetatable({}, m) m.__gc = function() while true do end end fork(function() "
    "end)",
    "string.gsub(('x'):rep(1000), 'x', function() while true do end end)",
    "local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x')",
    "fork(fork, fork, fork)",
    "local t = {} for i = 1, 200000 do t = {t} end fork(function() return t end)",
    "coroutine.wrap(function() end)()",
    "load('x')",
    "string.format('%p', {})",
    "compute(1e300)",
    "compute(0/0)",
    "sleep(-1)",
    "read(1 << 40, 1 << 62)",
    "kill(1 << 40, 9)",
    "kill(-1 << 63, 9)",
    "seek(0, 1 << 62)",
    "local f = open('/f', 'w') seek(f, 1 << 39) write(f, 'x')",
    "exec('/dev/null/../../../etc/passwd')",
    "open(('/x'):rep(100000))",
    "for i = 1, 100000 do sem_open('s' .. i, 1) end",
    "for i = 1, 5000 do pipe() end",
    "signal('KILL', function() end)",
    "signal('SEGV', 'ignore') kill(getpid(), 'SEGV') while true do kill(getpid(), 'USR1') end",
    "setpgid(0, -5) setpgid(1 << 40, 1)",
    "queue_open('q', 65536) while true do queue_send('q', ('x'):rep(60000)) end",
    "ulimit('u', -5) ulimit('x')",
    "cpus() cpus(64)",
    "request('r', 1) release('r', -1) claim('r', 1 << 62) resource('r', -1)",
    "dup(0, 1 << 31)",
    "mutex_unlock('m') cond_wait('c', 'm')",
    "thread(function() error({}) end) error(nil)",
    "exit(1 << 62)",
    "alarm(1) signal('ALRM', function() alarm(1) kill(getpid(), 'ALRM') end) while true do pause() "
    "end",
};

TEST(HostileProgram, DoesNoHarm) {
  for (const char* source : kHostile) {
    SCOPED_TRACE(source);
    MachineConfiguration configuration;
    configuration.most_processes_of_user = 20;
    TestMachine test(configuration);
    test.start(source);
    const ProcessNumber good = test.start("compute(5) print('good')");
    test.machine->run_until({60'000'000});
    EXPECT_NE(test.printed.find("good"), std::string::npos);
    EXPECT_EQ(test.machine->snapshot_process(good).code(), ESRCH);
    expect_laws(*test.machine);
    for (const ProcessNumber number : test.machine->processes())
      if (number > 2) EXPECT_TRUE(test.machine->kill(number, kSigKill).ok());
    test.machine->run_until({200'000'000});
    EXPECT_TRUE(test.machine->finished());
  }
}

TEST(HostileProgram, HasNothingButTheMachine) {
  TestMachine test;
  test.start(
      "local names = {} for name in pairs(_G) do names[#names + 1] = name end "
      "print(table.concat(names, ' ')) print(io, os, require, debug, loadfile, package)");
  test.run();
  EXPECT_NE(test.printed.find("nil\tnil\tnil\tnil\tnil\tnil"), std::string::npos);
  EXPECT_EQ(test.printed.find("loadstring"), std::string::npos);
}

}  // namespace
}  // namespace spindle
