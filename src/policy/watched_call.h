// WatchedCall: while it lives, this kernel thread is in a call into a loaded library, which comes
// back to `back` if it must be abandoned.
//
//   WatchedCall watched(library);
//   if (sigsetjmp(watched.back, 0) != 0) return watched.words();   // "divided by zero"
//   call();
//
// The time of a call is that of the processor, looked at ten times a second, so that a call costs
// no system call. A library has one second in all for calls of more than a tenth: however many of
// its policies are asked at once, they cost no more than that. Once a call was abandoned the
// library must not be called again, since what it keeps in static variables may be half done.
#pragma once

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <mutex>
#include <string_view>
#include <vector>

namespace spindle {

class WatchedLibrary {
 public:
  /// What the call into it that was abandoned did; null if none was.
  [[nodiscard]] const char* fault() const { return fault_.load(std::memory_order_relaxed); }
  /// Marks an object of the library that must not be touched any more, not even to delete it.
  void abandon(const void* object) {
    const std::scoped_lock lock(mutex_);
    abandoned_.push_back(object);
  }

 private:
  friend struct WatchHandlers;
  std::mutex mutex_;
  std::vector<const void*> abandoned_;
  std::atomic<const char*> fault_ = nullptr;
  std::atomic<int> slow_ticks_ = 0;
};

class WatchedCall {
 public:
  explicit WatchedCall(WatchedLibrary& library);
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

  /// What the call did, once it was abandoned.
  [[nodiscard]] std::string_view words() const { return words_; }

  sigjmp_buf back;

 private:
  friend struct WatchHandlers;
  WatchedLibrary& library_;
  WatchedCall* const outer_;
  volatile sig_atomic_t ticks_ = 0;
  const char* volatile words_ = "";
};

/// What this library executes is its own code from now on; `handle` is dlopen's. Lives for ever.
WatchedLibrary& watch_library(void* handle);

}  // namespace spindle
