// DiskObserver: sees each request of a live disk, without being seen by it.
//
// Called between suspension points of the disk's runtime; must not suspend and must not call the
// disk. Without observers a disk pays one comparison. While the disk is `none` nothing is
// reported, as nothing waits and nothing moves.
#pragma once

#include <cstdint>
#include <span>

#include "spindle/disk/drive.h"

namespace spindle {

class DiskObserver {
 public:
  virtual ~DiskObserver() = default;
  /// A run of blocks has come into the queue: so many requests of a batch, merged.
  virtual void arrived(Run run, bool is_write, std::uint64_t requests) = 0;
  /// The arm has served one.
  virtual void served(const Service& service, std::uint64_t requests) = 0;
  /// The counters were reset, or the policy or the model changed, or observing begins: from here on
  /// the drive goes on as it stands. `requests` has, for each entry of the drive's queue, how many
  /// requests were merged into it.
  virtual void restarted(const Drive& drive, std::span<const std::uint64_t> requests) = 0;
};

}  // namespace spindle
