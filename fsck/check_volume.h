// check_volume: a whole check, from the superblock to the last count, with repairs as the mode
// says.
//
// It needs only the device; fsck.spindle and the tests use it. A check that repaired something
// looks again until it finds nothing, so that a second run has nothing to do.
#pragma once

#include "fsck/find_superblock.h"
#include "fsck/report.h"
#include "fsck/volume_facts.h"

namespace spindle::fsck {

struct CheckOptions {
  Mode mode = Mode::kNo;
  bool force = false;  ///< check although the volume is marked clean
  Report::Show show = {};
  Report::Ask ask = {};
  Progress progress = {};
};

struct CheckResult {
  bool skipped = false;  ///< it was marked clean, so it was not looked at
  std::uint64_t replayed_epochs = 0;
  std::uint64_t orphans = 0;  ///< files that the next mount frees or truncates: no damage
  std::uint64_t found = 0;
  std::uint64_t left = 0;  ///< problems found and not repaired
  std::vector<Finding> findings;
  std::uint64_t inodes_used = 0, inodes = 0;
  std::uint64_t blocks_used = 0, blocks = 0;
};

/// Checks the volume of `found.superblock` on `device`, which has its block size. With Mode::kNo
/// the device should be an overlay if the journal may have to be replayed. An Error only if the
/// check itself cannot go on.
Result<CheckResult> check_volume(BlockDevice& device, const FoundSuperblock& found,
                                 const CheckOptions& options);

/// The same, finding the superblock: for a device that already has the volume's block size.
Result<CheckResult> check_volume(BlockDevice& device, const CheckOptions& options);

}  // namespace spindle::fsck
