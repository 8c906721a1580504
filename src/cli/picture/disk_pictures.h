// Pictures of what a disk and its cache did: on a mount, or while a recording or a block trace was
// played.
//
// Their data are tables as in MOUNT/.spindle, wherever they come from; a picture's JSON has the
// rows that it shows.
#pragma once

#include <string>

#include "cli/mount/mount_control.h"
#include "cli/picture/picture.h"

namespace spindle::cli {

struct DiskFigures {
  std::string subject;  ///< what title lines name: a mount's image, a recording
  std::string caption;  ///< when it was, and under which conditions
  /// How the cache's history runs: by the wall clock on a mount; in a recording only the order of
  /// reads is known.
  enum class Time : std::uint8_t { kWall, kReads };
  Time time = Time::kWall;
  bool arm_is_watched = true;  ///< otherwise what is known of the arm is old, or nothing
  Json tables;                 ///< by the names of the control files: "disk/moves", "cache/history"

  [[nodiscard]] const Json& table(const char* name) const { return tables.at(name); }
  [[nodiscard]] bool has(const char* name) const { return tables.contains(name); }
};

/// What the disk and the cache of a mount did since its counters were reset.
DiskFigures take_disk_figures(const MountControl& control);
/// How a recording is played on a volume in memory, or how the requests of a block trace are served
/// with a given number of them waiting.
struct PlayChoice {
  std::string arm;   ///< an arm policy, or a library; empty: the recorded one, or look
  std::string disk;  ///< empty: the recorded one, or 7200rpm
  std::optional<std::size_t> depth;  ///< for a block trace: how many requests wait; none: 32
};
bool is_recording(const std::string& file);
bool is_block_trace(const std::string& file);
DiskFigures play_figures(const std::string& file, PlayChoice choice, Complaint& complaint);

/// A picture of the arm, seeks, responses, hits or policies. Complains if there is nothing to draw.
DrawnPicture picture_of(PictureKind kind, const DiskFigures& figures, Complaint& complaint);

}  // namespace spindle::cli
