// Blocking: who waits for whom: a graph whose edges are Control::blocking, kept while a thread
// waits for a lock, a join or a group. A thread waits for each owner of what it wants, most often
// for a single one. A circle of edges is a deadlock; the thread that is about to close one looks
// for it. A free lock costs nothing of this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/thread/members.h"
#include "spindle/thread/readers.h"
#include "spindle/thread/wait_queue.h"
#include "thread/control.h"

namespace spindle::thread {

struct LockUse;
enum class Taking : bool;

/// The owners of what a thread wants.
struct Owners {
  const Holder& alone;               ///< its thread may be null: nobody
  const Readers* readers = nullptr;  ///< null if it cannot be shared
  const Members* members = nullptr;  ///< of a group: the caller waits for all of them
  /// For a thread that wants to read: the writers that wait. Those with a lower ticket go before
  /// it.
  const WaitQueue* writers = nullptr;
  std::uint64_t ticket = 0;

  /// Visits those for whom the asking thread waits: the exclusive owner; if there is none, a writer
  /// that goes before it; if there is none, all readers.
  template <class Visit>
  void for_each(Visit visit) const;
  /// The first of the writers that go before; null if there is none, or all of them have deadlines.
  /// One is enough: they wait for the same threads.
  [[nodiscard]] const WaitNode* writer_in_front() const;
};

/// How a lock is asked for.
struct LockRequest {
  Deadline deadline = kNever;
  const void* where = nullptr;  ///< the place in the code
  bool checked = false;         ///< a wait that would close a circle is refused
  bool cancellable = false;     ///< cancellation ends the wait
  bool in_front = false;        ///< waits before all others: it was woken to try again
};

enum class LockOutcome : std::uint8_t { kTaken, kTimedOut, kClosesCircle };

/// For the functions that return the outcome as an error.
Result<> to_result(LockOutcome outcome);

/// Parks the calling thread, with its node in the queue, until it is woken.
LockOutcome wait_for_lock(WaitNode& node, WaitQueue& queue, const Owners& owners,
                          const LockRequest& request);

/// To be called when the calling thread has tried a lock in vain. The next lock that it lets go of,
/// and others wait for, it does not hand over: it wakes one of them to try again
/// (WaitNode::cancelled). Otherwise threads that take several locks as std::lock does, waiting for
/// one and trying the rest, could fail for ever, each holding a lock that was handed to it while it
/// waited.
void note_vain_try();
/// Whether the last try was in vain; asked again, it is false.
bool take_vain_try(Control& self);

/// True if some chain of edges that starts at `self`, which is about to wait without a deadline,
/// comes back to it.
bool closes_circle(const Control& self);

/// What every thread that has not ended waits for, one line each, up to a limit.
std::string describe_waiting(const Scheduler& scheduler);

/// The first of the waiting threads with the highest priority. The queue must not be empty.
WaitNode& most_urgent(const WaitQueue& queue);

/// Whether it is a bug to destroy an object that a thread holds or waits for. It is none outside of
/// a run, for `run` may have left that thread asleep for ever, and none once the program exits,
/// which a thread may have begun.
bool checks_what_goes();
/// From now on the program's exit is noticed before anything made until now is destroyed.
void watch_for_exit();
bool exit_has_begun();

/// Stops the program, with a message that the calling thread misused the lock.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const Owners& owners);
/// `state`: the lock's, in words.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const std::string& state);

// For the runtime's LockOrder, if it has one (Control::tracks_locks). In sections.

void note_taken(const LockUse& use, const void* where, Taking taking);
void note_released(const WaitQueue& lock);
void forget_in_order(const WaitQueue& lock);
void check_holds_none(const Control& self);

/// Whether a wait that closes a circle reports it: not if it has a deadline, or if the caller wants
/// the circle as an error.
enum class ReportsCircle : bool { kNo, kYes };

/// Exists during a wait: keeps the edges, reports a circle that they close, and donates priority,
/// which is taken back if the wait ends without what was wanted.
class Blocking {
 public:
  Blocking(const Owners& owners, const WaitQueue& wanted, const void* where, ReportsCircle reports);
  ~Blocking();
  /// To be called when the wait ended with what was wanted: the owners have let go of it already.
  void ended_well() { ended_well_ = true; }

  /// Those who must act before the thread can go on, as far as is known.
  [[nodiscard]] const Owners& owners() const { return owners_; }
  [[nodiscard]] bool is_by(const Control& thread) const;
  [[nodiscard]] const WaitQueue& wanted() const { return wanted_; }
  /// Puts it into the list that Scheduler::settle goes through. Once priorities have differed for
  /// the first time, all are listed.
  void list(Blocking*& first);
  [[nodiscard]] const Control& waiting() const { return self_; }
  [[nodiscard]] const Blocking* next() const { return next_; }
  /// The place in the code where it is wanted; may be null.
  [[nodiscard]] const void* where() const { return where_; }

  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

 private:
  Control& self_;
  const Owners owners_;
  const WaitQueue& wanted_;
  const void* const where_;
  bool ended_well_ = false;
  Blocking* next_ = nullptr;
  Blocking** listed_by_ = nullptr;  // the pointer to it in the list; null if not listed
};

/// True while its wait is not over; a thread whose wait is over may not have run since.
inline bool is_parked(const Control& thread) {
  return thread.parked != nullptr && thread.parked->queue != nullptr;
}

template <class Visit>
void Owners::for_each(Visit visit) const {
  if (holding(alone) != nullptr) {
    visit(alone);
  } else if (writers != nullptr) {
    const WaitNode* const writer = writer_in_front();
    if (writer != nullptr) visit(Holder{writer->thread, writer->thread->blocking->where()});
  } else if (readers != nullptr) {
    readers->for_each(visit);
  } else if (members != nullptr) {
    members->for_each(visit);
  }
}

}  // namespace spindle::thread
