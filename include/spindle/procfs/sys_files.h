// /sys of the simulated machine, as far as tools look at it: its CPUs, its memory node, its disks.
//
//   for (const SysEntry& entry : sys_entries(view)) ... entry.path, entry.text ...
//
// Which entries there are depends on the machine's make alone, not on what runs on it.
#pragma once

#include <string>
#include <vector>

#include "spindle/procfs/system_files.h"

namespace spindle::procfs {

struct SysEntry {
  std::string path;  ///< "block/sda/stat"
  bool is_folder = false;
  std::string text = {};
};

/// All of /sys, ordered by path, each folder before what is in it.
std::vector<SysEntry> sys_entries(const SystemView& view);

}  // namespace spindle::procfs
