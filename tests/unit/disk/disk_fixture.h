// What the tests of the simulated disk share.
#pragma once

#include <cstdint>
#include <functional>

#include "spindle/thread/runtime.h"

namespace spindle {

inline constexpr std::uint32_t kBlockSize = 4096;

inline void run_in_runtime(const std::function<void()>& body) {
  thread::Runtime::create().take()->run(body).take();
}

}  // namespace spindle
