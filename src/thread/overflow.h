// OverflowReporter: while one exists, its kernel thread answers an access to a stack's guard page
// with the thread's name on standard error and abort(). Other faults go to the handler that was
// there before.
#pragma once

#include <csignal>
#include <memory>

namespace spindle::thread {

class OverflowReporter {
 public:
  OverflowReporter();
  ~OverflowReporter();
  OverflowReporter(const OverflowReporter&) = delete;
  OverflowReporter& operator=(const OverflowReporter&) = delete;

 private:
  std::unique_ptr<char[]> stack_;  // signals cannot run on a stack that is full
  stack_t previous_;
};

}  // namespace spindle::thread
