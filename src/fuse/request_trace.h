// What a trace tells of a request: which operation, by whom, on which path, to which file. Requests
// to the control files are left out: a reader of the trace would see his own.
#pragma once

#include <cstddef>

#include "session_state.h"

namespace spindle {

/// Whether the request, of `size` bytes with its header, is to a file of .spindle, or leads there.
bool concerns_control(const fuse_in_header& header, std::size_t size);
/// Gives the request that the calling thread is about to serve a number of its own, and records it
/// if a trace is on.
void trace_request(SessionState& session, const fuse_in_header& header, std::size_t size);
/// Counts the request for its file if it is for the file's content.
void count_file(BusyFiles& files, const fuse_in_header& header, std::size_t size,
                std::int64_t now_ns);
/// The answer to the calling thread's request is about to leave.
void trace_reply(const fuse_out_header& header);

}  // namespace spindle
