// The control files through which a mount is recorded: record_pipe and record_pipe_contents.
//
//   RecordingTree tree(volume);
//   add_record_files(control, tree);
//
// From the first read on, each reader gets a line for every operation that ends ("op ...", see
// operation.h), times counted from there on; with the bytes written through the second file. Who
// leaves more than 64 MiB unread gets no more, but for a line "lost".
#pragma once

#include "spindle/control/control_tree.h"
#include "spindle/record/recording_tree.h"

namespace spindle {

/// The recorded tree must outlive the control tree's open files.
void add_record_files(ControlTree& tree, RecordingTree& recorded);

}  // namespace spindle
