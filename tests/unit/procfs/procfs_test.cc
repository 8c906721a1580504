#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <sstream>

#include "spindle/procfs/event_text.h"
#include "spindle/procfs/process_files.h"
#include "spindle/procfs/sys_files.h"
#include "spindle/procfs/system_files.h"

namespace spindle::procfs {
namespace {

constexpr VirtualTime seconds(double value) {
  return {static_cast<std::int64_t>(value * 1e9)};
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string system_text(const SystemSnapshot& system, std::string_view path) {
  for (const SystemFile& file : system_files()) {
    if (file.path == path) return file.text({system, 1'700'000'000});
  }
  ADD_FAILURE() << path;
  return {};
}

std::string process_text(const ProcessView& view, std::string_view name) {
  for (const ProcessFile& file : process_files()) {
    if (file.name == name) return file.text(view);
  }
  ADD_FAILURE() << name;
  return {};
}

SystemSnapshot two_cpus() {
  SystemSnapshot system;
  system.now = seconds(10);
  system.cpus.resize(2);
  system.cpus[0].times = {seconds(3), seconds(1), seconds(2), seconds(3), seconds(1), {}};
  system.cpus[1].times = {seconds(0.129), {}, {}, seconds(9.871), {}, {}};
  system.load = {0.5, 0.25, 0.125};
  system.running = 2;
  system.threads = 9;
  system.last_process = 117;
  system.memory.total = 64 << 20;
  system.memory.free = 20 << 20;
  system.memory.cached = 7 << 20;
  DiskSnapshot& disk = system.disks.emplace_back();
  disk.name = "sda";
  disk.reads = 5;
  disk.read_sectors = 40;
  disk.read_time = seconds(0.05);
  disk.busy = seconds(1);
  return system;
}

ProcessSnapshot sample_process() {
  ProcessSnapshot process;
  process.id = process.group = process.session = 101;
  process.parent = 1;
  process.name = "a (very) strange name";
  process.arguments = {"/bin/hog.lua", "two words", ""};
  process.state = 'R';
  process.uid = 1000;
  process.user = seconds(1.5);
  process.system = seconds(0.25);
  process.started = seconds(2);
  process.has_executed = true;
  process.terminal = 1;
  process.foreground_group = 101;
  process.threads.resize(2);
  ThreadSnapshot& first = process.threads[0];
  first.id = 101;
  first.name = "main";
  first.user = seconds(1);
  first.nice = 5;
  first.cpus_allowed = 5;
  first.pending = std::uint64_t{1} << 15;
  ThreadSnapshot& second = process.threads[1];
  second.id = 102;
  second.name = "worker";
  second.state = 'S';
  second.user = seconds(0.5);
  second.wait_channel = "sem_wait";
  process.areas.resize(3);
  MemoryAreaSnapshot& code = process.areas[0];
  code.start = 0x400000;
  code.end = 0x402000;
  code.read = code.execute = true;
  code.kind = AreaKind::kFile;
  code.inode = 7;
  code.name = "/bin/hog.lua";
  code.resident = code.shared_clean = 4096;
  code.proportional = 2048;
  MemoryAreaSnapshot& heap = process.areas[1];
  heap.start = 0x600000;
  heap.end = 0x610000;
  heap.read = heap.write = true;
  heap.kind = AreaKind::kHeap;
  heap.name = "[heap]";
  heap.resident = heap.proportional = heap.private_dirty = heap.anonymous = 9 * 1024;
  heap.swapped = 4096;
  MemoryAreaSnapshot& shared = process.areas[2];
  shared.start = 0x700000;
  shared.end = 0x701000;
  shared.kind = AreaKind::kSegment;
  shared.inode = 3;
  shared.name = "/dev/shm/table";
  shared.read = shared.write = shared.shared = true;
  shared.resident = shared.proportional = 4096;
  return process;
}

// Of all areas in smaps.
std::uint64_t sum_of(const std::string& smaps, const std::string& key) {
  std::uint64_t sum = 0;
  for (const std::string& line : lines(smaps)) {
    if (line.starts_with(key + ":")) sum += std::stoull(line.substr(key.size() + 1));
  }
  return sum;
}

std::uint64_t value_of(const std::string& text, const std::string& key) {
  const auto at = text.find("\n" + key + ":");
  EXPECT_NE(at, text.npos) << key;
  return std::stoull(text.substr(at + key.size() + 2));
}

TEST(SystemFiles, TheColumnsOfACpuAddUpToTheUptime) {
  const auto stat = lines(system_text(two_cpus(), "stat"));
  EXPECT_EQ(stat[0], "cpu  312 100 200 1287 100 0 0 0 0 0");
  EXPECT_EQ(stat[1], "cpu0 300 100 200 300 100 0 0 0 0 0");
  EXPECT_EQ(stat[2], "cpu1 12 0 0 987 0 0 0 0 0 0");
  EXPECT_EQ(system_text(two_cpus(), "uptime"), "10.00 12.87\n");
  EXPECT_EQ(system_text(two_cpus(), "loadavg"), "0.50 0.25 0.12 2/9 117\n");
  EXPECT_NE(system_text(two_cpus(), "stat").find("\nbtime 1700000000\n"), std::string::npos);
}

TEST(SystemFiles, MemoryIsInKibAndInOneRead) {
  const std::string meminfo = system_text(two_cpus(), "meminfo");
  EXPECT_EQ(lines(meminfo)[0], "MemTotal:          65536 kB");
  EXPECT_EQ(value_of("\n" + meminfo, "MemFree"), 20480u);
  EXPECT_EQ(value_of(meminfo, "MemAvailable"), 27648u);
  for (const char* name : {"meminfo", "vmstat"})
    EXPECT_LT(system_text(two_cpus(), name).size(), 8191u);
}

TEST(SystemFiles, ADiskIsTheSameInDiskstatsAndInSys) {
  const SystemSnapshot system = two_cpus();
  const std::string columns = "5 0 40 50 0 0 0 0 0 1000 0 0 0 0 0 0 0";
  EXPECT_EQ(system_text(system, "diskstats"), "   8       0 sda " + columns + "\n");
  std::map<std::string, std::string> sys;
  std::size_t folders = 0;
  for (const SysEntry& entry : sys_entries({system, 0})) {
    const std::string parent = entry.path.substr(0, entry.path.find_last_of('/'));
    EXPECT_TRUE(parent == entry.path || sys.contains(parent)) << entry.path;
    folders += entry.is_folder;
    sys[entry.path] = entry.text;
  }
  EXPECT_EQ(sys["block/sda/stat"], columns + "\n");
  EXPECT_EQ(sys["devices/system/cpu/online"], "0-1\n");
  EXPECT_TRUE(sys.contains("devices/system/cpu/cpu1"));
  EXPECT_GT(folders, 10u);
}

TEST(ProcessFiles, StatHas52Fields) {
  const ProcessSnapshot process = sample_process();
  const ThreadSnapshot thread = main_thread(process);
  const std::string text = process_text({process, thread, false, 101, 2}, "stat");
  EXPECT_TRUE(text.starts_with("101 (a (very) strang) R 1 101 101 34817 101 ")) << text;
  const auto fields = words(text.substr(text.rfind(')') + 2));
  ASSERT_EQ(fields.size(), 50u);
  const auto field = [&](std::size_t number) { return fields[number - 3]; };
  EXPECT_EQ(field(9), std::to_string(0x00400000));
  EXPECT_EQ(field(14), "150");
  EXPECT_EQ(field(15), "25");
  EXPECT_EQ(field(18), "25");
  EXPECT_EQ(field(19), "5");
  EXPECT_EQ(field(20), "2");
  EXPECT_EQ(field(22), "200");
  EXPECT_EQ(field(23), std::to_string(0x2000 + 0x10000 + 0x1000));
  EXPECT_EQ(field(24), "5");
  EXPECT_EQ(field(25), "18446744073709551615");
  EXPECT_EQ(field(38), "17");
}

TEST(ProcessFiles, AThreadShowsItsOwn) {
  const ProcessSnapshot process = sample_process();
  const ProcessView view{process, process.threads[1], true, 102, 2};
  const auto fields = words(process_text(view, "stat"));
  EXPECT_EQ(fields[1], "(worker)");
  EXPECT_EQ(fields[2], "S");
  EXPECT_EQ(fields[13], "50");
  EXPECT_EQ(process_text(view, "wchan"), "sem_wait");
  const std::string status = process_text(view, "status");
  EXPECT_NE(status.find("\nTgid:\t101\n"), status.npos);
  EXPECT_NE(status.find("\nPid:\t102\n"), status.npos);
}

TEST(ProcessFiles, SizesAgreeWithOneAnother) {
  const ProcessSnapshot process = sample_process();
  const ProcessView view{process, process.threads[0], false, 101, 2};
  const std::string status = process_text(view, "status");
  const std::string smaps = process_text(view, "smaps");
  EXPECT_EQ(value_of(status, "VmSize"), sum_of(smaps, "Size"));
  EXPECT_EQ(value_of(status, "VmRSS"), sum_of(smaps, "Rss"));
  EXPECT_EQ(value_of(status, "VmRSS"), value_of(status, "RssAnon") + value_of(status, "RssFile") +
                                           value_of(status, "RssShmem"));
  EXPECT_EQ(value_of(status, "RssShmem"), 4u);
  EXPECT_EQ(value_of(status, "VmSwap"), 4u);
  const auto statm = words(process_text(view, "statm"));
  EXPECT_EQ(std::stoull(statm[1]) * 4, value_of(status, "VmRSS"));
  const std::string rollup = process_text(view, "smaps_rollup");
  for (const char* key : {"Rss", "Pss", "Private_Dirty", "Shared_Clean", "Swap"}) {
    EXPECT_EQ(value_of(rollup, key), sum_of(smaps, key)) << key;
  }
  const auto maps = lines(process_text(view, "maps"));
  EXPECT_EQ(maps[0].find("/bin/hog.lua"), 73u);
  EXPECT_TRUE(maps[0].starts_with("00400000-00402000 r-xp 00000000 08:01 7 "));
  EXPECT_TRUE(maps[2].starts_with("00700000-00701000 rw-s 00000000 00:01 3 "));
  ProcessView mounted = view;
  mounted.device = "00:2d";
  EXPECT_TRUE(process_text(mounted, "maps").starts_with("00400000-00402000 r-xp 00000000 00:2d 7"));
}

TEST(ProcessFiles, StatusHasLinuxsKeys) {
  const ProcessSnapshot process = sample_process();
  const std::string status = process_text({process, process.threads[0], false, 101, 4}, "status");
  for (const char* line :
       {"\nState:\tR (running)\n", "\nUid:\t1000\t1000\t1000\t1000\n", "\nThreads:\t2\n",
        "\nSigPnd:\t0000000000004000\n", "\nCpus_allowed:\t5\n", "\nCpus_allowed_list:\t0,2\n"}) {
    EXPECT_NE(status.find(line), status.npos) << line << status;
  }
  EXPECT_EQ(process_text({process, process.threads[0], false, 101, 4}, "cmdline"),
            std::string("/bin/hog.lua\0two words\0\0", 24));
}

TEST(ProcessFiles, KernelThreadsAndZombiesHaveNoProgram) {
  ProcessSnapshot zombie = sample_process();
  zombie.state = 'Z';
  zombie.threads.clear();
  zombie.areas.clear();
  zombie.wait_status = 9;
  const ThreadSnapshot thread = main_thread(zombie);
  const ProcessView view{zombie, thread, false, 101, 2};
  EXPECT_EQ(process_text(view, "cmdline"), "");
  EXPECT_EQ(process_text(view, "status").find("Vm"), std::string::npos);
  const auto fields = words(process_text(view, "stat"));
  EXPECT_EQ(fields.back(), "9");
  EXPECT_NE(process_text(view, "status").find("Z (zombie)"), std::string::npos);
}

// A ring in which a thread runs, calls, waits and is woken.
EventRing sample_ring() {
  EventRing ring(100);
  const auto hog = ring.intern("hog");
  const auto path = ring.intern("/etc/\"motd\"");
  using Kind = MachineEventKind;
  ring.record({.at = {1'000'000}, .kind = Kind::kSwitch, .other = 101, .other_name = hog});
  ring.record({.at = {2'000'000},
               .kind = Kind::kSyscallEnter,
               .number = static_cast<std::int16_t>(SystemCall::kOpen),
               .thread = 101,
               .process = 101,
               .name = hog,
               .text = path});
  ring.record({.at = {2'500'000},
               .kind = Kind::kSyscallExit,
               .number = static_cast<std::int16_t>(SystemCall::kOpen),
               .thread = 101,
               .process = 101,
               .name = hog,
               .value = -ENOENT});
  ring.record({.at = {3'000'000},
               .kind = Kind::kSwitch,
               .state = 'S',
               .thread = 101,
               .process = 101,
               .name = hog});
  ring.record({.at = {4'000'000}, .kind = Kind::kWakeup, .other = 101, .other_name = hog});
  ring.record({.at = {4'500'000}, .kind = Kind::kSwitch, .other = 101, .other_name = hog});
  ring.record({.at = {5'000'000},
               .kind = Kind::kExit,
               .thread = 101,
               .process = 101,
               .name = hog,
               .value = 3 << 8});
  return ring;
}

TEST(EventText, FtraceIsWhatPerfettoReads) {
  const auto text = lines(ftrace_text(sample_ring(), 1));
  EXPECT_EQ(text[0], "# tracer: nop");
  EXPECT_EQ(text[6],
            "       swapper/0-0       (-----) [000] d..2     0.001000: sched_switch: "
            "prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=hog "
            "next_pid=101 next_prio=120");
  EXPECT_EQ(text[7], "             hog-101     (  101) [000] d..2     0.002000: print: B|101|open");
}

TEST(EventText, StraceShowsCallsWithTheirResults) {
  EXPECT_EQ(strace_text(sample_ring(), 101),
            "101 0.002000 open(\"/etc/\\\"motd\\\"\") = -1 ENOENT (No such file or directory) "
            "<0.000500>\n101 0.005000 +++ exited with 3 +++\n");
  EXPECT_EQ(strace_text(sample_ring(), 102), "");
}

TEST(EventText, ChromesSlicesOfACpuFollowOneAnother) {
  const std::string json = chrome_trace(sample_ring(), 1);
  EXPECT_TRUE(json.starts_with("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{"));
  const auto slice = [&](const char* text) { return json.find(text) != json.npos; };
  EXPECT_TRUE(slice(
      R"({"args":{"thread":101},"dur":2000.0,"name":"hog","ph":"X","pid":0,"tid":0,"ts":1000.0})"))
      << json;
  EXPECT_TRUE(slice(R"("dur":500.0,"name":"open","ph":"X","pid":101,"tid":101,"ts":2000.0)"));
  EXPECT_TRUE(slice(R"("name":"wakeup","ph":"f")"));
}

}  // namespace
}  // namespace spindle::procfs
