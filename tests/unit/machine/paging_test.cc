// Programs that use memory: what they find there, what it costs, and what happens to those that
// want too much of it.

#include <fstream>

#include "laws.h"
#include "spindle/json/json.h"
#include "spindle/machine/machine_signal.h"

namespace spindle {
namespace {

MachineConfiguration small_machine(std::uint64_t frames, std::uint64_t slots) {
  MachineConfiguration configuration;
  configuration.memory.bytes = frames * 4096;
  configuration.memory.swap_bytes = slots * 4096;
  configuration.memory.table_levels = 2;
  return configuration;
}

TEST(Paging, WordsOutliveSwapAndAreCopiedWhenWritten) {
  TestMachine test(small_machine(40, 400));
  test.start(R"(
    local at = mmap(60 * 4096)
    for i = 0, 59 do store(at + i * 4096, i * 7) end
    local child = fork(function()
      for i = 0, 59 do
        if load(at + i * 4096) ~= i * 7 then print('wrong in the child', i) end
        store(at + i * 4096, -i)
      end
    end)
    wait(child)
    local sum = 0
    for i = 0, 59 do sum = sum + load(at + i * 4096) end
    print(sum)
    local heap_end = brk()
    print(brk(heap_end + 8192) - heap_end, load(heap_end + 4096))
    print(munmap(at, 60 * 4096), mmap(4096, 'r') ~= nil)
  )");
  test.run();
  EXPECT_EQ(test.printed, std::to_string(7 * 59 * 60 / 2) + "\n8192\t0\ntrue\ttrue\n");
  const SystemSnapshot system = test.machine->snapshot_system();
  EXPECT_GT(system.memory.swapped_out, 60u);
  EXPECT_GE(system.memory.major_faults, 60u);
  EXPECT_GE(system.disks[0].reads, 60u);
  EXPECT_EQ(system.memory.free, system.memory.total - system.memory.cached);
  expect_laws(*test.machine);
}

TEST(Paging, ProgramsRunWithTablesOfEachShape) {
  for (unsigned levels = 0; levels <= 4; ++levels) {
    for (const std::uint32_t page_size : {1024u, 4096u, 65536u}) {
      SCOPED_TRACE(testing::Message() << levels << " levels, pages of " << page_size);
      MachineConfiguration configuration;
      configuration.memory.page_size = page_size;
      configuration.memory.bytes = 64 * page_size;
      configuration.memory.swap_bytes = 400 * page_size;
      configuration.memory.table_levels = levels;
      TestMachine test(configuration);
      test.start(
          "local n, size = 70, " + std::to_string(page_size) +
          " local at = mmap(n * size) for i = 0, n - 1 do store(at + i * size, i) end "
          "local sum = 0 for i = 0, n - 1 do sum = sum + load(at + i * size) end print(sum)");
      test.run();
      EXPECT_EQ(test.printed, "2415\n");
      EXPECT_GT(test.machine->snapshot_system().memory.swapped_out, 0u);
    }
  }
}

// What comes from the disk is on the account of who waited for it, also if pages had to go first.
TEST(Paging, ProcessesAreChargedForThePagesThatTheyRead) {
  for (const DeviceMode mode : {DeviceMode::kDma, DeviceMode::kProgrammed}) {
    MachineConfiguration configuration = small_machine(40, 400);
    configuration.device_mode = mode;
    configuration.load_control = false;
    TestMachine test(configuration);
    test.host.add("/data", std::string(64 * 4096, 'a'));
    const ProcessNumber reader = test.start(R"(
      local file = open('/data')
      for i = 0, 19 do seek(file, i * 3 * 4096) read(file, 16) end
      sleep(1e6)
    )");
    const ProcessNumber swapper = test.start(R"(
      sleep(1000)
      local at = mmap(60 * 4096)
      for round = 1, 2 do for i = 0, 59 do store(at + i * 4096, i) end end
      sleep(1e6)
    )");
    test.run(10'000'000'000);
    const SystemSnapshot system = test.machine->snapshot_system();
    const auto read_by = [&](ProcessNumber process) {
      return test.machine->snapshot_process(process)->read_bytes;
    };
    EXPECT_GE(read_by(reader), 20u * 4096);
    EXPECT_GE(read_by(swapper), 60u * 4096);
    EXPECT_EQ(read_by(reader) + read_by(swapper), system.memory.read_bytes);
  }
}

TEST(Paging, ProcessesShareSegmentsAndFiles) {
  TestMachine test;
  test.host.add("/data", std::string(5000, 'a'));
  test.start(R"(
    local shared = shm_open('counter', 4096)
    local file = open('/data', 'r+')
    local at = mmap(8192, 'rw', 'shared', file)
    local child = fork(function()
      store(shm_open('counter', 4096) + 8, 41)
      store(at + 4096, 0)
    end)
    wait(child)
    print(load(shared + 8), load(at + 4096), load(at) & 0xff)
    print((select(2, mmap(4096, 'rw', 'private', 99))))
  )");
  test.run();
  EXPECT_EQ(test.printed, "41\t0\t97\nthere is no such descriptor\n");
}

TEST(Paging, AMappedFileAndTheFileReadAndWrittenAreOne) {
  // So little memory that pages go out between the two.
  TestMachine test(small_machine(24, 40));
  test.host.add("/data", std::string(64 * 4096, 'a'));
  test.start(R"(
    local file = open('/data', 'r+')
    local at = mmap(64 * 4096, 'rw', 'shared', file)
    for round = 1, 3 do
      for i = 0, 63 do
        store(at + i * 4096, round * 1000 + i)
        seek(file, i * 4096 + 8) write(file, string.pack('<i8', -round * 1000 - i))
        if i % 5 == 0 then touch(at + (i * 7 % 64) * 4096) end
      end
      for i = 0, 63 do
        if load(at + i * 4096 + 8) ~= -round * 1000 - i then print('the mapping', round, i) end
        seek(file, i * 4096)
        local text = read(file, 16)
        if text ~= string.pack('<i8i8', round * 1000 + i, -round * 1000 - i) then
          print('the file', round, i)
        end
      end
    end
    print('done')
  )");
  test.run();
  EXPECT_EQ(test.printed, "done\n");
  expect_laws(*test.machine);
}

TEST(Paging, ARemovedSegmentLastsAsLongAsItIsMapped) {
  TestMachine test;
  test.start(R"(
    local old = shm_open('s', 4096)
    store(old, 7)
    print(shm_unlink('s'), (select(2, shm_unlink('s'))))
    print(load(old), load(shm_open('s', 8192)))
    sleep(1000)
  )");
  test.machine->run_until({100'000'000});
  EXPECT_EQ(test.printed, "true\tthere is no such segment\n7\t0\n");
  const auto objects = test.machine->snapshot_system().objects;
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].kind, "memory");
  EXPECT_EQ(objects[0].total, 8192);
  EXPECT_EQ(objects[0].value, 1);
  expect_laws(*test.machine);
}

TEST(Paging, SwapIsSwitchedOffAndOnWhileItIsNotUsed) {
  TestMachine test(small_machine(40, 100));
  test.start("local at = mmap(60 * 4096) for i = 0, 59 do store(at + i * 4096, i) end sleep(1000)");
  test.machine->run_until({2'000'000'000});
  EXPECT_EQ(test.machine->set_swap_bytes(0).code(), 0);
  test.start("local at = mmap(60 * 4096) for i = 0, 59 do store(at + i * 4096, i) end");
  test.run();
  EXPECT_NE(test.printed.find("Out of memory"), std::string::npos);
  EXPECT_TRUE(test.machine->set_swap_bytes(100 * 4096).ok());
  test.start(
      "local at = mmap(60 * 4096) for i = 0, 59 do store(at + i * 4096, i) end sleep(1000) "
      "print('all is there')");
  test.machine->run_until(test.machine->now() + VirtualTime{800'000'000});
  EXPECT_EQ(test.machine->set_swap_bytes(0).code(), EBUSY);
  test.run();
  EXPECT_NE(test.printed.find("all is there"), std::string::npos);
  expect_laws(*test.machine);
}

/// How the words are moved: with programmed I/O the processor is busy for as long as the disk is;
/// with interrupts it moves them block by block; with DMA it is only told.
TEST(Paging, PagesInAtTheCostOfTheDeviceMode) {
  std::map<DeviceMode, VirtualTime> busy;
  std::map<DeviceMode, VirtualTime> interrupted;
  for (const DeviceMode mode :
       {DeviceMode::kProgrammed, DeviceMode::kInterrupt, DeviceMode::kDma}) {
    MachineConfiguration configuration = small_machine(40, 200);
    configuration.device_mode = mode;
    TestMachine test(configuration);
    test.start(
        "local at = mmap(60 * 4096) for round = 1, 3 do for i = 0, 59 do "
        "store(at + i * 4096, i) end end print(load(at + 59 * 4096))");
    test.run();
    EXPECT_EQ(test.printed, "59\n");
    const SystemSnapshot system = test.machine->snapshot_system();
    EXPECT_GT(system.memory.major_faults, 50u);
    busy[mode] = system.cpus[0].times.system;
    interrupted[mode] = system.cpus[0].times.irq;
    expect_laws(*test.machine);
  }
  EXPECT_GT(busy[DeviceMode::kProgrammed].ns, 10 * busy[DeviceMode::kInterrupt].ns);
  EXPECT_GT(interrupted[DeviceMode::kInterrupt].ns, 2 * interrupted[DeviceMode::kDma].ns);
}

TEST(Paging, SignalsWhoeverGoesWhereNothingIs) {
  TestMachine test;
  test.start(R"(
    print(select(3, wait(fork(function() load(64) end))))
    print(select(3, wait(fork(function() store(mmap(4096, 'r'), 1) end))))
    print(select(3, wait(fork(function() load(mmap(4096) + 1) end))))
    signal('SEGV', function() print('caught') end)
    print((select(2, touch(8))))
  )");
  test.run();
  EXPECT_EQ(test.printed, "SEGV\nSEGV\nBUS\ncaught\nno area is mapped there\n");
}

TEST(Paging, KillsTheLargestWhenMemoryAndSwapAreFull) {
  TestMachine test(small_machine(60, 20));
  test.start(
      "local at = mmap(4096) store(at, 5) sleep(5000) "
      "print('small has', load(at))");
  const ProcessNumber large = test.start(
      "local at = mmap(400 * 4096) "
      "for i = 0, 399 do touch(at + i * 4096, 'w') end");
  test.run();
  EXPECT_NE(test.printed.find("Out of memory: killed process " + std::to_string(large)),
            std::string::npos);
  EXPECT_NE(test.printed.find("small has\t5"), std::string::npos);
  expect_laws(*test.machine);
}

TEST(Paging, StopsAProcessWhenAllTogetherThrash) {
  std::map<bool, std::int64_t> ended_ns;
  for (const bool controlled : {false, true}) {
    MachineConfiguration configuration = small_machine(80, 400);
    configuration.load_control = controlled;
    configuration.memory.replacement = "lru";
    TestMachine test(configuration);
    for (int i = 0; i < 3; ++i)
      test.start(
          "local at = mmap(40 * 4096) for round = 1, 60 do "
          "for i = 0, 39 do touch(at + i * 4096, 'w') end compute(5) end");
    test.run();
    EXPECT_TRUE(test.machine->finished());
    EXPECT_EQ(test.printed.find("Thrashing: suspended process") != std::string::npos, controlled);
    ended_ns[controlled] = test.machine->now().ns;
    expect_laws(*test.machine);
  }
  EXPECT_LT(ended_ns[true], ended_ns[false] / 2);
}

TEST(Paging, LetsAStoppedProcessGoOnWhileTheOtherSleeps) {
  MachineConfiguration configuration = small_machine(60, 400);
  configuration.memory.replacement = "lru";
  TestMachine test(configuration);
  for (int i = 0; i < 2; ++i)
    test.start(
        "local at = mmap(40 * 4096) for round = 1, 60 do "
        "for i = 0, 39 do touch(at + i * 4096, 'w') end compute(5) end "
        "print('worked') sleep(3600000)");
  test.machine->run_until(VirtualTime{600'000'000'000});
  EXPECT_NE(test.printed.find("Thrashing: suspended process"), std::string::npos);
  EXPECT_NE(test.printed.find("worked"), test.printed.rfind("worked")) << test.printed;
}

/// Processes that thrash together; each says so if anybody continues it.
void start_thrashing(TestMachine& test) {
  for (int i = 0; i < 3; ++i)
    test.start(
        "signal('CONT', function() print('continued') end) "
        "local at = mmap(40 * 4096) for round = 1, 60 do "
        "for i = 0, 39 do touch(at + i * 4096, 'w') end compute(5) end");
}

/// Steps until load control has suspended a process, which is returned; 0 if it never does.
ProcessNumber run_to_suspension(TestMachine& test) {
  while (test.machine->step())
    for (const ProcessNumber number : test.machine->processes()) {
      const auto process = test.machine->snapshot_process(number, WithAreas::kNo);
      if (process->space && test.machine->memory().statistics(process->space).suspended)
        return number;
    }
  return 0;
}

MachineConfiguration thrashing_machine() {
  MachineConfiguration configuration = small_machine(80, 400);
  configuration.memory.replacement = "lru";
  return configuration;
}

TEST(Paging, LoadControlIsNoSignal) {
  TestMachine test(thrashing_machine());
  start_thrashing(test);
  ASSERT_NE(run_to_suspension(test), 0);
  test.run();
  EXPECT_TRUE(test.machine->finished());
  EXPECT_EQ(test.printed.find("continued"), std::string::npos) << test.printed;
}

TEST(Paging, LoadControlLetsNobodyGoWhomASignalStopped) {
  TestMachine test(thrashing_machine());
  start_thrashing(test);
  const ProcessNumber suspended = run_to_suspension(test);
  ASSERT_NE(suspended, 0);
  ASSERT_TRUE(test.machine->kill(suspended, kSigStop).ok());
  test.run(600'000'000'000);
  EXPECT_NE(test.printed.find("Resumed process"), std::string::npos);
  EXPECT_EQ(test.machine->snapshot_process(suspended, WithAreas::kNo)->state, 'T');
  ASSERT_TRUE(test.machine->kill(suspended, kSigCont).ok());
  test.run();
  EXPECT_TRUE(test.machine->finished());
}

TEST(Paging, ASuspendedProcessCanBeEnded) {
  TestMachine test(thrashing_machine());
  start_thrashing(test);
  const ProcessNumber suspended = run_to_suspension(test);
  ASSERT_NE(suspended, 0);
  ASSERT_TRUE(test.machine->kill(suspended, kSigTerm).ok());
  test.machine->run_until(test.machine->now() + VirtualTime{100'000'000});
  EXPECT_EQ(test.machine->snapshot_process(suspended, WithAreas::kNo).code(), ESRCH);
  test.run();
  EXPECT_TRUE(test.machine->finished());
}

TEST(Paging, SwapsToAFileOfTheVolume) {
  TestMachine swapless(small_machine(30, 0));
  MachineConfiguration configuration = small_machine(30, 0);
  MemoryHost host;
  host.add("/swapfile", std::string(200 * 4096, '\0'));
  auto machine = Machine::create(configuration, host);
  ASSERT_TRUE(machine.ok());
  std::string printed;
  (*machine)->on_console([&](std::string_view text) { printed += text; });
  ASSERT_TRUE((*machine)
                  ->start({.path = "/a",
                           .source = "local at = mmap(50 * 4096) for i = 0, 49 do "
                                     "store(at + i * 4096, 0x5350494e444c45) end "
                                     "print(load(at))"})
                  .ok());
  while (!(*machine)->finished() && (*machine)->step()) {
  }
  EXPECT_EQ(printed, std::to_string(0x5350494e444c45) + "\n");
  const std::string content = read_whole(host, "/swapfile", 1 << 20).take();
  EXPECT_NE(content.find("ELDNIPS"), std::string::npos);
}

/// The textbook's reference strings, as programs.
TEST(Paging, FaultsAsTheSolverSays) {
  std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/simulation-cases.json");
  int compared = 0;
  for (const auto& each : nlohmann::json::parse(file)) {
    const bool fits = each["domain"] == "page-replacement" &&
                      (each["algorithm"] == "FIFO" || each["algorithm"] == "LRU") &&
                      each["input"]["refs"].is_array() && each["input"]["refs"].size() < 200 &&
                      !each["input"]["refs"][0].is_array() &&
                      !each["parameters"].contains("count_cold");
    if (!fits) continue;
    SCOPED_TRACE(each["id"].get<std::string>());
    MachineConfiguration configuration;
    configuration.costs = MachineCosts::none();
    configuration.memory.bytes = each["parameters"]["frames"].get<std::uint64_t>() * 4096;
    configuration.memory.replacement = each["algorithm"] == "LRU" ? "lru" : "fifo";
    TestMachine test(configuration);
    std::string program = "local at = mmap(1 << 20) for _, page in ipairs {";
    for (const auto& page : each["input"]["refs"]) program += page.dump() + ",";
    test.start(program + "} do touch(at + page * 4096) end");
    test.run();
    EXPECT_EQ(test.machine->snapshot_system().memory.faults, each["expected"]["faults"]);
    ++compared;
  }
  EXPECT_GT(compared, 10);
}

TEST(Paging, KeepsWhatFilesWereReadAndFetchesAhead) {
  TestMachine test({.costs = MachineCosts::none()});
  test.host.add("/data", std::string(200'000, 'x'));
  test.start(R"(
    local function scan()
      local f, begin, bytes = open('/data'), now(), 0
      while true do
        local text = read(f, 8192)
        if text == '' then break end
        bytes = bytes + #text
      end
      close(f)
      return bytes, now() - begin
    end
    local first, time = scan() local second, again = scan()
    print(first, second, time > 0, again)
    local f = open('/data', 'r+')
    local m = mmap(8192, 'r', 'private', f)
    write(f, ('y'):rep(8)) seek(f, 0)
    print(read(f, 9), load(m) == 0x7979797979797979)
  )");
  test.run();
  EXPECT_EQ(test.printed.substr(0, 26), "200000\t200000\ttrue\t0.0\nyyy") << test.printed;
  EXPECT_NE(test.printed.find("yyyyyyyyx\ttrue"), std::string::npos) << test.printed;
  // Another program changes the file: the pages kept of it are dropped.
  test.host.add("/data", "new");
  test.start("local f = open('/data') print(read(f, 100))");
  test.run();
  EXPECT_NE(test.printed.find("\nnew\n"), std::string::npos) << test.printed;
  EXPECT_EQ(test.machine->memory().broken_law(), "");
}

/// More processes than there is room for: they take turns in memory, and all come to their end.
TEST(Paging, PartitionsAreRolledOutAndIn) {
  for (const char* allocation : {"partitions", "fixed-partitions", "segmentation"}) {
    SCOPED_TRACE(allocation);
    MachineConfiguration configuration = small_machine(40, 400);
    configuration.memory.allocation = allocation;
    configuration.memory.partitions = {16 * 4096, 16 * 4096};
    configuration.partition_bytes = 16 * 4096;
    TestMachine test(configuration);
    for (int i = 0; i < 5; ++i)
      test.start("local at = mmap(12 * 4096) for i = 0, 11 do store(at + i * 4096, i * " +
                 std::to_string(i) +
                 ") end for round = 1, 30 do compute(100) local sum = 0 for i = 0, 11 do sum = sum "
                 "+ load(at + i * 4096) end if sum ~= 66 * " +
                 std::to_string(i) + " then print('wrong') end end print('done')");
    test.run(200'000'000'000);
    expect_laws(*test.machine);
    EXPECT_TRUE(test.machine->finished());
    std::size_t done = 0;
    for (std::size_t at = 0; (at = test.printed.find("done\n", at)) != std::string::npos; ++at)
      ++done;
    EXPECT_EQ(done, 5u);
    EXPECT_EQ(test.printed.find("wrong"), std::string::npos);
    EXPECT_NE(test.printed.find("Swapped out process"), std::string::npos);
    EXPECT_NE(test.printed.find("Swapped in process"), std::string::npos);
    EXPECT_GT(test.machine->snapshot_system().memory.swapped_in, 12u);
    EXPECT_GT(test.machine->snapshot_system().disks[0].writes, 12u);
  }
}

/// Programs that start at once, faster than the disk brings their text, wait for room all the same.
TEST(Paging, ManyStartInFewPartitions) {
  MachineConfiguration configuration = small_machine(40, 400);
  configuration.memory.allocation = "partitions";
  configuration.partition_bytes = 16 * 4096;
  TestMachine test(configuration);
  test.host.add("/bin/long.lua", "compute(50) print(arg[1]) --" + std::string(20'000, 'x'));
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(test.machine->start({.path = "/bin/long.lua", .arguments = {"end"}}).ok());
  test.run(100'000'000'000);
  EXPECT_TRUE(test.machine->finished());
  std::size_t ended = 0;
  for (std::size_t at = 0; (at = test.printed.find("end\n", at)) != std::string::npos; ++at)
    ++ended;
  EXPECT_EQ(ended, 8u) << test.printed;
  expect_laws(*test.machine);
}

/// Of the processes that wait for the disk, the better class goes first.
TEST(Paging, TheDiskServesByClass) {
  TestMachine test;
  test.host.add("/data", std::string(4 << 20, 'x'));
  const std::string reader =
      " local f = open('/data') for i = 1, 60 do seek(f, math.random(0, 1000) * 4096) "
      "read(f, 4096) end print(";
  test.start("ionice('idle')" + reader + "'idle')");
  test.start(reader + "'usual')");
  test.start("ionice('realtime', 4)" + reader + "'realtime')");
  const ProcessNumber user = test.start(
      "print(select(2, ionice('realtime'))) ionice('best-effort', 7) sleep(9e4)", {.uid = 1000});
  test.run(80'000'000'000);
  EXPECT_LT(test.printed.find("realtime\n"), test.printed.find("usual\n")) << test.printed;
  EXPECT_LT(test.printed.find("usual\n"), test.printed.find("idle\n")) << test.printed;
  EXPECT_NE(test.printed.find("only root may give real-time I/O"), std::string::npos);
  const auto process = test.machine->snapshot_process(user);
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(process->threads[0].io_priority.io_class, IoPriority::Class::kBestEffort);
  EXPECT_EQ(process->threads[0].io_priority.level, 7u);
}

}  // namespace
}  // namespace spindle
