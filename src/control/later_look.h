// LaterLook: the machine tells nobody when it has more to show, so those who wait for that look now
// and then.
#pragma once

#include <memory>
#include <utility>

#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::control {

class LaterLook {
 public:
  explicit LaterLook(const char* name) : arrivals(name), name_(name) {}

  /// Wakes those who wait, after a while. `owner` keeps this alive until then.
  void ask(std::shared_ptr<const void> owner) {
    if (is_asked_) return;
    const auto spawned = thread::spawn_detached(name_, [this, kept = std::move(owner)] {
      thread::sleep_until(monotonic_ns() + kIntervalNs);
      is_asked_ = false;
      arrivals.wake_all();
    });
    is_asked_ = spawned.ok();
  }

  thread::WaitQueue arrivals;

 private:
  static constexpr std::int64_t kIntervalNs = 20'000'000;
  const char* name_;
  bool is_asked_ = false;
};

}  // namespace spindle::control
