// Event: a flag that threads wait for, set and reset by hand.
//
//   Event loaded("loaded");
//   loaded.wait();                    // threads that need what is being loaded
//   loaded.set();                     // lets them all go, and those who come later
#pragma once

#include <cstdint>

#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Event {
 public:
  explicit Event(const char* name = "") : waiters_(name, WaitKind::kEvent) {}

  /// Lets all who wait go, and all who come until the next reset.
  void set() {
    const Section section;
    set_ = true;
    waiters_.wake_all();
  }
  void reset() {
    const Section section;
    set_ = false;
  }
  [[nodiscard]] bool is_set() const {
    const Section section;
    return set_;
  }

  /// A thread that waits when the event is set goes on, even if it is reset before the thread runs.
  void wait() {
    const Section section;
    if (!set_) waiters_.wait();
  }
  /// False if the deadline came first.
  bool wait_until(Deadline deadline) {
    const Section section;
    return set_ || waiters_.wait_until(deadline);
  }
  bool wait_for(Duration duration) { return wait_until(duration.from_now()); }

 private:
  bool set_ = false;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
