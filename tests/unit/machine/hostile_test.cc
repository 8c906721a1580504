// Malicious scripts do no harm: they end, or go on in virtual time and can be ended.

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
    "table.move({}, 1, math.maxinteger - 1, 2)",
    "table.move({1}, 1, 1, 1, setmetatable({}, {__newindex = function() while true do end end}))",
    "while true do table.move({1, 2, 3}, 1, 900000, 2) end",
    "for i = 1, 100 do symlink('/l' .. i + 1, '/l' .. i) end open('/l1') list('/l1')",
    "symlink('l', '/l') open('/l', 'w') chdir('/l') symlink('/l/l/l', '/m') stat('/m')",
    "symlink(('../'):rep(100000), '/l') open('/l/x') while true do symlink('x', '/y') end",
    "while true do mkdir('d') chdir('d') end",
    "setmetatable({}, {__gc = function() while true do end end})",
    "local m = {} setmetatable({}, m) m.__gc = function() while true do end end fork(function() "
    "end)",
    "string.gsub(('x'):rep(1000), 'x', function() while true do end end)",
    "local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x')",
    "fork(fork, fork, fork)",
    "while true do local s = ('x'):rep(1000000) end",
    "local s = ('x'):rep(50000) while true do s:find(('x'):rep(1000) .. 'y', 1, true) end",
    "pcall(string.find, ('a'):rep(100000), ('.-'):rep(30)) pcall(string.find, ('a'):rep(1000000), "
    "('a'):rep(500000) .. 'b') pcall(string.match, ('a'):rep(30000), '[' .. ('b'):rep(5000) .. "
    "']-$')",
    "local a, b = ('x'):rep(100000), ('x'):rep(99999) .. 'x' while a == b do end",
    "local t = {} for i = 1, 5000 do t[i] = i end while true do for k in pairs(t) do break end "
    "end",
    "local t = {} for i = 1, 5000 do t[i] = i end while true do table.insert(t, 1, 0) end",
    "local t = {} for i = 1, 5000 do t[i] = -i end while true do table.sort(t) end",
    "local s = getmetatable('').__index s.find = nil s.rep = function() while true do end end "
    "('x'):rep(2)",
    "getmetatable('').__index = function() while true do end end ('x'):foo()",
    "getmetatable('').__add = 5 print('1' + 1)",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) print(t[1])",
    "local t = setmetatable({}, {}) getmetatable(t).__index = t print(t.x)",
    "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "error(setmetatable({}, {__tostring = function() return 5 end}))",
    "error(error) error(('x'):rep(1000000))",
    "local s = ('('):rep(300) .. ('x'):rep(300) s:find(s) s:gsub('()', '%9')",
    "('x'):format() ('%99999d'):format(1) ('%s'):format(setmetatable({}, {__name = 5}))",
    "string.pack('!16' .. ('i16'):rep(100000), 1) string.unpack('s8', ('\\255'):rep(16))",
    "select(-1 << 63) select('#', table.unpack({}, 1, 1e6)) math.random(0) utf8.char(1 << 40)",
    "xpcall(function() error(1) end, function(e) error(e) end) xpcall(error, xpcall, error)",
    "local f f = function(...) return f(1, ...) end f()",
    "local function f(...) return select('#', ...) end print(f(table.unpack({}, 1, 250)))",
    "string.format(('%s'):rep(1000), table.unpack({}, 1, 200))",
    "rawset(_G, 'print', nil) rawset(_G, '_G', nil) setmetatable(_ENV, {__index = _ENV}) print(x)",
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
    "local s = ('9'):rep(1000000) while true do local x = s + 1 end",
    "local s = '0x' .. ('f'):rep(1000000) while true do local x = s * 1 end",
    "local s = ('9'):rep(16000) while true do local x = s // 1 end",
    "local s = ('9'):rep(1000000) while true do tonumber(s) math.floor(s) end",
    "while true do thread(function() while true do sleep(1) end end) end",
    "local function bomb() while thread(bomb) do end sleep(1000) end bomb()",
    "alarm(1) signal('ALRM', function() alarm(1) kill(getpid(), 'ALRM') end) while true do pause() "
    "end",
};

TEST(HostileProgram, DoesNoHarm) {
  for (const char* source : kHostile) {
    SCOPED_TRACE(source);
    MachineConfiguration configuration;
    configuration.most_processes_of_user = 20;
    // A short quantum, and as many slices of the script as it takes to see that others go on.
    configuration.cpu_policy = "rr";
    configuration.cpu_conventions.quantum = {1'000'000};
    TestMachine test(configuration);
    test.start(source);
    const ProcessNumber good = test.start("compute(5) print('good')");
    test.machine->run_until({30'000'000});
    EXPECT_NE(test.printed.find("good"), std::string::npos);
    EXPECT_EQ(test.machine->snapshot_process(good).code(), ESRCH);
    expect_laws(*test.machine);
    for (const ProcessNumber number : test.machine->processes())
      if (number > 2) EXPECT_TRUE(test.machine->kill(number, kSigKill).ok());
    test.machine->run_until({200'000'000});
    EXPECT_TRUE(test.machine->finished());
  }
}

