// A race, found by trying every schedule: two threads add to a counter without a lock, and an
// update is lost only if a switch comes between reading and writing. `explore` finds it, the
// schedule is printed, and `replay` runs it again; with a lock all schedules are good.
#include <mutex>

#include "example.h"
#include "spindle/thread/explore.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

bool add_twice(bool with_lock) {
  Mutex mutex("counter");
  int counter = 0;
  const auto add = [&] {
    std::unique_lock lock(mutex, std::defer_lock);
    if (with_lock) lock.lock();
    const int seen = counter;
    yield();  // a switch may come here, as by a timer
    counter = seen + 1;
  };
  Thread a = spawn("a", add), b = spawn("b", add);
  a.join().take();
  b.join().take();
  return counter == 2;
}

int main() {
  const Exploration found = explore([] { return add_twice(false); });
  std::printf("without a lock: %s", describe(found).c_str());
  check(found.failed, "the race was not found");
  check(!*replay([] { return add_twice(false); }, found.schedule), "the replay went well");

  const Exploration proof = explore([] { return add_twice(true); });
  std::printf("with a lock: %s", describe(proof).c_str());
  check(!proof.failed && proof.complete, "the lock does not help");
}
