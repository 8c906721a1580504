// Who waits for whom: the graph whose edges are Control::blocking, kept while a thread waits for
// a lock, a join or a group. A thread waits for each of those who have what it wants, most often
// for one alone; so there is a deadlock where the edges close a circle, which the one who is about
// to close it looks for. Nothing of this is done for a lock that is free.
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

/// Who has what is wanted.
struct Owners {
  const Holder& alone;               ///< or nobody
  const Readers* readers = nullptr;  ///< if nobody has it alone
  const Members* members = nullptr;  ///< all of whom are waited for
  /// For one who would read: the writers that wait. Those whose ticket is lower go before him.
  const WaitQueue* writers = nullptr;
  std::uint64_t ticket = 0;

  /// Those for whom the asker waits: whoever has it alone, else a writer that goes before him, else
  /// all who read.
  template <class Visit>
  void for_each(Visit visit) const;
  /// The first of the writers that go before; null if none does, or each gives up some time. They
  /// wait for the same ones.
  [[nodiscard]] const WaitNode* writer_in_front() const;
};

/// How a lock is asked for.
struct LockRequest {
  Deadline deadline = kNever;
  const void* where = nullptr;  ///< the place in the code
  bool checked = false;         ///< a wait that would close a circle is refused
  bool cancellable = false;     ///< the wait is a point of cancellation
  bool in_front = false;        ///< of all others: it waited, and was woken to try again
};

enum class LockOutcome : std::uint8_t { kTaken, kTimedOut, kClosesCircle };

/// For the functions that tell it with an error.
Result<> to_result(LockOutcome outcome);

/// Parks the calling thread, with its node in the queue, until it is woken: with the lock.
LockOutcome wait_for_lock(WaitNode& node, WaitQueue& queue, const Owners& owners,
                          const LockRequest& request);

/// The calling thread could not take a lock by a mere try. What it lets go of next, and others wait
/// for, it does not hand over: it wakes one of them to try again (WaitNode::cancelled). Else
/// threads that take several locks as std::lock does, one by waiting and the rest by trying, could
/// fail for ever, each with a lock that was handed to it while it waited.
void note_vain_try();
/// Whether that is so now, and no more.
bool take_vain_try(Control& self);

/// True if some chain that starts with `self`, which is about to wait without a deadline, comes
/// back to it.
bool closes_circle(const Control& self);

/// What every thread that has not ended waits for, one line each, so many at most.
std::string describe_waiting(const Scheduler& scheduler);

/// Of those with the highest priority that wait, the one that came first. The queue is not empty.
WaitNode& most_urgent(const WaitQueue& queue);

/// Whether what goes while somebody holds it or waits for it is a bug: not outside of a run, for he
/// may be one whom `run` left asleep for ever, and not once the program exits, maybe in a thread.
bool checks_what_goes();
/// From now on the program's exit is noticed, before what was made until now goes.
void watch_for_exit();

/// Stops the program: the calling thread did to the lock what it must not.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const Owners& owners);
/// `state`: the lock's, in words.
[[noreturn]] void report_misuse(const char* what, const WaitQueue& lock, const std::string& state);

// For the runtime's order of locks, where it keeps one (Control::tracks_locks). In sections.
void note_taken(const WaitQueue& lock, const void* where, bool shares, bool waited_for);
void note_released(const WaitQueue& lock);
void forget_in_order(const WaitQueue& lock);
void check_holds_none(const Control& self);

/// For the time of a wait: the edges, the report if they close a circle, the donation of priority,
/// which is taken back if the wait ends without what was wanted.
class Blocking {
 public:
  /// `may_report`: the wait has no deadline, and the caller did not ask to be told himself.
  Blocking(const Owners& owners, const WaitQueue& wanted, const void* where, bool may_report);
  ~Blocking();
  /// The wait ended with what was wanted: the owners have let go of it already.
  void ended_well() { ended_well_ = true; }

  /// Who must act before the thread can go on, as far as is known.
  [[nodiscard]] const Owners& owners() const { return owners_; }
  [[nodiscard]] bool is_by(const Control& thread) const;
  [[nodiscard]] const WaitQueue& wanted() const { return wanted_; }
  /// For Scheduler::settle, which looks at all that are listed: from the first time on that
  /// priorities differ all are.
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
  Blocking** listed_by_ = nullptr;  // the pointer to it; null: it is in no list
};

/// Its wait is not over. One whose wait is may not have run since.
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
