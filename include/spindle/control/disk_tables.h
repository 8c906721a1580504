// What a disk has counted, and what its observers have seen, as the tables of MOUNT/.spindle/disk;
// and cache/history of the cache above it.
//
// The control files show them for the live disk; a replay of a recording shows the same tables for
// the disk that served it.
#pragma once

#include "spindle/cache/hit_history.h"
#include "spindle/control/fact_files.h"
#include "spindle/disk/arm_history.h"
#include "spindle/disk/arm_trace.h"
#include "spindle/disk/disk_statistics.h"
#include "spindle/disk/what_if.h"

namespace spindle {

/// disk/statistics.
std::vector<Fact> disk_facts(const DiskStatistics& statistics);
/// disk/geometry.
std::vector<Fact> geometry_facts(const DiskModel& model);
/// disk/response_times: a row for each counter that is not 0.
FactTable response_table(const DiskStatistics& statistics);
/// disk/seek_distances: the same.
FactTable distance_table(const DiskStatistics& statistics);
/// disk/whatif: a row for each arm policy, the best first.
FactTable arms_table(const ArmWhatIf& what_if);
/// disk/whatif_moves: where the arm of each shadow was, by policy.
FactTable shadow_moves_table(const ArmWhatIf& what_if);
/// disk/moves: the last moves, oldest first.
FactTable moves_table(const ArmTrace& moves);
/// disk/history: all moves, in stretches of equally many.
FactTable history_table(const ArmHistory& history);
/// cache/history: reads and hits over time.
FactTable hits_table(const HitHistory& history);

}  // namespace spindle
