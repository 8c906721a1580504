// Who waits for whom: the graph whose edges are Control::blocking, kept while a thread waits for
// a lock or a join. Each thread has one edge at most, so looking for a circle is walking a chain.
#pragma once

#include <cstdint>
#include <string>

#include "spindle/thread/wait_queue.h"
#include "thread/control.h"

namespace spindle::thread {

/// The moment so long after another; one beyond all time never comes.
constexpr std::int64_t deadline_after(std::int64_t now_ns, std::int64_t duration_ns) {
  return duration_ns < kNever - now_ns ? now_ns + duration_ns : kNever;
}

/// True if the chain that starts with `self`, which is about to wait without a deadline, comes back
/// to it.
bool closes_circle(const Control& self);

/// The circle that `self` closes, one line a thread.
std::string describe_circle(const Control& self);

/// What every thread that has not ended waits for, one line each, so many at most.
std::string describe_waiting(const Scheduler& scheduler);

/// Of those with the highest priority that wait, the one that came first. The queue is not empty.
WaitNode& most_urgent(const WaitQueue& queue);

/// Stops the program: the calling thread did to the lock what it must not.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const Holder& holder);
/// `state`: the lock's, in words.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const std::string& state);

/// For the time of a wait: the edge, the report if it closes a circle, the donation of priority.
class Blocking {
 public:
  /// `may_report`: the wait has no deadline, and the caller did not ask to be told himself.
  Blocking(const Holder& holder, const WaitQueue& wanted, const void* where, bool may_report);
  /// `woken`: the wait ended with what was wanted, so that the holder has let go of it already.
  void ended(bool woken);

  /// Who must act before the thread can go on; null if nobody is known.
  [[nodiscard]] Control* by() const { return holding(holder_); }
  [[nodiscard]] const Holder& holder() const { return holder_; }
  [[nodiscard]] const WaitQueue& wanted() const { return wanted_; }
  /// The place in the code where it is wanted; may be null.
  [[nodiscard]] const void* where() const { return where_; }

  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

 private:
  Control& self_;
  const Holder& holder_;
  const WaitQueue& wanted_;
  const void* const where_;
};

}  // namespace spindle::thread
