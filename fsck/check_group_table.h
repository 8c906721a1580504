// The table of groups, which says how much of each group's own blocks was ever written.
#pragma once

#include "fsck/disk.h"
#include "fsck/report.h"

namespace spindle::fsck {

/// Checks each block of the table, and each descriptor against the blocks of its group; what is
/// wrong is rebuilt from these. In mode kNo a damaged block is rebuilt all the same, since the
/// passes depend on it: `disk` must then be on an overlay. The Error of the damage if its repair is
/// declined. The counts of free blocks and inodes are left to pass 5.
Result<> check_group_table(Disk& disk, Report& report);

}  // namespace spindle::fsck
