// Aging: what months of use do to a volume, in a minute.
//
//   AgingReport report = TRY(age(volume, options, clock_seconds, told));
//
// Each day some of the working directories are in use. In them files are made, grown, replaced as
// editors do it (a new file is renamed over the old one) and deleted, several at a time, so that
// those that grow lie interleaved; young files die sooner than old ones, and what is deleted keeps
// the volume on its way to the utilisation that is asked for, which it reaches after half the days.
//
// Sizes are lognormal, the shape that Downey found in hundreds of file systems ("The Structural
// Cause of File Size Distributions", MASCOTS 2001); mean 9.48 and deviation 2.46 of the logarithm
// are a choice: half of the files are smaller than 13 KB, and few large ones hold most bytes.
// That a benchmark must begin with an aged volume, made by a daily mix of long-lived and
// short-lived files, is Smith and Seltzer's ("File System Aging", SIGMETRICS 1997); that it is aged
// at a steady utilisation, Kadekodi, Nagarajan, Ganger and Gibson's ("Geriatrix", ATC 2018).
//
// All that it does is in a directory of its own, and decided by the seed and the volume alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "spindle/fs/file_system.h"

namespace spindle::cli {

inline constexpr std::int64_t kSecondsADay = 86'400;

struct AgingOptions {
  std::uint64_t seed = 1;
  std::uint64_t days = 100;
  double fill_percent = 80;  ///< the share in use of the blocks that files can have
  double churn_percent = 5;  ///< the share of those that is written each day
  std::string strategy;      ///< the strategy of new files, "mix", or "" for the volume's own
  Caller owner;              ///< whose the files are
};

struct AgingReport {
  std::string directory;  ///< in which it was done: "aged", or "aged-2" ...
  std::uint64_t days = 0;
  std::uint64_t created = 0;
  std::uint64_t appended = 0;
  std::uint64_t replaced = 0;
  std::uint64_t deleted = 0;
  std::uint64_t refused = 0;  ///< calls that found no space, or no free run that is long enough
  std::uint64_t written_bytes = 0;
};

/// Inside a runtime. The clock of the volume is `clock_seconds`, which is moved on from day to day.
/// `told` hears how many thousandths of a day are done; false stops it, with the volume whole.
Result<AgingReport> age(FileSystem& volume, const AgingOptions& options,
                        std::int64_t& clock_seconds,
                        const std::function<bool(std::uint64_t thousandths)>& told);

}  // namespace spindle::cli
