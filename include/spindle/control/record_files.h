// The control files through which a mount is recorded: record_pipe and record_pipe_contents.
//
//   RecordingTree tree(volume);
//   add_record_files(control, tree);
//
// From its first read on, each reader gets a line for every operation that ends ("op ...", see
// operation.h), with times since that read; the second file adds the bytes that were written. A
// reader that leaves more than 64 MiB unread gets one more line, "lost", and then nothing.
#pragma once

#include "spindle/control/control_tree.h"
#include "spindle/record/recording_tree.h"

namespace spindle {

/// The recorded tree must outlive the control tree's open files.
void add_record_files(ControlTree& tree, RecordingTree& recorded);

}  // namespace spindle
