// Threads that wait, for a debugger to look at: parked_threads [abort [THREADS]], where `abort`
// leaves a core file of them.
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

int main(int count, char** arguments) {
  const int parked = count > 2 ? std::atoi(arguments[2]) : 20;
  auto runtime = Runtime::create().take();
  const auto result = runtime->run([count, parked] {
    Semaphore never(0, "never");
    std::vector<Thread> threads;
    for (int i = 0; i < parked; ++i) {
      threads.push_back(spawn("waiter " + std::to_string(i), [&, i] { wait_here(never, i % 20); }));
    }
    yield();
    look_at_the_threads();
    if (count > 1) std::abort();
    never.release(threads.size());
  });
  return result.ok() ? 0 : 1;
}