TEST(HostileProgram, AThreadBombMeetsTheLimit) {
  MachineConfiguration configuration;
  configuration.most_processes_of_user = 40;
  TestMachine test(configuration);
  test.start(
      "local count, why = 0 local function bomb() while true do local id, what = thread(bomb) if "
      "not id then why = what break end count = count + 1 end sleep(50) end bomb() "
      "print(count, why)");
  const ProcessNumber good = test.start("compute(5) print('good')", {.uid = 7});
  test.machine->run_until({1'000'000'000});
  EXPECT_NE(test.printed.find("39\tthe user has as many processes as the limit allows\n"),
            std::string::npos)
      << test.printed;
  EXPECT_NE(test.printed.find("good"), std::string::npos);
  EXPECT_EQ(test.machine->snapshot_process(good).code(), ESRCH);
  expect_laws(*test.machine);
}

TEST(HostileProgram, HasNothingButTheMachine) {
  TestMachine test;
  test.start(
      "local names = {} for name in pairs(_G) do names[#names + 1] = name end "
      "print(table.concat(names, ' ')) print(io, os, require, debug, loadfile, package, "
      "collectgarbage, coroutine, string.dump)");
  test.run();
  std::string nothing = "nil";
  for (int i = 1; i < 9; ++i) nothing += "\tnil";
  EXPECT_NE(test.printed.find("\n" + nothing + "\n"), std::string::npos) << test.printed;
  // Bytecode is not accepted as a program, wherever it comes from.
  StartRequest request;
  request.path = "/bin/bytecode.lua";
  request.source = std::string("\x1bLua\x54\0\x19\x93\r\n\x1a\n", 12);
  EXPECT_EQ(test.machine->start(request).code(), ENOEXEC);
}

/// Work that a library does in one call is not counted in instructions, but costs time all the
/// same.
TEST(HostileProgram, PaysForWhatALibraryDoes) {
  const char* const kDear[] = {
      "local s = ('x'):rep(1000000) for i = 1, 100 do s:upper() end",
      "local s = ('x'):rep(900000) for i = 1, 100 do s:find('y') end",
      "local t = {} for i = 1, 20000 do t[i] = i end for i = 1, 100 do next(t) end",
      "local t = {} for i = 1, 20000 do t[i] = i end for k in pairs(t) do break end",
      "local s = ('x'):rep(50000) for i = 1, 5 do s:find(('x'):rep(1000) .. 'y', 1, true) end",
      "local s = ('a'):rep(200) s:find('a*a*b')",
      "table.move({1, 2, 3}, 1, 900000, 2)",
      "local s = ('9'):rep(1000000) local x = s + 1",
      "local a, b = ('x'):rep(100000), ('x'):rep(99999) .. 'x' for i = 1, 2000 do x = a == b end",
      "local t = {} for i = 1, 100000 do t[i] = i end for i = 1, 2 do fork(function() end) end",
      "for i = 1, 40 do fork(function() sleep(50) end) end for i = 1, 40 do processes() end",
      "for i = 1, 100 do close(open('/' .. i, 'w')) end for i = 1, 100 do list('/') end",
      "for i = 1, 20000 do getpid() end",
      "for i = 1, 5000 do ('%99.99f'):format(1e300) end",
      "for i = 1, 30000 do tostring(1.5) end",
      "for i = 1, 2 do local s = ('ab'):rep(500000) end",
      "local t = {} for i = 1, 100000 do t[i] = i end table.concat(t)",
  };
  for (const char* source : kDear) {
    SCOPED_TRACE(source);
    TestMachine test({.costs = MachineCosts::none()});
    test.start(source);
    test.run();
    EXPECT_GT(test.machine->now().ns, 4'000'000);
  }
  TestMachine test({.costs = MachineCosts::none()});
  test.start(
      "for i = 1, 100 do (' a line of text'):find('(%a+) (%a+)') end "
      "local t = {} for i = 1, 1000 do table.insert(t, i) end");
  test.run();
  EXPECT_EQ(test.machine->now().ns, 0);
  EXPECT_EQ(test.printed.find("loadstring"), std::string::npos);
  // A pattern is refused for how long it could take on this text, not for its form.
  test.start(
      "local s = ('a word, '):rep(10000) print(s:match('^(.-),'), #s:match('^(.*),'), "
      "s:find('(%a+) (%w+)$'), pcall(string.find, ('a'):rep(9000), 'a-a-b'))");
  test.run();
  EXPECT_NE(test.printed.find("a word\t79998\tnil\tfalse\tthe pattern could take too long"),
            std::string::npos)
      << test.printed;
  // The function that charges time is like any other, also in a child.
  test.start("local f, g = math.floor, ('').rep fork(function() print(f(2.5), g('x', 3)) end)");
  test.run();
  EXPECT_NE(test.printed.find("2\txxx\n"), std::string::npos) << test.printed;
}

}  // namespace
}  // namespace spindle
