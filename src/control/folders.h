// The folders of .spindle, one function each.
#pragma once

#include <string>
#include <vector>

#include "spindle/cache/buffer_cache.h"
#include "spindle/control/control_tree.h"
#include "spindle/control/fact_files.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/fs/file_system.h"
#include "spindle/journal/journal.h"

namespace spindle::control {

/// The file that moves the blocks of files to where they lie better.
void add_defrag_file(ControlTree& tree, FileSystem& volume);

// What stands in the file `statistics` of each folder; of the disk, see disk_tables.h.

std::vector<Fact> volume_facts(FileSystem& volume, const std::string& image);
std::vector<Fact> cache_facts(BufferCache& cache);
std::vector<Fact> journal_facts(Journal& journal);

void add_cache_folder(ControlTree& tree, BufferCache& cache);
void add_disk_folder(ControlTree& tree, SimulatedDisk& disk);
void add_journal_folder(ControlTree& tree, Journal& journal);
void add_threads_folder(ControlTree& tree);

}  // namespace spindle::control
