// The control files of a mounted volume: what .spindle shows of it, and what can be set.
//
//   ControlTree control;
//   add_volume_control(control, {.volume = *volume, .disk = *disk, .what_if = *what_if, ...});
//
// One folder for each part of the machine: volume/, cache/, disk/, journal/, requests/, threads/.
// `README` in the root says what each file is.
#pragma once

#include <functional>

#include "spindle/base/event_trace.h"
#include "spindle/control/control_tree.h"
#include "spindle/control/what_if.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/fs/file_system.h"
#include "spindle/fuse/session.h"
#include "spindle/record/recording_tree.h"

namespace spindle {

struct VolumeParts {
  FileSystem& volume;
  SimulatedDisk& disk;
  WhatIf& what_if;
  EventTrace& trace;
  RecordingTree& recorded;  ///< the volume, as the mount serves it
  /// Null while there is none yet.
  std::function<Session*()> session;
  std::string image;    ///< path of the image
  std::string version;  ///< of the program
};

/// Adds all files. Everything in `parts` must outlive the tree.
void add_volume_control(ControlTree& tree, const VolumeParts& parts);

}  // namespace spindle
