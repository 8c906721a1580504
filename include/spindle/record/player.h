// Playing a recording again, on volumes in memory: what would it have been with other policies?
//
//   PreparedVolume prepared = TRY(prepare_volume(recording, formatted, "near"));
//   PlayResult result = TRY(play(recording, prepared, {.arm = "sptf", .disk = "7200rpm"}));
//
// An operation begins as soon as all those have ended that had ended before it began in the
// recording. So what ran side by side does so again, in the same order with every disk. The time
// between operations, by the recording's clock, only moves the timers of the journal and of
// write-back. All else is virtual time, so a recording and settings always give the same result.
//
// Each call makes a runtime of its own, so several kernel threads may make calls at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "spindle/device/memory_device.h"
#include "spindle/disk/disk_observer.h"
#include "spindle/disk/disk_statistics.h"
#include "spindle/fs/file_system.h"
#include "spindle/record/recording.h"

namespace spindle {

/// A volume with the files that the recording found.
struct PreparedVolume {
  MemoryDevice device;
  std::map<NodeId, NodeId> nodes;  ///< the volume's node for each node of the recording
};
/// `formatted` is a fresh volume of the recording's size. Returns the error if a file cannot be
/// made.
Result<PreparedVolume> prepare_volume(const Recording& recording, MemoryDevice formatted,
                                      const std::string& fit);

struct PlaySettings {
  std::string fit = "near";
  std::string arm = "look";
  std::string cache_policy = "lru";
  std::uint64_t cache_bytes = 64u << 20;
  std::string disk = "7200rpm";
};

struct PlayResult {
  DiskStatistics disk;
  CacheStatistics cache;
  JournalStatistics journal;
  std::uint64_t files = 0;  ///< files that the volume has at the end
  std::uint64_t runs = 0;   ///< into how many runs their blocks fall
  std::uint64_t data_blocks = 0;
  std::uint64_t map_blocks = 0;
  std::uint64_t differing = 0;  ///< operations that did not end as they did in the recording
  bool is_as_asked = true;      ///< false: a policy misbehaved, and another took its place

  [[nodiscard]] double mean_run_blocks() const {
    return runs == 0 ? 0 : static_cast<double>(data_blocks) / static_cast<double>(runs);
  }
};
/// For callers that need more than the result: observers see the requests to the disk as they are
/// served, and the volume is shown when all is done.
struct PlayWatch {
  std::span<DiskObserver* const> observers = {};
  std::function<void(FileSystem& volume)> at_end = {};
};
/// EINVAL for settings that no mount would accept.
Result<PlayResult> play(const Recording& recording, const PreparedVolume& prepared,
                        const PlaySettings& settings, const PlayWatch& watch = {});

}  // namespace spindle
