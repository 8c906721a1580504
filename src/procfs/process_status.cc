// The file /proc/PID/status. sysstat reads it at fixed offsets, so each key and its tab are
// Linux's.

#include <fmt/format.h>

#include <algorithm>

#include "spindle/procfs/process_files.h"
#include "spindle/procfs/system_files.h"

namespace spindle::procfs {
namespace {

/// In the sets of Linux, signal 1 is bit 0.
std::string signal_set(SignalSet set) {
  return fmt::format("{:016x}", set >> 1);
}

/// The name without line ends, whatever the program calls itself.
std::string escaped_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, kLongestName)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out;
}

std::string memory_lines(const ProcessSnapshot& process) {
  std::uint64_t data = 0, stack = 0, text = 0, swapped = 0;
  for (const auto& area : process.areas) {
    const std::uint64_t bytes = area.end - area.start;
    if (area.execute) {
      text += bytes;
    } else if (area.name == "[stack]") {
      stack += bytes;
    } else if (area.write && !area.shared) {
      data += bytes;
    }
    swapped += area.swapped;
  }
  const std::uint64_t size = kib(size_bytes(process));
  const ResidentPages pages = resident_pages(process);
  constexpr std::uint64_t kPageKib = kPageBytes / 1024;
  const std::uint64_t resident = pages.total() * kPageKib;
  const std::pair<std::string_view, std::uint64_t> rows[] = {
      {"VmPeak", std::max(size, kib(process.peak_size))},
      {"VmSize", size},
      {"VmLck", 0},
      {"VmPin", 0},
      {"VmHWM", std::max(resident, kib(process.peak_resident))},
      {"VmRSS", resident},
      {"RssAnon", pages.anonymous * kPageKib},
      {"RssFile", pages.file * kPageKib},
      {"RssShmem", pages.shared * kPageKib},
      {"VmData", kib(data)},
      {"VmStk", kib(stack)},
      {"VmExe", kib(text)},
      {"VmLib", 0},
      {"VmPTE", kib(process.page_table_bytes)},
      {"VmSwap", kib(swapped)},
  };
  std::string lines;
  for (const auto& [key, value] : rows) lines += fmt::format("{}:\t{:8} kB\n", key, value);
  return lines + "HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t0\n";
}

std::string cpus_lines(std::uint64_t allowed, std::uint32_t cpus) {
  allowed &= cpus >= 64 ? ~0ull : (1ull << cpus) - 1;
  return fmt::format("Cpus_allowed:\t{:x}\nCpus_allowed_list:\t{}\n", allowed, cpu_list(allowed));
}

}  // namespace

std::string cpu_list(std::uint64_t cpus) {
  std::string list;
  for (unsigned first = 0; first < 64; ++first) {
    if ((cpus >> first & 1) == 0) continue;
    unsigned last = first;
    while (last < 63 && (cpus >> (last + 1) & 1) != 0) ++last;
    if (!list.empty()) list += ',';
    list += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    first = last;
  }
  return list;
}

std::string_view state_name(char state) {
  switch (state) {
    case 'R':
      return "R (running)";
    case 'S':
      return "S (sleeping)";
    case 'D':
      return "D (disk sleep)";
    case 'T':
      return "T (stopped)";
    case 't':
      return "t (tracing stop)";
    case 'Z':
      return "Z (zombie)";
    case 'I':
      return "I (idle)";
    default:
      return "X (dead)";
  }
}

std::string status_text(const ProcessView& view) {
  const ProcessSnapshot& p = view.process;
  const ThreadSnapshot& t = view.thread;
  const ProcessNumber group = view.is_thread ? p.id : view.shown_id;
  std::string text = fmt::format(
      "Name:\t{}\nUmask:\t{:04o}\nState:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\n"
      "TracerPid:\t0\n",
      escaped_name(view.is_thread ? t.name : p.name), p.umask,
      state_name(view.is_thread ? t.state : p.state), group, view.shown_id, p.parent);
  text += fmt::format(
      "Uid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{1}\t{1}\t{1}\t{1}\nFDSize:\t{2}\nGroups:\t{1} \n"
      "NStgid:\t{3}\nNSpid:\t{4}\nNSpgid:\t{5}\nNSsid:\t{6}\nKthread:\t{7:d}\n",
      p.uid, p.gid, std::max<std::size_t>(64, p.descriptors.size()), group, view.shown_id, p.group,
      p.session, p.is_kernel);
  if (!p.is_kernel && p.state != 'Z') text += memory_lines(p);
  text += fmt::format("Threads:\t{}\nSigQ:\t0/1024\n", std::max<std::size_t>(1, p.threads.size()));
  text += fmt::format("SigPnd:\t{}\nShdPnd:\t{}\nSigBlk:\t{}\nSigIgn:\t{}\nSigCgt:\t{}\n",
                      signal_set(t.pending), signal_set(p.pending), signal_set(t.blocked),
                      signal_set(p.ignored), signal_set(p.caught));
  const std::string_view capabilities = p.uid == 0 ? "000001ffffffffff" : "0000000000000000";
  text += fmt::format(
      "CapInh:\t{1}\nCapPrm:\t{0}\nCapEff:\t{0}\nCapBnd:\t000001ffffffffff\nCapAmb:\t{1}\n"
      "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n",
      capabilities, "0000000000000000");
  text += cpus_lines(t.cpus_allowed, view.cpus);
  return text + fmt::format(
                    "Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t{}\n"
                    "nonvoluntary_ctxt_switches:\t{}\n",
                    t.voluntary_switches, t.involuntary_switches);
}

}  // namespace spindle::procfs
