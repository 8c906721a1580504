// The files maps, smaps and smaps_rollup.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "spindle/procfs/process_files.h"
#include "spindle/procfs/system_files.h"

namespace spindle::procfs {
namespace {

constexpr std::size_t kNameColumn = 73;

/// Where segments of shared memory are: in the kernel's own tmpfs.
constexpr std::string_view kSegmentDevice = "00:01";

/// `of_files`: the device of the volume.
std::string_view device_of(const MemoryAreaSnapshot& area, std::string_view of_files) {
  if (area.kind == AreaKind::kFile) return of_files;
  return area.kind == AreaKind::kSegment ? kSegmentDevice : "00:00";
}

/// The line of an area, without the line end.
std::string map_line(const MemoryAreaSnapshot& area, std::string_view of_files) {
  const std::string_view device = device_of(area, of_files);
  std::string line =
      fmt::format("{:08x}-{:08x} {}{}{}{} {:08x} {} {}", area.start, area.end,
                  area.read ? 'r' : '-', area.write ? 'w' : '-', area.execute ? 'x' : '-',
                  area.shared ? 's' : 'p', area.offset, device, area.inode);
  if (!area.name.empty()) {
    line.resize(std::max(line.size() + 1, kNameColumn), ' ');
    line += area.name;
  } else {
    line += ' ';
  }
  return line;
}

/// The sizes that smaps shows of an area, and smaps_rollup of all areas, in KiB.
struct AreaSizes {
  std::uint64_t size = 0, resident = 0, proportional = 0, shared_clean = 0, shared_dirty = 0;
  std::uint64_t private_clean = 0, private_dirty = 0, referenced = 0, anonymous = 0;
  std::uint64_t swapped = 0, swap_proportional = 0;
  std::uint64_t proportional_anonymous = 0, proportional_file = 0, proportional_shared = 0;

  void add(const MemoryAreaSnapshot& area) {
    size += kib(area.end - area.start);
    resident += host_pages(area.resident) * (kPageBytes / 1024);
    const std::uint64_t pss = kib(area.proportional);
    proportional += pss;
    (area.kind == AreaKind::kFile      ? proportional_file
     : area.kind == AreaKind::kSegment ? proportional_shared
                                       : proportional_anonymous) += pss;
    shared_clean += kib(area.shared_clean);
    shared_dirty += kib(area.shared_dirty);
    private_clean += kib(area.private_clean);
    private_dirty += kib(area.private_dirty);
    referenced += kib(area.referenced);
    anonymous += kib(area.anonymous);
    swapped += kib(area.swapped);
    swap_proportional += kib(area.swap_proportional);
  }
};

void add_row(std::string& text, std::string_view key, std::uint64_t value) {
  fmt::format_to(std::back_inserter(text), "{:<15} {:8} kB\n", fmt::format("{}:", key), value);
}

std::string rows_of(const AreaSizes& sizes, bool is_rollup) {
  std::string text;
  if (!is_rollup) {
    add_row(text, "Size", sizes.size);
    add_row(text, "KernelPageSize", kPageBytes / 1024);
    add_row(text, "MMUPageSize", kPageBytes / 1024);
  }
  add_row(text, "Rss", sizes.resident);
  add_row(text, "Pss", sizes.proportional);
  add_row(text, "Pss_Dirty", std::min(sizes.proportional, sizes.private_dirty));
  if (is_rollup) {
    add_row(text, "Pss_Anon", sizes.proportional_anonymous);
    add_row(text, "Pss_File", sizes.proportional_file);
    add_row(text, "Pss_Shmem", sizes.proportional_shared);
  }
  add_row(text, "Shared_Clean", sizes.shared_clean);
  add_row(text, "Shared_Dirty", sizes.shared_dirty);
  add_row(text, "Private_Clean", sizes.private_clean);
  add_row(text, "Private_Dirty", sizes.private_dirty);
  add_row(text, "Referenced", sizes.referenced);
  add_row(text, "Anonymous", sizes.anonymous);
  for (const char* key : {"LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped",
                          "Shared_Hugetlb", "Private_Hugetlb"}) {
    add_row(text, key, 0);
  }
  add_row(text, "Swap", sizes.swapped);
  add_row(text, "SwapPss", sizes.swap_proportional);
  add_row(text, "Locked", 0);
  return text;
}

std::string flags_line(const MemoryAreaSnapshot& area) {
  std::string text = "VmFlags: ";
  if (area.read) text += "rd ";
  if (area.write) text += "wr ";
  if (area.execute) text += "ex ";
  if (area.shared) text += "sh ";
  return text + "mr mw me \n";
}

}  // namespace

std::string maps_text(const ProcessView& view) {
  std::string text;
  for (const auto& area : view.process.areas) text += map_line(area, view.device) + "\n";
  return text;
}

std::string smaps_text(const ProcessView& view) {
  std::string text;
  for (const auto& area : view.process.areas) {
    AreaSizes sizes;
    sizes.add(area);
    text += map_line(area, view.device) + "\n" + rows_of(sizes, false) +
            fmt::format("{:<15} {:8}\n", "THPeligible:", 0) + flags_line(area);
  }
  return text;
}

std::string smaps_rollup_text(const ProcessView& view) {
  const auto& areas = view.process.areas;
  if (areas.empty()) return {};
  AreaSizes sizes;
  for (const auto& area : areas) sizes.add(area);
  std::string head =
      fmt::format("{:08x}-{:08x} ---p 00000000 00:00 0", areas.front().start, areas.back().end);
  head.resize(std::max(head.size() + 1, kNameColumn), ' ');
  return head + "[rollup]\n" + rows_of(sizes, true);
}

ResidentPages resident_pages(const ProcessSnapshot& process) {
  ResidentPages pages;
  for (const auto& area : process.areas) {
    const std::uint64_t all = host_pages(area.resident);
    const std::uint64_t anonymous = std::min(all, host_pages(area.anonymous));
    if (area.kind == AreaKind::kFile) {
      pages.anonymous += anonymous;
      pages.file += all - anonymous;
    } else {
      (area.kind == AreaKind::kSegment ? pages.shared : pages.anonymous) += all;
    }
  }
  return pages;
}

std::uint64_t size_bytes(const ProcessSnapshot& process) {
  std::uint64_t bytes = 0;
  for (const auto& area : process.areas) bytes += area.end - area.start;
  return bytes;
}

}  // namespace spindle::procfs
