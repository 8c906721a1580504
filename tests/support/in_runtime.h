// in_runtime: a test's body in a runtime of user-space threads.
#pragma once

#include <functional>

#include "spindle/thread/runtime.h"

namespace spindle::test {

/// Runs `body` as the first thread of a runtime of its own, until all threads have ended. Aborts if
/// they block one another.
inline void in_runtime(const std::function<void()>& body) {
  thread::Runtime::create().take()->run(body).take();
}

}  // namespace spindle::test
