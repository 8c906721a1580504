// What the event trace is told of a request: which operation, by whom, on which path.
#pragma once

#include <cstddef>

#include "session_state.h"

namespace spindle {

/// Gives the request that the calling thread is about to serve a number of its own, and tells of
/// it, if a trace is on. Requests to the control files are not traced: their reader would see
/// himself.
void trace_request(SessionState& session, const fuse_in_header& header, std::size_t size);
/// The answer to the calling thread's request is about to leave.
void trace_reply(const fuse_out_header& header);

}  // namespace spindle
