// Threads that wait, for a debugger to look at; with an argument, in a core file.
#include <cstdlib>
#include <string>
#include <vector>

#include "spindle/thread/runtime.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

[[gnu::noinline]] void wait_here(Semaphore& never, int depth) {
  volatile char room[200];
  room[0] = static_cast<char>(depth);
  if (depth > 0) {
    wait_here(never, depth - 1);
  } else {
    never.acquire();
  }
  room[1] = room[0];
}

extern "C" [[gnu::noinline]] void look_at_the_threads() {
  asm volatile("");
}

int main(int count, char**) {
  auto runtime = Runtime::create().take();
  const auto result = runtime->run([count] {
    Semaphore never(0, "never");
    std::vector<Thread> threads;
    for (int i = 0; i < 20; ++i) {
      threads.push_back(spawn("waiter " + std::to_string(i), [&, i] { wait_here(never, i); }));
    }
    yield();
    look_at_the_threads();
    if (count > 1) std::abort();
    never.release(threads.size());
  });
  return result.ok() ? 0 : 1;
}
