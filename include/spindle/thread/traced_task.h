// TracedTask: shows work that belongs to no request as a request of its own in the event trace.
//
//   const TracedTask task("commit", epoch.value);    // events are the task's while it exists
//
// Costs a comparison while no trace is on. Only inside a thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "spindle/base/event_trace.h"
#include "spindle/thread/thread.h"

namespace spindle {

class TracedTask {
 public:
  /// `what` must have static storage.
  explicit TracedTask(std::string_view what, std::uint64_t epoch = 0) : trace_(active_trace) {
    if (trace_ == nullptr) return;
    before_ = thread::current_thread::tag();
    thread::current_thread::set_tag(trace_->new_request());
    trace_->add(EventKind::kTask, {epoch}, what);
  }
  ~TracedTask() {
    if (trace_ == nullptr) return;
    if (trace_ == active_trace) trace_->add(EventKind::kDone, {});
    thread::current_thread::set_tag(before_);
  }
  TracedTask(const TracedTask&) = delete;
  TracedTask& operator=(const TracedTask&) = delete;

 private:
  EventTrace* trace_;
  std::uint64_t before_ = 0;
};

}  // namespace spindle
