// Priority inversion and its cure. Low holds a lock that high wants, and middle, which wants no
// lock, keeps the CPU: so high waits for middle. With priority donation, low runs with high's
// priority while it holds the lock. A semaphore, which does not know its holder, shows the harm.
#include <string>

#include "example.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

// The order in which they end.
template <class Acquire, class Release>
std::string order_of_ends(Acquire acquire, Release release) {
  std::string order;
  run(
      [&] {
        Thread low = spawn(ThreadOptions{.name = "low", .priority = 1}, [&] {
          acquire();
          for (int i = 0; i < 5; ++i) yield();  // work in the critical section
          release();
          order += "low ";
        });
        current_thread::set_priority(1);
        yield();  // low has the lock now
        Thread high = spawn(ThreadOptions{.name = "high", .priority = 3}, [&] {
          acquire();
          release();
          order += "high ";
        });
        Thread middle = spawn(ThreadOptions{.name = "middle", .priority = 2}, [&] {
          for (int i = 0; i < 20; ++i) yield();
          order += "middle ";
        });
        low.join().take();
        high.join().take();
        middle.join().take();
      },
      {.policy = "priority"});
  return order;
}

int main() {
  Semaphore semaphore(1, "resource");
  const std::string inverted =
      order_of_ends([&] { semaphore.acquire(); }, [&] { semaphore.release(); });
  Mutex mutex("resource");
  const std::string cured = order_of_ends([&] { mutex.lock(); }, [&] { mutex.unlock(); });
  std::printf("semaphore: %s\nmutex:     %s\n", inverted.c_str(), cured.c_str());
  check(inverted.find("middle") < inverted.find("high"), "there was no inversion to be cured");
  check(cured.find("high") < cured.find("middle"), "high waited for middle");
}
