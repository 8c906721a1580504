// Activity: what a mount's .spindle/activity.json said at one moment, and Figures: what happened
// between two of them.
//
//   const auto now = parse_activity(control.text("activity.json"));
//   const Figures figures = figures_between(before, *now);     // or figures_in_all(*now)
//
// If a counter is lower than before, somebody has reset it, or another volume is mounted: then all
// that it counts has happened since.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/words.h"

namespace spindle::cli {

struct ArmMove {
  std::uint64_t number = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t end = 0;
  bool is_write = false;
};

struct ArmWaiting {
  std::uint64_t cylinder = 0;
  bool is_write = false;
};

struct ArmNow {
  std::string policy;
  std::string model;
  std::uint64_t cylinders = 1;
  std::uint64_t cylinder = 0;
  bool moving_up = true;
  std::uint64_t queue = 0;
  std::vector<ArmWaiting> waiting;  ///< the first requests of the queue
  std::vector<ArmMove> moves;       ///< the oldest first
};

/// Figures of each cell, from the start of the disk on.
struct CellsNow {
  std::uint64_t block_count = 0;
  std::uint64_t blocks_per_cell = 1;
  std::vector<std::uint64_t> journal;   ///< blocks of the journal
  std::vector<std::uint64_t> data;      ///< blocks that files can own
  std::vector<std::uint64_t> in_files;  ///< blocks that files own
  std::vector<std::uint64_t> read;      ///< how many were read
  std::vector<std::uint64_t> written;
};

struct BusyFile {
  std::uint64_t inode = 0;
  std::uint64_t entered = 0;
  std::string path;
  std::uint64_t requests = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
};

struct OperationTimes {
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  std::map<std::int64_t, std::uint64_t> up_to_ns;  ///< how many requests took up to that time

  /// 0 if there was no request.
  [[nodiscard]] std::int64_t percentile_ns(double percent) const;
};

struct Activity {
  std::int64_t at_ns = 0;
  std::map<std::string, std::uint64_t> cache;  ///< facts that are counts, by name
  std::map<std::string, std::uint64_t> disk;
  std::map<std::string, std::uint64_t> journal;
  std::map<std::string, std::uint64_t> volume;
  std::string label;
  std::string image;
  std::string state;
  std::string cache_policy;
  ArmNow arm;
  CellsNow cells;
  std::vector<BusyFile> files;
  std::vector<OperationTimes> operations;
};

/// Nothing if the text is not what a mount would say.
std::optional<Activity> parse_activity(const std::string& text);

struct Figures {
  double seconds = 0;  ///< 0: since the counters were last reset
  Activity now;
  /// By how much each counter of `cache`, `disk` and `journal` has grown.
  std::map<std::string, std::uint64_t> cache;
  std::map<std::string, std::uint64_t> disk;
  std::map<std::string, std::uint64_t> journal;
  std::vector<ArmMove> moves;       ///< those of the last ones that were made since
  std::vector<std::uint64_t> read;  ///< blocks, by cell
  std::vector<std::uint64_t> written;
  std::vector<BusyFile> files;             ///< those that had a request, the busiest first
  std::vector<OperationTimes> operations;  ///< those that were asked for, the most frequent first

  /// So many things as a rate; as a number where no time is known in which they happened.
  [[nodiscard]] double rate(std::uint64_t count) const {
    return seconds > 0 ? static_cast<double>(count) / seconds : static_cast<double>(count);
  }
  /// The cache's hit ratio; nothing if nobody read.
  [[nodiscard]] std::optional<double> hit_ratio() const;
};

Figures figures_in_all(const Activity& now);
Figures figures_between(const Activity& before, const Activity& now);

/// The figures as one object, for programs.
Json figures_json(const Figures& figures);

}  // namespace spindle::cli
