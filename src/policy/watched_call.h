// WatchedCall: while it lives, this kernel thread is in a call into a loaded library, which comes
// back to `back` if it must be abandoned.
//
//   WatchedCall watched;
//   if (sigsetjmp(watched.back, 0) != 0) return watched.words();   // "divided by zero"
//   call();
//
// The time of a call is that of the processor, looked at a few times a second, so that a call costs
// no system call.
#pragma once

#include <csetjmp>
#include <csignal>
#include <string_view>

namespace spindle {

class WatchedCall {
 public:
  WatchedCall();
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

  /// What it did, once it was abandoned.
  [[nodiscard]] std::string_view words() const { return words_; }

  sigjmp_buf back;

 private:
  friend struct WatchHandlers;
  WatchedCall* const outer_;
  volatile sig_atomic_t ticks_ = 0;
  const char* volatile words_ = "";
};

/// What this library executes is its own code from now on; `handle` is dlopen's.
void watch_library(void* handle);
/// Whether a call into it was abandoned: what it keeps in static variables may be half done.
bool was_abandoned(void* handle);

}  // namespace spindle
