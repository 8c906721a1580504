// The sleeping barber (Dijkstra 1965) sleeps until a customer comes; one who finds no chair leaves.
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "example.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;
using namespace std::chrono_literals;

constexpr int kChairs = 3;
constexpr int kCustomers = 30;

int main() {
  run([] {
    Mutex mutex("chairs");
    Semaphore customers(0, "customers"), barber_ready(0, "barber");
    int waiting = 0, served = 0, left = 0, cuts = 0;

    Thread barber = spawn("barber", [&] {
      for (;;) {
        customers.acquire();  // sleeps
        {
          const std::lock_guard lock(mutex);
          --waiting;
        }
        barber_ready.release();
        ++cuts;
        sleep_for(200us);
      }
    });
    std::vector<Thread> people;
    for (int i = 0; i < kCustomers; ++i) {
      people.push_back(spawn("customer " + std::to_string(i), [&, i] {
        sleep_for(i % 5 * 300us);  // they come in bursts
        {
          const std::lock_guard lock(mutex);
          if (waiting == kChairs) {
            ++left;
            return;
          }
          ++waiting;
        }
        customers.release();
        barber_ready.acquire();
        ++served;
      }));
    }
    for (Thread& person : people) person.join().take();
    barber.cancel();  // he waits for customers, a point of cancellation
    barber.join().take();
    std::printf("%d served, %d found no chair\n", served, left);
    check(served + left == kCustomers, "somebody is still in the shop");
    check(cuts == served, "the barber cut air");
  });
}
