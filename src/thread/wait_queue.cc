#include "spindle/thread/wait_queue.h"

#include "spindle/base/clock.h"
#include "thread/scheduler.h"

namespace spindle::thread {

WaitQueue::~WaitQueue() {
  // Threads that `run` left asleep for ever may still stand here when what they waited for goes.
  CHECK(head_ == nullptr || current_scheduler == nullptr);
}

void WaitQueue::enqueue(WaitNode& node) {
  node.thread = &calling_thread();
  node.queue = this;
  node.next = nullptr;
  node.previous = tail_;
  (tail_ == nullptr ? head_ : tail_->next) = &node;
  tail_ = &node;
}

void WaitQueue::unlink(WaitNode& node) {
  (node.previous == nullptr ? head_ : node.previous->next) = node.next;
  (node.next == nullptr ? tail_ : node.next->previous) = node.previous;
  node.queue = nullptr;
}

bool WaitQueue::park(WaitNode& node, std::int64_t deadline_ns) {
  if (node.queue == nullptr) return true;
  Control& self = *node.thread;
  Scheduler& scheduler = *self.scheduler;
  if (deadline_ns != kNever) {
    if (deadline_ns <= monotonic_ns()) {
      node.queue->unlink(node);
      return false;
    }
    scheduler.timers().insert(node, deadline_ns);
  }
  self.parked = &node;
  scheduler.park(self);
  self.parked = nullptr;
  return !node.timed_out;
}

void WaitQueue::wake(WaitNode& node) {
  CHECK(node.queue == this);
  unlink(node);
  Control& thread = *node.thread;
  if (node.timer_index != 0) thread.scheduler->timers().remove(node);
  if (thread.parked == &node) thread.scheduler->make_ready(thread, Why::kWoken);
}

void WaitQueue::expire(WaitNode& node) {
  node.queue->unlink(node);
  node.timed_out = true;
  node.thread->scheduler->make_ready(*node.thread, Why::kWoken);
}

void WaitQueue::wait() {
  WaitNode node;
  enqueue(node);
  park(node);
}

bool WaitQueue::wait_until(std::int64_t deadline_ns) {
  WaitNode node;
  enqueue(node);
  return park(node, deadline_ns);
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
