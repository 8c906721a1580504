#include "spindle/procfs/system_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace spindle::procfs {
namespace {

using Columns = std::array<std::uint64_t, 10>;

Columns columns_of(const CpuTimes& times) {
  return {jiffies(times.user),
          jiffies(times.nice),
          jiffies(times.system),
          jiffies(times.idle),
          jiffies(times.iowait),
          jiffies(times.irq),
          0,
          0,
          0,
          0};
}

void add_cpu_line(std::string& text, std::string_view name, const Columns& columns) {
  text += name;
  for (const std::uint64_t column : columns)
    fmt::format_to(std::back_inserter(text), " {}", column);
  text += '\n';
}

std::string zeros(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += " 0";
  return text;
}

std::string stat_text(const SystemView& view) {
  const SystemSnapshot& machine = view.machine;
  Columns sum{};
  std::string lines;
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    const Columns columns = columns_of(machine.cpus[i].times);
    std::transform(sum.begin(), sum.end(), columns.begin(), sum.begin(), std::plus<>());
    add_cpu_line(lines, fmt::format("cpu{}", i), columns);
  }
  std::string text;
  add_cpu_line(text, "cpu ", sum);
  return text + lines +
         fmt::format(
             "intr {}{}\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked {}\n"
             "softirq 0{}\n",
             machine.interrupts, zeros(3), machine.switches, view.boot_seconds, machine.forks,
             machine.running, machine.blocked, zeros(10));
}

double seconds(VirtualTime time) {
  return static_cast<double>(time.ns) / 1e9;
}

std::string uptime_text(const SystemView& view) {
  VirtualTime idle;
  for (const CpuSnapshot& cpu : view.machine.cpus) idle += cpu.times.idle;
  return fmt::format("{:.2f} {:.2f}\n", seconds(view.machine.now), seconds(idle));
}

std::string loadavg_text(const SystemView& view) {
  const auto& load = view.machine.load;
  return fmt::format("{:.2f} {:.2f} {:.2f} {}/{} {}\n", load[0], load[1], load[2],
                     view.machine.running, view.machine.threads, view.machine.last_process);
}

std::string meminfo_text(const SystemView& view) {
  const MemoryTotals& m = view.machine.memory;
  const std::uint64_t available = std::min(m.total, m.free + m.buffers + m.cached);
  const std::pair<std::string_view, std::uint64_t> rows[] = {
      {"MemTotal", m.total},
      {"MemFree", m.free},
      {"MemAvailable", available},
      {"Buffers", m.buffers},
      {"Cached", m.cached},
      {"SwapCached", m.swap_cached},
      {"Active", m.active},
      {"Inactive", m.inactive},
      {"SwapTotal", m.swap_total},
      {"SwapFree", m.swap_free},
      {"Dirty", m.dirty},
      {"Writeback", m.writeback},
      {"AnonPages", m.anonymous},
      {"Mapped", m.mapped},
      {"Shmem", m.shared},
      {"KReclaimable", 0},
      {"Slab", m.slab},
      {"SReclaimable", 0},
      {"SUnreclaim", m.slab},
      {"KernelStack", m.kernel_stacks},
      {"PageTables", m.page_tables},
      {"CommitLimit", m.total + m.swap_total},
      {"Committed_AS", m.committed},
  };
  std::string text;
  for (const auto& [name, bytes] : rows) {
    // Rounds down, so that parts never exceed the whole.
    fmt::format_to(std::back_inserter(text), "{:<16}{:8} kB\n", fmt::format("{}:", name),
                   bytes / 1024);
  }
  return text;
}

std::string vmstat_text(const SystemView& view) {
  const MemoryTotals& m = view.machine.memory;
  const auto pages = [](std::uint64_t bytes) { return bytes / kPageBytes; };
  return fmt::format(
      "nr_free_pages {}\nnr_dirty {}\nnr_writeback {}\npgpgin {}\npgpgout {}\npswpin {}\n"
      "pswpout {}\npgalloc_normal {}\npgfree {}\npgfault {}\npgmajfault {}\n",
      pages(m.free), pages(m.dirty), pages(m.writeback), m.read_bytes / 1024,
      m.written_bytes / 1024, m.swapped_in, m.swapped_out, m.allocated_frames, m.freed_frames,
      m.faults, m.major_faults);
}

std::string cpuinfo_text(const SystemView& view) {
  const std::size_t count = view.machine.cpus.size();
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    fmt::format_to(std::back_inserter(text),
                   "processor\t: {0}\nvendor_id\t: Spindle\ncpu family\t: 6\nmodel\t\t: 1\n"
                   "model name\t: Spindle simulated CPU\nstepping\t: 0\ncpu MHz\t\t: 1000.000\n"
                   "cache size\t: 0 KB\nphysical id\t: 0\nsiblings\t: {1}\ncore id\t\t: {0}\n"
                   "cpu cores\t: {1}\napicid\t\t: {0}\nfpu\t\t: yes\nflags\t\t: fpu tsc\n"
                   "bogomips\t: 2000.00\naddress sizes\t: 36 bits physical, 48 bits virtual\n\n",
                   i, count);
  }
  return text;
}

std::string diskstats_text(const SystemView& view) {
  std::string text;
  for (std::size_t i = 0; i < view.machine.disks.size(); ++i) {
    const DiskSnapshot& disk = view.machine.disks[i];
    fmt::format_to(std::back_inserter(text), "{:4} {:7} {} {}\n", 8, i * 16, disk.name,
                   disk_columns(disk));
  }
  return text;
}

