// A request that ends early when the one who asks is killed or the mount goes.
#pragma once

#include "session_state.h"

namespace spindle {

/// Registers the request's interruption with the kernel and the session, and with the caller, for
/// the tree; only if it `may_take_long`, since few do.
class InterruptibleRequest {
 public:
  InterruptibleRequest(fuse_req_t request, SessionState& session, bool may_take_long,
                       Caller& caller)
      : request_(request), session_(may_take_long ? &session : nullptr) {
    if (session_ == nullptr) return;
    caller.interruption = &interruption_;
    session_->interruptible.insert(&interruption_);
    fuse_req_interrupt_func(
        request_, [](fuse_req_t, void* data) { static_cast<Interruption*>(data)->interrupt(); },
        &interruption_);
  }
  InterruptibleRequest(const InterruptibleRequest&) = delete;
  InterruptibleRequest& operator=(const InterruptibleRequest&) = delete;
  ~InterruptibleRequest() {
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
