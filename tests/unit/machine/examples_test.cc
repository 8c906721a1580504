// The programs and scenarios of examples/machine do what they say.

#include <filesystem>
#include <fstream>
#include <iterator>

#include "laws.h"
#include "spindle/machine/scenario.h"

namespace spindle {
namespace {

const std::filesystem::path kExamples = SPINDLE_SOURCE_FOLDER "/examples/machine";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string run(const std::string& program, std::vector<std::string> arguments,
                MachineConfiguration configuration = {}) {
  TestMachine test(configuration);
  test.host.add("/data", std::string(100'000, '\n'));
  StartRequest request;
  request.arguments = std::move(arguments);
  test.start(read(kExamples / "bin" / (program + ".lua")), request);
  test.run();
  expect_laws(*test.machine);
  return test.printed;
}

TEST(Examples, SayWhatTheyDid) {
  EXPECT_EQ(run("hog", {"50"}), "");
  EXPECT_NE(run("interactive", {"5"}).find("mean answer"), std::string::npos);
  EXPECT_EQ(run("disk_scan", {}), "/data: 100000 bytes, 100000 lines\n");
  EXPECT_EQ(run("disk_scan", {"/nowhere"}), "/nowhere: there is no such file\n");
  EXPECT_EQ(run("producer_consumer", {}), "20 items came in order\n");
  EXPECT_NE(run("readers_writers", {}).find("written 10 times"), std::string::npos);
  EXPECT_EQ(run("fork_tree", {"4"}), "31 processes\n");
  EXPECT_EQ(run("pipeline", {}), "the odd numbers up to 200 make 10000\n");
  EXPECT_NE(run("server", {"3"}).find("served 40 requests with 3 threads"), std::string::npos);
  EXPECT_NE(run("job_scheduler", {}).find("mean time"), std::string::npos);
  EXPECT_NE(run("load_balancer", {}, {.cpus = 4}).find("24 jobs took"), std::string::npos);
}

TEST(Examples, PhilosophersDeadlockByStrategy) {
  const auto dine = [](DeadlockStrategy strategy, std::vector<std::string> arguments) {
    MachineConfiguration configuration;
    configuration.cpu_policy = "rr";
    configuration.deadlock = strategy;
    return run("philosophers", std::move(arguments), configuration);
  };
  EXPECT_EQ(dine(DeadlockStrategy::kNone, {}), "");
  EXPECT_EQ(dine(DeadlockStrategy::kDetection, {}), "");
  EXPECT_EQ(dine(DeadlockStrategy::kRecovery, {}), "4 of 5 philosophers have eaten\n");
  EXPECT_NE(dine(DeadlockStrategy::kOrdering, {}).find("it comes before what the thread holds"),
            std::string::npos);
  EXPECT_EQ(dine(DeadlockStrategy::kNone, {"ordered"}), "5 of 5 philosophers have eaten\n");
}

TEST(Examples, ScenariosRunToTheirEnd) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kExamples / "scenarios")) {
    SCOPED_TRACE(entry.path());
    std::string message;
    const auto read_beside = [](const std::string& name) -> Result<std::string> {
      return read(kExamples / "scenarios" / name);
    };
    const auto scenario = read_scenario(read(entry.path()), "test", read_beside, message);
    ASSERT_TRUE(scenario.ok()) << message;
    const auto run = run_scenario(*scenario, message);
    ASSERT_TRUE(run.ok()) << message;
    EXPECT_TRUE(run->machine->finished());
    std::uint64_t faults = 0;
    for (std::size_t i = 1; i < run->samples.size(); ++i) {
      EXPECT_EQ(run->samples[i].at - run->samples[i - 1].at, run->samples[1].at);
      faults += run->samples[i].faults;
    }
    EXPECT_LE(faults, run->machine->snapshot_system().memory.faults);
    EXPECT_LE(run->machine->now() - run->samples.back().at, run->samples[1].at);
    ++count;
  }
  EXPECT_GE(count, 5);
}

TEST(Examples, TheCrontabStartsPrograms) {
  TestMachine test;
  MemoryHost host;
  for (const char* name : {"hog", "fork_tree", "pipeline"})
    host.add(std::string("/bin/") + name + ".lua",
             read(kExamples / "bin" / (std::string(name) + ".lua")));
  host.add("/etc/crontab", read(kExamples / "etc/crontab") + "nonsense\n");
  auto machine = Machine::create({.start_wall_seconds = 1'700'000'030}, host).take();
  std::string printed;
  machine->on_console([&](std::string_view text) { printed += text; });
  machine->run_until({600'000'000'000});
  int hogs = 0;
  int trees = 0;
  for (const ProcessRecord& record : machine->records()) {
    hogs += record.name == "hog" ? 1 : 0;
    trees += record.name == "fork_tree" && record.arrival.ns % 1'000'000'000 == 0 ? 1 : 0;
  }
  EXPECT_EQ(hogs, 10);
  EXPECT_EQ(trees, 2);
  EXPECT_NE(printed.find("the odd numbers up to 200 make 10000"), std::string::npos);
}

/// A change, creation or removal of the table takes effect within a minute.
TEST(Examples, TheCrontabIsReadAgain) {
  MemoryHost host;
  host.add("/bin/say.lua", "print(arg[1])");
  auto machine = Machine::create({}, host).take();
  std::string printed;
  machine->on_console([&](std::string_view text) { printed += text; });
  machine->run_until({90'000'000'000});
  host.add("/etc/crontab", "* * * * * /bin/say.lua one\n");
  machine->run_until({200'000'000'000});
  host.add("/etc/crontab", "* * * * * /bin/say.lua two\nwrong\n");
  machine->run_until({270'000'000'000});
  ASSERT_TRUE(host.remove("/etc/crontab").ok());
  machine->run_until({500'000'000'000});
  EXPECT_EQ(printed, "one\none\nline 2 of the crontab cannot be read\ntwo\n");
}

/// A process has no memory before it arrives: there may be room for only one at a time.
TEST(Scenario, ProcessesComeWithTheirMemory) {
  std::string message;
  const auto scenario = read_scenario(
      "machine { allocation = 'fixed-partitions', partitions = { 65536 }, partition = 65536, "
      "memory = 65536, swap = 0 }"
      "process { 'first', burst = 10 } process { 'second', at = 20, burst = 10 }"
      "process { 'third', at = 25, burst = 10 }",
      "test", {}, message);
  ASSERT_TRUE(scenario.ok()) << message;
  const auto run = run_scenario(*scenario, message);
  ASSERT_TRUE(run.ok()) << message;
  const auto& records = run->machine->records();
  EXPECT_EQ(records[0].wait_status, 0);
  EXPECT_EQ(records[1].wait_status, 0);
  EXPECT_EQ(records[2].wait_status, 9) << "there is no room for it";
  EXPECT_EQ(run->console, "third: no free run is large enough\n");
}

TEST(Scenario, NamesWhatIsWrong) {
  const auto complaint = [](const std::string& text) {
    std::string message;
    const auto nothing = [](const std::string&) -> Result<std::string> {
      return Error{ENOENT, "it cannot be read"};
    };
    EXPECT_FALSE(read_scenario(text, "test", nothing, message).ok());
    return message;
  };
  EXPECT_EQ(complaint(""), "test: there is no process in it");
  EXPECT_EQ(complaint("machine { quantun = 4 }"), "test:1: machine: there is no 'quantun'");
  EXPECT_EQ(complaint("machine { cpus = 65 }"), "test:1: machine: 'cpus' is from 1 to 64");
  EXPECT_EQ(complaint("machine { deadlock = 'x' }"),
            "test:1: machine: 'deadlock' is none, ordering, banker, detection or recovery");
  EXPECT_EQ(complaint("process { 'P' }"), "test:1: process: it has no program, code or burst");
  EXPECT_EQ(complaint("process { burst = 'x' }"),
            "test:1: process: 'burst' is a number, or a list of them");
  EXPECT_EQ(complaint("\n\nprocess { burst = { 1, 'x' } }"),
            "test:3: process: 'burst' is a list of numbers, none below 0");
  EXPECT_EQ(complaint("process { 'P', 5, burst = 1 }"),
            "test:1: process: it has a value without a key");
  EXPECT_TRUE(complaint("machine { policy = 'x' }")
                  .starts_with("test:1: machine: 'policy' is fcfs, rr, priority, "));
  EXPECT_EQ(complaint("machine { allotment = 'x' }"),
            "test:1: machine: 'allotment' is global, fixed, fault-frequency or working-set");
  EXPECT_EQ(complaint("machine { requeue = 'x' }"),
            "test:1: machine: 'requeue' is arrivals-first or preempted-first");
  EXPECT_NE(complaint("process { program = 'x.lua' }").find("x.lua: it cannot be read"),
            std::string::npos);
  EXPECT_NE(complaint("process {").find("test:1:"), std::string::npos);
  EXPECT_NE(complaint("while true do end").find("the script does not come to its end"),
            std::string::npos);
  EXPECT_NE(complaint("io.open('/etc/passwd')").find("nil value"), std::string::npos);
  EXPECT_NE(
      complaint("local t = {} while true do t[#t + 1] = ('x'):rep(1000000) end").find("memory"),
      std::string::npos);
}

}  // namespace
}  // namespace spindle