std::string slabinfo_text(const SystemView& view) {
  std::string text =
      "slabinfo - version: 2.1\n"
      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
      "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
      "<sharedavail>\n";
  for (const SlabSnapshot& slab : view.machine.slabs) {
    const std::uint64_t size = std::max<std::uint64_t>(slab.object_bytes, 1);
    const std::uint64_t pages = host_pages(size);
    const std::uint64_t per_slab = pages * kPageBytes / size;
    const auto slabs = [&](std::uint64_t objects) { return (objects + per_slab - 1) / per_slab; };
    fmt::format_to(std::back_inserter(text),
                   "{:<17} {:6} {:6} {:6} {:4} {:4} : tunables    0    0    0 : slabdata {:6} "
                   "{:6}      0\n",
                   slab.name, slab.active, slab.total, size, per_slab, pages, slabs(slab.active),
                   slabs(slab.total));
  }
  return text;
}

std::string swaps_text(const SystemView& view) {
  const MemoryTotals& m = view.machine.memory;
  std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  if (m.swap_total != 0) {
    text += fmt::format("{:<40}file\t\t{}\t\t{}\t\t-2\n", "/swap", m.swap_total / 1024,
                        kib(m.swap_total - m.swap_free));
  }
  return text;
}

std::string interrupts_text(const SystemView& view) {
  constexpr std::array<std::string_view, 3> kLines = {
      "  PIC   0-edge   timer", "  PIC   1-edge   disk", "  PIC   2-edge   reschedule"};
  std::string text = "    ";
  for (std::size_t i = 0; i < view.machine.cpus.size(); ++i)
    text += fmt::format("{:>11}", fmt::format("CPU{}", i));
  text += '\n';
  for (std::size_t line = 0; line < kLines.size(); ++line) {
    text += fmt::format("{:3}:", line);
    for (const CpuSnapshot& cpu : view.machine.cpus)
      text += fmt::format(" {:10}", cpu.interrupts[line]);
    text += fmt::format("{}\n", kLines[line]);
  }
  return text;
}

std::string softirqs_text(const SystemView& view) {
  std::string text = "                ";
  std::string row = "       TIMER:";
  for (std::size_t i = 0; i < view.machine.cpus.size(); ++i) {
    text += fmt::format("    {:<8}", fmt::format("CPU{}", i));
    row += fmt::format(" {:10}", 0);
  }
  return text + "\n" + row + "\n";
}

std::string partitions_text(const SystemView& view) {
  std::string text = "major minor  #blocks  name\n\n";
  for (std::size_t i = 0; i < view.machine.disks.size(); ++i) {
    const DiskSnapshot& disk = view.machine.disks[i];
    text += fmt::format("{:4} {:8} {:10} {}\n", 8, i * 16, disk.sectors / 2, disk.name);
  }
  return text;
}

std::string stall_line(std::string_view kind, const StallSnapshot& stall) {
  const auto& share = stall.average;
  return fmt::format("{} avg10={:.2f} avg60={:.2f} avg300={:.2f} total={}\n", kind, 100 * share[0],
                     100 * share[1], 100 * share[2], stall.total.ns / 1000);
}

template <std::size_t which>
std::string pressure_text(const SystemView& view) {
  const PressureSnapshot& pressure = view.machine.pressure[which];
  return stall_line("some", pressure.some) + stall_line("full", pressure.full);
}

std::string version_text(const SystemView&) {
  return fmt::format("Linux version {} (spindle@simulated) #1 SMP\n", kRelease);
}

std::string hostname_text(const SystemView& view) {
  return view.machine.configuration.hostname + "\n";
}

std::string cmdline_text(const SystemView&) {
  return "BOOT_IMAGE=/spindle\n";
}

constexpr SystemFile kSystemFiles[] = {
    {"cmdline", cmdline_text},
    {"cpuinfo", cpuinfo_text},
    {"devices",
     [](const SystemView&) {
       return std::string("Character devices:\n136 pts\n\nBlock devices:\n  8 sd\n");
     }},
    {"diskstats", diskstats_text},
    {"filesystems", [](const SystemView&) { return std::string("nodev\tproc\nnodev\tfuse\n"); }},
    {"interrupts", interrupts_text},
    {"loadavg", loadavg_text},
    {"locks", [](const SystemView&) { return std::string(); }},
    {"meminfo", meminfo_text},
    {"partitions", partitions_text},
    {"pressure/cpu", pressure_text<0>},
    {"pressure/io", pressure_text<1>},
    {"pressure/memory", pressure_text<2>},
    {"slabinfo", slabinfo_text},
    {"softirqs", softirqs_text},
    {"stat", stat_text},
    {"swaps", swaps_text},
    {"sys/kernel/hostname", hostname_text},
    {"sys/kernel/osrelease", [](const SystemView&) { return fmt::format("{}\n", kRelease); }},
    {"sys/kernel/ostype", [](const SystemView&) { return std::string("Linux\n"); }},
    {"sys/kernel/pid_max", [](const SystemView&) { return fmt::format("{}\n", kMostProcess); }},
    {"sys/kernel/version", [](const SystemView&) { return std::string("#1 SMP\n"); }},
    {"tty/drivers",
     [](const SystemView&) {
       return std::string("pty_slave            /dev/pts      136 0-1048575 pty:slave\n");
     }},
    {"uptime", uptime_text},
    {"version", version_text},
    {"vmstat", vmstat_text},
};

}  // namespace

std::span<const SystemFile> system_files() {
  return kSystemFiles;
}

std::string disk_columns(const DiskSnapshot& disk) {
  const auto ms = [](VirtualTime time) { return time.ns / 1'000'000; };
  return fmt::format("{} 0 {} {} {} 0 {} {} {} {} {} 0 0 0 0 0 0", disk.reads, disk.read_sectors,
                     ms(disk.read_time), disk.writes, disk.written_sectors, ms(disk.write_time),
                     disk.in_flight, ms(disk.busy), ms(disk.weighted));
}

}  // namespace spindle::procfs
