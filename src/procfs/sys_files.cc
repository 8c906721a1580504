#include "spindle/procfs/sys_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace spindle::procfs {
namespace {

class Builder {
 public:
  void add(std::string path, std::string text) {
    add_folders_of(path);
    entries_.push_back({std::move(path), false, std::move(text)});
  }
  void add_folder(const std::string& path) { add_folders_of(path + "/"); }

  std::vector<SysEntry> take() {
    std::sort(entries_.begin(), entries_.end(),
              [](const SysEntry& a, const SysEntry& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  void add_folders_of(const std::string& path) {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      if (folders_.insert(path.substr(0, slash)).second) {
        entries_.push_back({path.substr(0, slash), true});
      }
    }
  }

  std::vector<SysEntry> entries_;
  std::set<std::string> folders_;
};

void add_cpus(Builder& sys, std::size_t count) {
  const std::string range = count == 1 ? "0\n" : fmt::format("0-{}\n", count - 1);
  for (const char* name : {"online", "possible", "present"}) {
    sys.add(fmt::format("devices/system/cpu/{}", name), range);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string folder = fmt::format("devices/system/cpu/cpu{}", i);
    sys.add(folder + "/online", "1\n");
    sys.add(folder + "/topology/physical_package_id", "0\n");
    sys.add(folder + "/topology/core_id", fmt::format("{}\n", i));
    sys.add(folder + "/topology/thread_siblings", fmt::format("{:x}\n", 1ull << i));
    sys.add(folder + "/topology/core_siblings",
            fmt::format("{:x}\n", count == 64 ? ~0ull : (1ull << count) - 1));
  }
}

/// Adds a whole node or nothing: if a part is missing, libnuma warns and lscpu gives up.
void add_node(Builder& sys, const SystemView& view) {
  const std::size_t count = view.machine.cpus.size();
  const std::string folder = "devices/system/node/";
  sys.add(folder + "online", "0\n");
  sys.add(folder + "possible", "0\n");
  sys.add(folder + "node0/cpumap",
          fmt::format("{:x}\n", count == 64 ? ~0ull : (1ull << count) - 1));
  sys.add(folder + "node0/cpulist", count == 1 ? "0\n" : fmt::format("0-{}\n", count - 1));
  sys.add(folder + "node0/distance", "10\n");
  const MemoryTotals& memory = view.machine.memory;
  sys.add(folder + "node0/meminfo",
          fmt::format("Node 0 MemTotal:       {:8} kB\nNode 0 MemFree:        {:8} kB\n"
                      "Node 0 MemUsed:        {:8} kB\n",
                      memory.total / 1024, memory.free / 1024,
                      memory.total / 1024 - memory.free / 1024));
}

void add_disk(Builder& sys, const DiskSnapshot& disk, std::size_t index) {
  const std::string folder = "block/" + disk.name + "/";
  sys.add(folder + "stat", disk_columns(disk) + "\n");
  sys.add(folder + "dev", fmt::format("8:{}\n", index * 16));
  sys.add(folder + "size", fmt::format("{}\n", disk.sectors));
  sys.add(folder + "ro", "0\n");
  sys.add(folder + "removable", "0\n");
  sys.add(folder + "device/model", disk.model + "\n");
  sys.add(folder + "queue/scheduler", fmt::format("[{}]\n", disk.policy));
  sys.add(folder + "queue/rotational", "1\n");
}

}  // namespace

std::vector<SysEntry> sys_entries(const SystemView& view) {
  Builder sys;
  add_cpus(sys, view.machine.cpus.size());
  add_node(sys, view);
  for (std::size_t i = 0; i < view.machine.disks.size(); ++i) {
    add_disk(sys, view.machine.disks[i], i);
  }
  for (const char* folder : {"class", "kernel/mm/hugepages"}) sys.add_folder(folder);
  return sys.take();
}

}  // namespace spindle::procfs
