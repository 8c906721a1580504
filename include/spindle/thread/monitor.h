// HoareMonitor: a monitor whose signal hands it over at once (Hoare, "Monitors: an operating system
// structuring concept", 1974).
//
//   HoareMonitor monitor("buffer");
//   HoareMonitor::Condition not_empty(monitor, "not empty");
//   {
//     const HoareMonitor::Entry entry(monitor);
//     if (items.empty()) not_empty.wait();      // `if` is enough: what was signalled holds still
//     ...
//     not_full.signal();                        // the waiter runs inside now; we wait
//   }
//
// The thread that signals waits on the urgent queue and goes on before anybody new enters. With
// Mesa's rule (ConditionVariable) the signal only says that the condition may hold, and the waiter
// tests again.
//
// A monitor knows who is inside, as a mutex knows its holder: circles are reported, priorities
// donated, and entering twice, leaving, waiting and signalling from outside, or destroying it while
// somebody is inside, stop the program with a message.
//
// Waiting for a condition is a point of cancellation; the thread is inside again before it unwinds.
// Entering is none, nor is the wait of the thread that signalled.
#pragma once

#include <cstdint>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

struct LockRequest;
enum class LockOutcome : std::uint8_t;
enum class Taking : bool;

class HoareMonitor {
 public:
  explicit HoareMonitor(const char* name = "")
      : entering_(name, WaitKind::kMonitor), urgent_(name, WaitKind::kMonitor) {}
  ~HoareMonitor() {
    if (inside_.thread != nullptr) check_may_go();
    if (in_order_) forget_order();
  }

  void enter();
  /// Does not enter, but returns EDEADLK if the calling thread is inside already or waiting would
  /// close a circle, and ETIMEDOUT if the deadline came first.
  Result<> enter_checked(Timeout timeout = kNever);
  /// False if the deadline (0: do not wait) came first.
  [[nodiscard]] bool enter_until(Deadline deadline);
  [[nodiscard]] bool enter_for(Duration duration);
  void leave();
  [[nodiscard]] bool inside() const;

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
    void wait();
    /// False if the deadline came first: then the condition may not hold. The thread is inside
    /// again either way.
    bool wait_until(Deadline deadline);
    bool wait_for(Duration duration);
    /// Inside the monitor: if a thread waits, the first one goes on now, inside, and the caller
    /// after it.
    void signal();
    [[nodiscard]] bool empty() const;

   private:
    bool wait_until(Deadline deadline, const void* where);

    HoareMonitor& monitor_;
    WaitQueue waiters_;
  };

 private:
  struct Waiter;
  LockOutcome enter_as(const LockRequest& request);
  LockOutcome wait_in(WaitQueue& queue, const LockRequest& request);
  void hand_to(WaitQueue& queue);
  void leave_to_next();
  void check_inside(const char* what) const;
  void track(const void* where, Taking taking);
  void forget_order();
  void check_may_go() const;

  Holder inside_;
  WaitQueue entering_;
  WaitQueue urgent_;
  bool in_order_ = false;  // the runtime's LockOrder knows it, as `entering_`
};

}  // namespace spindle::thread
