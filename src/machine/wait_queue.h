// WaitQueue: threads that wait for one thing, in order of arrival.
#pragma once

#include <algorithm>
#include <deque>

namespace spindle {

struct Thread;

class WaitQueue {
 public:
  void push(Thread& thread) { threads_.push_back(&thread); }
  [[nodiscard]] bool empty() const { return threads_.empty(); }
  [[nodiscard]] Thread* front() const { return threads_.empty() ? nullptr : threads_.front(); }
  void remove(Thread& thread) {
    const auto found = std::find(threads_.begin(), threads_.end(), &thread);
    if (found != threads_.end()) threads_.erase(found);
  }
  [[nodiscard]] const std::deque<Thread*>& threads() const { return threads_; }

 private:
  std::deque<Thread*> threads_;
};

}  // namespace spindle
