// What the examples share: a runtime to run in, and a check that ends the program with a reason.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "spindle/thread/runtime.h"

/// Says what is wrong and ends the program unless the condition holds.
inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::exit(1);
}

/// Runs the body as the first thread; ends the program if it cannot.
inline void run(const std::function<void()>& body, spindle::thread::Runtime::Options options = {}) {
  auto runtime = spindle::thread::Runtime::create(std::move(options)).take();
  const auto result = runtime->run(body);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().describe().c_str());
    std::exit(1);
  }
}
