// HoareMonitor: a monitor whose signal hands it over at once (Hoare, "Monitors: an operating system
// structuring concept", 1974).
//
//   HoareMonitor monitor("buffer");
//   HoareMonitor::Condition not_empty(monitor, "not empty");
//   {
//     const HoareMonitor::Entry entry(monitor);
//     if (items.empty()) not_empty.wait();      // `if` is enough: what was signalled holds still
//     ...
//     not_full.signal();                        // the waiter runs inside now; we wait for our turn
//   }
//
// Who signals waits on the urgent queue and goes on before anybody new enters. With Mesa's rule
// (ConditionVariable) the signal only says that the condition may hold, and the waiter tests again.
#pragma once

#include <cstdint>

#include "spindle/thread/section.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class HoareMonitor {
 public:
  explicit HoareMonitor(const char* name = "")
      : entering_(name, WaitKind::kMutex), urgent_(name, WaitKind::kMutex) {}

  void enter() {
    const Section section;
    if (!busy_) {
      busy_ = true;
    } else {
      wait_in(entering_);
    }
  }
  void leave() {
    const Section section;
    // Handed to one who signalled, else to one who would enter; busy all the while.
    if (!urgent_.wake_one() && !entering_.wake_one()) busy_ = false;
  }

  class Entry {
   public:
    explicit Entry(HoareMonitor& monitor) : monitor_(monitor) { monitor_.enter(); }
    ~Entry() { monitor_.leave(); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    HoareMonitor& monitor_;
  };

  class Condition {
   public:
    explicit Condition(HoareMonitor& monitor, const char* name = "")
        : monitor_(monitor), waiters_(name, WaitKind::kCondition) {}

    /// Inside the monitor: leaves it, and is inside again when signalled.
    void wait() { static_cast<void>(wait_until(kNever)); }
    /// False if the deadline (monotonic ns) came first; inside again either way, but then nothing
    /// is promised of the condition.
    bool wait_until(std::int64_t deadline_ns) {
      const Section section;
      monitor_.leave();
      if (wait_in(waiters_, deadline_ns)) return true;
      monitor_.enter();
      return false;
    }
    /// Inside the monitor: if somebody waits he goes on now, inside, and the caller after him.
    void signal() {
      const Section section;
      if (waiters_.wake_one()) wait_in(monitor_.urgent_);
    }
    [[nodiscard]] bool empty() const {
      const Section section;
      return waiters_.empty();
    }

   private:
    HoareMonitor& monitor_;
    WaitQueue waiters_;
  };

 private:
  // Not interruptible: who is cancelled here could not say whether he is inside.
  static bool wait_in(WaitQueue& queue, std::int64_t deadline_ns = kNever) {
    WaitNode node;
    node.interruptible = false;
    queue.enqueue(node);
    return WaitQueue::park(node, deadline_ns);
  }

  bool busy_ = false;
  WaitQueue entering_;
  WaitQueue urgent_;
};

}  // namespace spindle::thread
