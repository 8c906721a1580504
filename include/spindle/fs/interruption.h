// Interruption: how a request that waits, or works for long, is told that nobody waits for its
// answer any more.
//
//   while (items.empty()) {
//     if (!interruption.wait(arrivals)) return Error{EINTR};     // the reader was killed
//   }
//
// Belongs to one request; whoever hears of the end (the kernel's FUSE_INTERRUPT, the end of the
// mount) calls `interrupt`, before, during or after the wait. On the runtime's kernel thread.
#pragma once

#include "spindle/thread/wait_queue.h"

namespace spindle {

class Interruption {
 public:
  /// Parks the calling thread on the queue until it is woken. False if interrupted, now or earlier.
  bool wait(thread::WaitQueue& queue) {
    if (interrupted_) return false;
    thread::WaitNode node;
    queue.enqueue(node);
    node_ = &node;
    thread::WaitQueue::park(node);
    node_ = nullptr;
    return !interrupted_;
  }

  [[nodiscard]] bool is_interrupted() const { return interrupted_; }

  void interrupt() {
    interrupted_ = true;
    if (node_ != nullptr && node_->queue != nullptr) node_->queue->wake(*node_);
  }

 private:
  bool interrupted_ = false;
  thread::WaitNode* node_ = nullptr;
};

}  // namespace spindle
