// WaitQueue: the one thing on which threads wait. Every primitive is made of it.
//
//   WaitQueue arrivals("arrivals");
//   while (items.empty()) arrivals.wait();        // the consumer
//   items.push_back(x); arrivals.wake_one();      // the producer, a thread or a callback
//
// First come, first woken. The links stand on the waiting thread's own stack, so waiting allocates
// nothing. On one worker without preemption nothing else runs between a test and the wait that
// follows it, so no wake-up is lost and no lock is needed. With several workers or preemption the
// test and the wait belong into one Section (section.h), and so do the change and the wake-up. A
// queue must not be destroyed while threads wait on it. A wait is a point of cancellation
// (thread.h).
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
  bool cancelled = false;          ///< for primitives: the wait ended without what it was for
  bool interrupted = false;        ///< its thread was cancelled
  bool interruptible = true;       ///< cancellation of its thread ends the wait
  Selection* selection = nullptr;  ///< if the thread waits on several nodes
};

/// Several nodes on which one thread waits at a time, parked on the first of them: when one is
/// woken, all are taken out of their queues.
struct Selection {
  std::span<WaitNode* const> nodes;
  WaitNode* chosen = nullptr;  ///< the one that was woken
};

/// The thread that holds a lock (or, for a join, must end), and where in the code it took the lock:
/// an edge of the graph of who waits for whom. A Mutex keeps a mark in the lowest bit of `thread`.
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
  /// Makes all waiting threads ready; returns how many.
  std::size_t wake_all();

  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const char* name() const { return name_; }
  [[nodiscard]] WaitKind kind() const { return kind_; }

  // For building primitives: enqueue, let go of something, park (or withdraw).

  /// The first waiting node, or null.
  [[nodiscard]] WaitNode* front() const { return head_; }
  /// Takes the node out, wherever it stands in the queue, and makes its thread ready.
  void wake(WaitNode& node);
  /// Puts the calling thread at the end without parking it: `park(node)` or `withdraw(node)`
  /// must follow.
  void enqueue(WaitNode& node);
  /// The same at the front of the queue, for a thread that has waited in it already.
  void enqueue_in_front(WaitNode& node);
  /// Takes the node out again: the thread does not wait after all.
  void withdraw(WaitNode& node) { unlink(node); }
  /// Parks until the node is woken or the deadline comes; returns at once if it was woken
  /// meanwhile. False if the deadline came first. Throws Cancelled, with the node taken out, if
  /// the thread is cancelled and the node interruptible.
  static bool park(WaitNode& node, Deadline deadline = kNever);
  /// The same for a deadline that is known to have been in the future a moment ago.
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
