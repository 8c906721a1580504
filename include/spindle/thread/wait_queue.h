// WaitQueue: the one thing on which threads wait. Every primitive is made of it.
//
//   WaitQueue arrivals("arrivals");
//   while (items.empty()) arrivals.wait();        // the consumer
//   items.push_back(x); arrivals.wake_one();      // the producer, a thread or a callback
//
// First come, first woken. The links stand on the waiting thread's own stack, so waiting allocates
// nothing. Between a test and the wait that follows nothing else runs (one worker, cooperative), so
// no wake-up is lost and no lock is needed; with several workers or preemption the test and the
// wait, and the change and the wake-up, stand in a Section (section.h) each. A queue must not be
// destroyed while threads wait on it. A wait is a point of cancellation (thread.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spindle/thread/time.h"

namespace spindle::thread {

struct Control;
class Scheduler;
class WaitQueue;
struct Selection;

/// What kind of thing a thread waits for.
enum class WaitKind : std::uint8_t {
  kQueue,
  kMutex,
  kSharedMutex,
  kCondition,
  kSemaphore,
  kLatch,
  kBarrier,
  kEvent,
  kChannel,
  kJoin,
  kSleep,
  kReadable,
  kWritable,
  kMonitor,
  kOnce,
};

/// One waiting thread's place in a queue. Primitives derive from it to hand values over.
struct WaitNode {
  WaitNode* next = nullptr;
  WaitNode* previous = nullptr;
  Control* thread = nullptr;
  WaitQueue* queue = nullptr;   ///< null once woken or timed out
  std::size_t timer_index = 0;  ///< its number among the timers, from 1 on; 0: none
  bool timed_out = false;
  bool cancelled = false;          ///< for primitives that end a wait without what it waited for
  bool interrupted = false;        ///< its thread was cancelled
  bool interruptible = true;       ///< cancellation of its thread ends the wait
  Selection* selection = nullptr;  ///< if it is one of several
};

/// Several nodes on which one thread waits at a time, parked by the first of them: the first that
/// is woken takes all out.
struct Selection {
  std::span<WaitNode* const> nodes;
  WaitNode* chosen = nullptr;  ///< the one that was woken
};

/// Who holds a lock (or must end, for a join), and where in the code it was taken: an edge of the
/// graph of who waits for whom. A Mutex keeps a mark in the lowest bit of `thread`.
struct Holder {
  Control* thread = nullptr;
  const void* taken_at = nullptr;
};

class WaitQueue {
 public:
  /// `name` must outlive the queue: a literal, or a string beside it.
  explicit WaitQueue(const char* name = "", WaitKind kind = WaitKind::kQueue)
      : name_(name), kind_(kind) {}
  ~WaitQueue();
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  /// Parks the calling thread until it is woken.
  void wait();
  /// True if woken, false if the deadline came first. A deadline that is past does not park.
  bool wait_until(Deadline deadline);
  bool wait_for(Duration duration) { return wait_until(duration.from_now()); }

  /// Makes the first waiting thread ready; it runs when the policy says. False if none waits.
  bool wake_one();
  /// How many were woken.
  std::size_t wake_all();

  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const char* name() const { return name_; }
  [[nodiscard]] WaitKind kind() const { return kind_; }

  // For those who build primitives: enqueue, let go of something, park (or withdraw).

  /// The first waiting node, or null.
  [[nodiscard]] WaitNode* front() const { return head_; }
  /// Takes the node out, of whatever place, and makes its thread ready.
  void wake(WaitNode& node);
  /// Puts the calling thread at the end without parking it: `park(node)` or `withdraw(node)`
  /// must follow.
  void enqueue(WaitNode& node);
  /// The same before all others, for one that stood there already.
  void enqueue_in_front(WaitNode& node);
  /// Takes the node out again: nothing is waited for after all.
  void withdraw(WaitNode& node) { unlink(node); }
  /// Parks until the node is woken or the deadline comes; returns at once if it was woken
  /// meanwhile. False if the deadline came first. Throws Cancelled, with the node taken out, if
  /// the thread is cancelled and the node interruptible.
  static bool park(WaitNode& node, Deadline deadline = kNever);
  /// The same for a deadline that was ahead when it was looked at last.
  static bool park_ahead(WaitNode& node, Deadline deadline);

 private:
  friend class Scheduler;
  void unlink(WaitNode& node);
  static void unlink_all(WaitNode& node);
  static void end_early(WaitNode& node);
  static void expire(WaitNode& node);
  static void interrupt(WaitNode& node);

  WaitNode* head_ = nullptr;
  WaitNode* tail_ = nullptr;
  const char* name_;
  WaitKind kind_;
};

}  // namespace spindle::thread
