// The alarm clock (Pintos, Nachos): threads sleep until a time of theirs, nobody spins, nobody
// wakes early, and they wake in the order of their times.
#include <string>
#include <vector>

#include "example.h"
#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

struct Morning {
  std::vector<int> order;
  bool all_slept = false;  // before the first of them was to wake
};

Morning set_alarms(std::int64_t first_ns) {
  Morning morning;
  std::vector<Thread> sleepers;
  for (const int ms : {30, 10, 50, 20, 40}) {
    sleepers.push_back(spawn("sleeper " + std::to_string(ms), [&morning, first_ns, ms] {
      const std::int64_t until_ns = first_ns + ms * 1'000'000;
      sleep_until(until_ns);
      check(spindle::monotonic_ns() >= until_ns, "a sleeper woke early");
      morning.order.push_back(ms);
    }));
  }
  yield();  // all go to sleep
  morning.all_slept = spindle::monotonic_ns() < first_ns;
  for (Thread& sleeper : sleepers) sleeper.join().take();
  return morning;
}

int main() {
  run([] {
    Morning morning;
    // A machine that is busy elsewhere may come to them too late: again, with more time.
    for (std::int64_t time_ns = 1'000'000; !morning.all_slept; time_ns *= 2) {
      morning = set_alarms(spindle::monotonic_ns() + time_ns);
    }
    for (const int ms : morning.order) std::printf("%d ms\n", ms);
    check(morning.order == std::vector<int>({10, 20, 30, 40, 50}), "they woke in another order");
  });
}
