// A program that uses only the installed thread library.
#include <cstdio>

#include "spindle/thread/runtime.h"
#include "spindle/thread/task.h"

int main() {
  using namespace spindle::thread;
  auto runtime = Runtime::create({.policy = "lottery"}).take();
  const auto result = runtime->run([] {
    Task<int> task = launch("worker", [] {
      std::printf("hello from %s, ", current_thread::name().data());
      return 42;
    });
    std::printf("%d\n", task.join().take());
  });
  return result.ok() ? 0 : 1;
}
