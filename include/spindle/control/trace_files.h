// The control files of the event trace: trace (what is kept of it), trace_pipe (what happens from
// its opening on, as a stream), trace_on, trace_size.
//
//   EventTrace trace(kKeptEvents, &thread::current_thread::tag);
//   add_trace_files(tree, trace);
#pragma once

#include <string>

#include "spindle/base/event_trace.h"
#include "spindle/control/control_tree.h"

namespace spindle {

/// The trace must outlive the tree.
void add_trace_files(ControlTree& tree, EventTrace& trace);

/// "  12.000345 #17 cache miss block=812 blocks=4", with a line end.
std::string event_text(const TraceEvent& event);
/// {"number": 3, "at_ns": ..., "request": 17, "layer": "cache", "event": "miss", "block": 812 ...}
std::string event_json(const TraceEvent& event);
std::string event_json_line(const TraceEvent& event);  ///< the same, with a line end

}  // namespace spindle
