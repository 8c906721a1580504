#include "spindle/thread/wait_queue.h"

#include <string>

#include "spindle/base/clock.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

#if defined(__GNUC__) && !defined(__clang__)
// A node is taken out of its queue before its wait returns.
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

namespace spindle::thread {

namespace {

bool is_to_be_cancelled(const WaitNode& node) {
  return node.thread->cancel == CancelState::kRequested && node.interruptible &&
         node.thread->cancel_off == 0;
}

[[gnu::noinline]] void check_may_wake(const Control& thread, const WaitQueue& queue) {
  if (thread.scheduler->runtime() == nullptr) return;  // it is in no run
  report_misuse("wakes from outside of its runtime a thread at", queue,
                "for which \"" + std::string(thread.name) +
                    "\" waits: only Runtime::post may be called there");
}

/// Makes the thread ready, which waited in the queue.
inline void end_wait(Control& thread, const WaitQueue& queue) {
  if (__builtin_expect(thread.scheduler != current_scheduler, 0)) check_may_wake(thread, queue);
  thread.scheduler->make_ready(thread, Why::kWoken);
}

}  // namespace

WaitQueue::~WaitQueue() {
  if (head_ == nullptr) return;
  if (head_->thread->scheduler->runtime() == nullptr) {
    // Threads that `run` left asleep for ever may still be here when the queue is destroyed.
    while (head_ != nullptr) unlink_all(*head_);
    return;
  }
  if (exit_has_begun()) return;
  report_misuse("destroys", *this, "for which \"" + std::string(head_->thread->name) + "\" waits");
}

void WaitQueue::enqueue(WaitNode& node) {
  node.thread = &calling_thread();
  node.queue = this;
  node.next = nullptr;
  node.previous = tail_;
  (tail_ == nullptr ? head_ : tail_->next) = &node;
  tail_ = &node;
}

void WaitQueue::enqueue_in_front(WaitNode& node) {
  node.thread = &calling_thread();
  node.queue = this;
  node.next = head_;
  node.previous = nullptr;
  (head_ == nullptr ? tail_ : head_->previous) = &node;
  head_ = &node;
}

void WaitQueue::unlink(WaitNode& node) {
  (node.previous == nullptr ? head_ : node.previous->next) = node.next;
  (node.next == nullptr ? tail_ : node.next->previous) = node.previous;
  node.queue = nullptr;
}

bool WaitQueue::park(WaitNode& node, Deadline deadline) {
  if (node.queue == nullptr) return true;
  const bool is_past = deadline != kNever && deadline.ns() <= monotonic_ns();
  if (!is_past || is_to_be_cancelled(node)) return park_ahead(node, deadline);
  unlink_all(node);
  return false;
}

bool WaitQueue::park_ahead(WaitNode& node, Deadline deadline) {
  Control& self = *node.thread;
  Scheduler& scheduler = *self.scheduler;
  if (__builtin_expect(is_to_be_cancelled(node), 0)) {
    unlink_all(node);
    self.cancel = CancelState::kDelivered;
    throw Cancelled();
  }
  if (deadline != kNever) scheduler.timers().insert(node, deadline.ns());
  self.parked = &node;
  scheduler.park(self);
  self.parked = nullptr;
  if (__builtin_expect(node.interrupted, 0)) {
    self.cancel = CancelState::kDelivered;
    throw Cancelled();
  }
  return !node.timed_out;
}

void WaitQueue::unlink_all(WaitNode& node) {
  if (node.selection == nullptr) {
    node.queue->unlink(node);
    return;
  }
  for (WaitNode* one : node.selection->nodes) {
    if (one->queue != nullptr) one->queue->unlink(*one);
  }
}

void WaitQueue::wake(WaitNode& node) {
  CHECK(node.queue == this);
  WaitNode* parked = &node;
  if (__builtin_expect(node.selection != nullptr, 0)) {
    node.selection->chosen = &node;
    parked = node.selection->nodes.front();
    unlink_all(node);
  } else {
    unlink(node);
  }
  Control& thread = *node.thread;
  if (parked->timer_index != 0) thread.scheduler->timers().remove(*parked);
  if (thread.parked == parked) end_wait(thread, *this);
}

// Ends the wait of a parked thread without what it waited for.
void WaitQueue::end_early(WaitNode& node) {
  const WaitQueue& queue = *node.queue;
  unlink_all(node);
  end_wait(*node.thread, queue);
}

void WaitQueue::expire(WaitNode& node) {
  node.timed_out = true;
  end_early(node);
}

void WaitQueue::interrupt(WaitNode& node) {
  node.interrupted = true;
  if (node.timer_index != 0) node.thread->scheduler->timers().remove(node);
  end_early(node);
}

void WaitQueue::wait() {
  WaitNode node;
  enqueue(node);
  park(node);
}

bool WaitQueue::wait_until(Deadline deadline) {
  WaitNode node;
  enqueue(node);
  return park(node, deadline);
}

bool WaitQueue::wake_one() {
  if (head_ == nullptr) return false;
  wake(*head_);
  return true;
}

std::size_t WaitQueue::wake_all() {
  std::size_t woken = 0;
  for (; head_ != nullptr; ++woken) wake(*head_);
  return woken;
}

std::size_t WaitQueue::size() const {
  std::size_t count = 0;
  for (const WaitNode* node = head_; node != nullptr; node = node->next) ++count;
  return count;
}

}  // namespace spindle::thread
