// SwitchObserver: is told of each switch of a runtime.
#pragma once

#include <cstdint>

#include "thread/control.h"

namespace spindle::thread {

/// Implemented by a trace.
class SwitchObserver {
 public:
  virtual ~SwitchObserver() = default;
  /// Either may be a root, which is no thread: its id is 0.
  virtual void switched(const Control& from, const Control& to, std::int64_t now_ns) = 0;
};

}  // namespace spindle::thread
