// The solver's table of contents: a domain of exercises is one function, defined in its own file,
// one line here, and one with the names of its algorithms in algorithms.cc.
#pragma once

#include "field.h"

#define SPINDLE_SOLVE_DOMAINS(X)                    \
  X("page-replacement", solve_page_replacement)     \
  X("page-state", solve_page_state)                 \
  X("page-aging", solve_page_aging)                 \
  X("multiprogramming", solve_multiprogramming)     \
  X("thrashing", solve_thrashing)                   \
  X("disk", solve_disk)                             \
  X("disk-online", solve_disk_online)               \
  X("cpu", solve_cpu)                               \
  X("cpu-io", solve_cpu_io)                         \
  X("cpu-cost", solve_cpu_cost)                     \
  X("burst-estimate", solve_burst_estimate)         \
  X("deadlock", solve_deadlock)                     \
  X("translation", solve_translation)               \
  X("tlb", solve_tlb)                               \
  X("memory-cost", solve_memory_cost)               \
  X("disk-time", solve_disk_time)                   \
  X("allocation", solve_allocation)                 \
  X("buddy", solve_buddy)                           \
  X("heap", solve_heap)                             \
  X("realtime", solve_realtime)                     \
  X("cron", solve_cron)                             \
  X("sync", solve_sync)                             \
  X("fork-count", solve_fork_count)                 \
  X("process-tree", solve_process_tree)             \
  X("process-states", solve_process_states)         \
  X("signals", solve_signals)                       \
  X("mlfq", solve_mlfq)                             \
  X("proportional-share", solve_proportional_share) \
  X("disk-rotating", solve_disk_rotating)           \
  X("inode", solve_inode)                           \
  X("file-blocks", solve_file_blocks)               \
  X("free-space", solve_free_space)                 \
  X("file-cost", solve_file_cost)                   \
  X("fat-chain", solve_fat_chain)                   \
  X("path-lookup", solve_path_lookup)               \
  X("raid", solve_raid)                             \
  X("raid-cost", solve_raid_cost)

namespace spindle {

/// Longer inputs, and longer lists of what happened, are answered with totals and means alone.
inline constexpr std::size_t kLongestListed = 100'000;

struct Problem {
  std::string algorithm;
  Field parameters;
  Field input;
  Failure* failure;
  bool explains;  ///< the answer shall also have `choices`, why each one was made

  [[nodiscard]] bool failed() const { return failure->failed(); }
  /// For an algorithm that the domain does not know.
  nlohmann::json unknown_algorithm() const {
    failure->note("algorithm: \"" + algorithm + "\" is not known here");
    return {};
  }
};

#define SPINDLE_DECLARE(NAME, FUNCTION) nlohmann::json FUNCTION(const Problem& problem);
SPINDLE_SOLVE_DOMAINS(SPINDLE_DECLARE)
#undef SPINDLE_DECLARE

}  // namespace spindle
