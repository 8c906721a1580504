#include "spindle/procfs/process_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "spindle/procfs/system_files.h"

namespace spindle::procfs {
namespace {

bool has_program(const ProcessSnapshot& process) {
  return !process.is_kernel && process.state != 'Z';
}

/// What stat shows of a thread, or of all threads together.
struct Counted {
  VirtualTime user, system;
  std::uint64_t minor_faults, major_faults;
};

Counted counted(const ProcessView& view) {
  const ThreadSnapshot& t = view.thread;
  if (view.is_thread) return {t.user, t.system, t.minor_faults, t.major_faults};
  const ProcessSnapshot& p = view.process;
  return {p.user, p.system, p.minor_faults, p.major_faults};
}

/// The addresses at which the parts of a program begin and end, for stat.
struct Bounds {
  std::uint64_t code_start = 0, code_end = 0, data_start = 0, data_end = 0, stack = 0;
};

Bounds bounds_of(const ProcessSnapshot& process) {
  Bounds bounds;
  for (const auto& area : process.areas) {
    if (area.execute && bounds.code_end == 0) {
      bounds.code_start = area.start;
      bounds.code_end = area.end;
    } else if (area.name == "[stack]") {
      bounds.stack = area.end;
    } else if (area.write && bounds.data_end == 0) {
      bounds.data_start = area.start;
      bounds.data_end = area.end;
    }
  }
  return bounds;
}

int priority_of(const ThreadSnapshot& thread) {
  const bool is_realtime = thread.scheduling == SchedulingClass::kFifo ||
                           thread.scheduling == SchedulingClass::kRoundRobin;
  return is_realtime ? -1 - thread.realtime_priority : 20 + thread.nice;
}

constexpr unsigned kKernelThread = 0x00200000;
constexpr unsigned kForkedNotExecuted = 0x40;
constexpr unsigned kOrdinary = 0x00400000;

unsigned flags_of(const ProcessSnapshot& process) {
  if (process.is_kernel) return kKernelThread | kForkedNotExecuted;
  return kOrdinary | (process.has_executed ? 0 : kForkedNotExecuted);
}

int terminal_device(int terminal) {
  constexpr int kFirstPseudoTerminal = 136 << 8;
  return terminal < 0 ? 0 : kFirstPseudoTerminal + terminal;
}

/// A set of signals for stat, which has the first 31 in decimal.
std::uint64_t few_signals(SignalSet set) {
  return set >> 1 & 0x7fffffff;
}

std::string short_name(std::string_view name) {
  std::string out(name.substr(0, kLongestName));
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

std::string stat_text(const ProcessView& view) {
  const ProcessSnapshot& p = view.process;
  const ThreadSnapshot& t = view.thread;
  const Counted own = counted(view);
  const Bounds bounds = bounds_of(p);
  std::string text = fmt::format(
      "{} ({}) {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", view.shown_id,
      short_name(view.is_thread ? t.name : p.name), view.is_thread ? t.state : p.state, p.parent,
      p.group, p.session, terminal_device(p.terminal), p.terminal < 0 ? -1 : p.foreground_group,
      flags_of(p), own.minor_faults, p.children_minor_faults, own.major_faults,
      p.children_major_faults, jiffies(own.user), jiffies(own.system), jiffies(p.children_user),
      jiffies(p.children_system));
  text += fmt::format(" {} {} {} 0 {} {} {} 18446744073709551615 {} {} {} 0 0", priority_of(t),
                      t.nice, std::max<std::size_t>(1, p.threads.size()),
                      jiffies(view.is_thread ? t.started : p.started), size_bytes(p),
                      resident_pages(p).total(), bounds.code_start, bounds.code_end, bounds.stack);
  text += fmt::format(" {} {} {} {} {:d} 0 0 17 {} {} {} {} 0 0", few_signals(t.pending),
                      few_signals(t.blocked), few_signals(p.ignored), few_signals(p.caught),
                      !t.wait_channel.empty(), t.cpu, t.realtime_priority,
                      static_cast<int>(t.scheduling), jiffies(t.disk_delay));
  return text + fmt::format(" {} {} {} {} {} {} {} {}\n", bounds.data_start, bounds.data_end,
                            p.heap_start, bounds.stack, bounds.stack, bounds.stack, bounds.stack,
                            p.wait_status);
}

std::string statm_text(const ProcessView& view) {
  std::uint64_t text = 0, data = 0;
  for (const auto& area : view.process.areas) {
    if (area.execute) {
      text += area.end - area.start;
    } else if (area.name == "[stack]" || (area.write && !area.shared)) {
      data += area.end - area.start;
    }
  }
  const ResidentPages pages = resident_pages(view.process);
  return fmt::format("{} {} {} {} 0 {} 0\n", host_pages(size_bytes(view.process)), pages.total(),
                     pages.file + pages.shared, host_pages(text), host_pages(data));
}

std::string ended_by_zeros(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += word;
    text += '\0';
  }
  return text;
}

std::string cmdline_text(const ProcessView& view) {
  return has_program(view.process) ? ended_by_zeros(view.process.arguments) : std::string();
}

std::string environ_text(const ProcessView& view) {
  return has_program(view.process) ? ended_by_zeros(view.process.environment) : std::string();
}

std::string comm_text(const ProcessView& view) {
  return short_name(view.is_thread ? view.thread.name : view.process.name) + "\n";
}

std::string io_text(const ProcessView& view) {
  const ProcessSnapshot& p = view.process;
  return fmt::format(
      "rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\nread_bytes: {}\nwrite_bytes: {}\n"
      "cancelled_write_bytes: 0\n",
      p.read_characters, p.written_characters, p.read_calls, p.write_calls, p.read_bytes,
      p.written_bytes);
}

/// As on Linux, PID/schedstat shows the main thread only.
std::string schedstat_text(const ProcessView& view) {
  const ThreadSnapshot& t = view.thread;
  return fmt::format("{} {} {}\n", t.ran.ns, t.waited.ns, t.slices);
}

std::string wchan_text(const ProcessView& view) {
  return view.thread.wait_channel.empty() ? "0" : view.thread.wait_channel;
}

struct LimitRow {
  std::string_view name;
  std::string_view unit;
  std::uint64_t value = kUnlimited;  ///< what is shown where the process has no such limit
};

/// All limits of Linux, in its order. The fallbacks say that no core is dumped, and that only root
/// raises priorities.
constexpr LimitRow kLimitRows[] = {
    {"Max cpu time", "seconds"},        {"Max file size", "bytes"},
    {"Max data size", "bytes"},         {"Max stack size", "bytes", kStackBytes},
    {"Max core file size", "bytes", 0}, {"Max resident set", "bytes"},
    {"Max processes", "processes"},     {"Max open files", "files"},
    {"Max locked memory", "bytes", 0},  {"Max address space", "bytes"},
    {"Max file locks", "locks", 0},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"},     {"Max nice priority", "", 0},
    {"Max realtime priority", "", 0},   {"Max realtime timeout", "us"},
};

std::string limit_value(std::uint64_t limit) {
  return limit == kUnlimited ? std::string("unlimited") : fmt::format("{}", limit);
}

std::string limits_text(const ProcessView& view) {
  constexpr const char* kRow = "{:<25} {:<20} {:<20} {:<10}\n";
  std::string text = fmt::format(kRow, "Limit", "Soft Limit", "Hard Limit", "Units");
  for (const LimitRow& row : kLimitRows) {
    const auto& limits = view.process.limits;
    const auto found = std::ranges::find(limits, row.name, &LimitSnapshot::name);
    const bool is_kept = found != limits.end();
    text += fmt::format(kRow, row.name, limit_value(is_kept ? found->soft : row.value),
                        limit_value(is_kept ? found->hard : row.value), row.unit);
  }
  return text;
}

std::string sched_text(const ProcessView& view) {
  const ThreadSnapshot& t = view.thread;
  const auto ms = [](VirtualTime time) { return static_cast<double>(time.ns) / 1e6; };
  std::string text = fmt::format("{} ({}, #threads: {})\n", short_name(t.name), view.shown_id,
                                 std::max<std::size_t>(1, view.process.threads.size()));
  text.append(67, '-').append("\n");
  text += fmt::format("{:<45}:{:21.6f}\n", "se.exec_start", ms(t.started));
  text += fmt::format("{:<45}:{:21.6f}\n", "se.sum_exec_runtime", ms(t.ran));
  text +=
      fmt::format("{:<45}:{:21}\n", "nr_switches", t.voluntary_switches + t.involuntary_switches);
  text += fmt::format("{:<45}:{:21}\n", "nr_voluntary_switches", t.voluntary_switches);
  text += fmt::format("{:<45}:{:21}\n", "nr_involuntary_switches", t.involuntary_switches);
  text += fmt::format("{:<45}:{:21}\n", "policy", static_cast<int>(t.scheduling));
  return text + fmt::format("{:<45}:{:21}\n", "prio", 100 + priority_of(t));
}

std::string syscall_text(const ProcessView& view) {
  if (view.thread.state == 'R') return "running\n";
  return fmt::format("{} 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", static_cast<int>(view.thread.call));
}

std::string stack_text(const ProcessView& view) {
  if (view.thread.wait_channel.empty()) return {};
  return fmt::format("[<0>] {}+0x0/0x0\n", view.thread.wait_channel);
}

std::string terminal_text(const ProcessView& view) {
  return fmt::format("/dev/pts/{}\n", view.process.terminal);
}

bool has_terminal(const ProcessSnapshot& process) {
  return process.terminal >= 0;
}

using View = const ProcessView&;

constexpr ProcessFile kProcessFiles[] = {
    {"autogroup", [](View v) { return fmt::format("/autogroup-{} nice 0\n", v.process.session); }},
    {"cgroup", [](View) { return std::string("0::/\n"); }},
    {"cmdline", cmdline_text},
    {"comm", comm_text},
    {.name = "ctty", .text = terminal_text, .exists = has_terminal},
    {"environ", environ_text},
    {"io", io_text},
    {"limits", limits_text},
    {"loginuid", [](View v) { return fmt::format("{}", v.process.uid); }},
    {"maps", maps_text, true},
    {.name = "mountinfo",
     .text = [](View v) { return std::string(v.mount_info); },
     .needs_mounts = true},
    {.name = "mounts", .text = [](View v) { return std::string(v.mounts); }, .needs_mounts = true},
    {"oom_score", [](View v) { return fmt::format("{}\n", v.process.out_of_memory_score); }},
    {"oom_score_adj", [](View) { return std::string("0\n"); }},
    {"sched", sched_text},
    {"schedstat", schedstat_text},
    {"sessionid", [](View v) { return fmt::format("{}", v.process.session); }},
    {"smaps", smaps_text, true},
    {"smaps_rollup", smaps_rollup_text, true},
    {"stack", stack_text},
    {"stat", stat_text, true},
    {"statm", statm_text, true},
    {"status", status_text, true},
    {"syscall", syscall_text},
    {"wchan", wchan_text},
};

}  // namespace

std::span<const ProcessFile> process_files() {
  return kProcessFiles;
}

ThreadSnapshot main_thread(const ProcessSnapshot& process) {
  if (!process.threads.empty()) return process.threads.front();
  ThreadSnapshot thread;
  thread.id = process.id;
  thread.name = process.name;
  thread.state = process.state;
  thread.started = process.started;
  thread.user = process.user;
  thread.system = process.system;
  thread.ran = process.user + process.system;
  return thread;
}

std::string descriptor_text(const DescriptorSnapshot& descriptor) {
  return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t1\nino:\t{}\n", descriptor.position,
                     descriptor.flags, descriptor.inode);
}

}  // namespace spindle::procfs
