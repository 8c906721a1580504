// What every operation needs of its request: whose it is, which tree it goes to, and how to answer.
#pragma once

#include "session_state.h"

namespace spindle {

inline SessionState& session_of(fuse_req_t request) {
  return *static_cast<SessionState*>(fuse_req_userdata(request));
}

inline Tree& tree_of(fuse_req_t request, NodeId node) {
  return session_of(request).tree(node);
}

inline fuse_entry_param to_entry(fuse_req_t request, const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = attributes.node;
  entry.generation = attributes.generation;
  entry.attr = to_stat(attributes);
  entry.attr_timeout = session_of(request).validity_seconds(attributes.node);
  entry.entry_timeout = entry.attr_timeout;
  return entry;
}

inline void reply(fuse_req_t request, const Result<>& result) {
  fuse_reply_err(request, result.code());
}

}  // namespace spindle
