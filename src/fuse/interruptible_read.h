// A read that ends early when its reader is killed or the mount goes.
#pragma once

#include "session_state.h"

namespace spindle {

/// Only control files make a reader wait, so only their readers can be interrupted.
class InterruptibleRead {
 public:
  InterruptibleRead(fuse_req_t request, SessionState& session, NodeId node, Caller& caller)
      : request_(request), session_((node & kControlBit) != 0 ? &session : nullptr) {
    if (session_ == nullptr) return;
    caller.interruption = &interruption_;
    session_->interruptible.insert(&interruption_);
    fuse_req_interrupt_func(
        request_, [](fuse_req_t, void* data) { static_cast<Interruption*>(data)->interrupt(); },
        &interruption_);
  }
  InterruptibleRead(const InterruptibleRead&) = delete;
  InterruptibleRead& operator=(const InterruptibleRead&) = delete;
  ~InterruptibleRead() {
    if (session_ != nullptr) session_->interruptible.erase(&interruption_);
  }
  /// To be called before the answer, after which libfuse forgets the request.
  void end() {
    if (session_ != nullptr) fuse_req_interrupt_func(request_, nullptr, nullptr);
  }

 private:
  fuse_req_t request_;
  SessionState* session_;
  Interruption interruption_;
};

}  // namespace spindle
