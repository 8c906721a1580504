// The alarm clock (Pintos, Nachos): threads sleep until a time of theirs, nobody spins, nobody
// wakes early, and they wake in the order of their times.
#include <string>
#include <vector>

#include "example.h"
#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

int main() {
  run([] {
    const std::int64_t now_ns = spindle::monotonic_ns();
    std::vector<int> order;
    std::vector<Thread> sleepers;
    for (const int ms : {30, 10, 50, 20, 40}) {
      sleepers.push_back(spawn("sleeper " + std::to_string(ms), [&order, now_ns, ms] {
        const std::int64_t until_ns = now_ns + ms * 1'000'000;
        sleep_until(until_ns);
        check(spindle::monotonic_ns() >= until_ns, "a sleeper woke early");
        order.push_back(ms);
      }));
    }
    for (Thread& sleeper : sleepers) sleeper.join().take();
    for (const int ms : order) std::printf("%d ms\n", ms);
    check(order == std::vector<int>({10, 20, 30, 40, 50}), "they woke in another order");
  });
}
