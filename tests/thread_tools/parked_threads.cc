// Threads that wait, for a debugger to look at: parked_threads [abort [THREADS]], where `abort`
// leaves a core file of them. Their stacks have many shapes, some with frames whose size is known
// only at run time; the last one waits for a lock.
#include <alloca.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "spindle/thread/mutex.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

void wait_here(Semaphore& never, int depth);

[[gnu::noinline]] void wait_in_room(Semaphore& never, int depth) {
  const auto size = static_cast<std::size_t>(16 * (depth + 1));
  volatile char* const room = static_cast<volatile char*>(alloca(size));
  room[0] = static_cast<char>(depth);
  wait_here(never, depth - 1);
  room[size - 1] = room[0];
}

[[gnu::noinline]] void wait_here(Semaphore& never, int depth) {
  volatile char room[200];
  room[0] = static_cast<char>(depth);
  if (depth > 0 && depth % 3 == 0) {
    wait_in_room(never, depth);
  } else if (depth > 0) {
    wait_here(never, depth - 1);
  } else {
    never.acquire();
  }
  room[1] = room[0];
}

[[gnu::noinline]] void wait_for_lock(Mutex& mutex) {
  mutex.lock();
  mutex.unlock();
}

extern "C" [[gnu::noinline]] void look_at_the_threads() {
  asm volatile("");
}

int main(int count, char** arguments) {
  const int parked = count > 2 ? std::atoi(arguments[2]) : 20;
  auto runtime = Runtime::create().take();
  const auto result = runtime->run([count, parked] {
    Semaphore never(0, "never");
    Mutex mutex("main's");
    mutex.lock();
    std::vector<Thread> threads;
    for (int i = 0; i < parked; ++i) {
      threads.push_back(spawn("waiter " + std::to_string(i), [&, i] { wait_here(never, i % 20); }));
    }
    threads.push_back(spawn("locker", [&] { wait_for_lock(mutex); }));
    yield();
    look_at_the_threads();
    if (count > 1) std::abort();
    mutex.unlock();
    never.release(threads.size());
  });
  return result.ok() ? 0 : 1;
}
