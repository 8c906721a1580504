// The control file activity.json: all that a picture of a working volume needs, in one piece.
//
//   add_activity_file(tree, parts);
//
// One object: "at_ns" (monotonic); "volume", "cache", "disk" and "journal", each with the facts of
// the file `statistics` in the folder of that name; "arm": where it stands, what waits in the
// queue, and its last moves; "map": what each cell of the disk is used for and how much was ever
// read and written in it; "files": the busiest; "operations": how often, and how long they took.
//
// All counters grow until somebody resets them, and nothing is kept for a reader: any number of
// them may look, each at its own pace, and take the difference. Its length is bounded.
#pragma once

#include "spindle/control/volume_control.h"

namespace spindle {

/// Everything in `parts` must outlive the tree.
void add_activity_file(ControlTree& tree, const VolumeParts& parts);

}  // namespace spindle
