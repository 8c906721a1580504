// The alarm clock (Pintos, Nachos): each thread sleeps until its own time. Nobody spins, nobody
// wakes early, and they wake in the order of their times.
#include <chrono>
#include <string>
#include <vector>

#include "example.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

struct Morning {
  std::vector<std::chrono::milliseconds> order;
  bool all_slept = false;  // all slept before the first was to wake
};

Morning set_alarms(steady_clock::time_point begin) {
  Morning morning;
  std::vector<Thread> sleepers;
  for (const auto after : {30ms, 10ms, 50ms, 20ms, 40ms}) {
    sleepers.push_back(spawn("sleeper " + std::to_string(after.count()), [&morning, begin, after] {
      sleep_until(begin + after);
      check(steady_clock::now() >= begin + after, "a sleeper woke early");
      morning.order.push_back(after);
    }));
  }
  yield();  // lets all go to sleep
  morning.all_slept = steady_clock::now() < begin;
  for (Thread& sleeper : sleepers) sleeper.join().take();
  return morning;
}

int main() {
  run([] {
    Morning morning;
    // On a busy machine they may have gone to sleep too late: try again with more time.
    for (auto time = 1ms; !morning.all_slept; time *= 2) {
      morning = set_alarms(steady_clock::now() + time);
    }
    for (const auto after : morning.order) std::printf("%d ms\n", static_cast<int>(after.count()));
    check(morning.order == std::vector({10ms, 20ms, 30ms, 40ms, 50ms}),
          "they woke in another order");
  });
}
