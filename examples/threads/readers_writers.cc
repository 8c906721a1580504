// Readers and writers (Courtois, Heymans, Parnas 1971) under three rules of fairness: who gets in
// when a reader holds the lock and a writer, a reader and another writer come?
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "example.h"
#include "spindle/thread/shared_mutex.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

// The order in which they got in: R1 holds the lock when W1, R2 and W2 come, in this order.
std::string order_under(Prefer prefer) {
  SharedMutex lock("document", prefer);
  std::string order;
  const auto reader = [&](const char* name, int reading) {
    const std::shared_lock shared(lock);
    order += name;
    for (int i = 0; i < reading; ++i) yield();
  };
  const auto writer = [&](const char* name) {
    const std::lock_guard alone(lock);
    order += name;
  };
  std::vector<Thread> threads;
  threads.push_back(spawn("reader 1", [&] { reader("R1 ", 8); }));
  yield();
  threads.push_back(spawn("writer 1", [&] { writer("W1 "); }));
  threads.push_back(spawn("reader 2", [&] { reader("R2 ", 1); }));
  threads.push_back(spawn("writer 2", [&] { writer("W2 "); }));
  for (Thread& thread : threads) thread.join().take();
  return order;
}

int main() {
  run([] {
    const std::string readers = order_under(Prefer::kReaders);
    const std::string writers = order_under(Prefer::kWriters);
    const std::string fair = order_under(Prefer::kFair);
    std::printf("readers first: %s\nwriters first: %s\nfair:          %s\n", readers.c_str(),
                writers.c_str(), fair.c_str());
    check(readers == "R1 R2 W1 W2 ", "a reader waited for a writer");
    check(writers == "R1 W1 W2 R2 ", "a reader went before a waiting writer");
    check(fair == "R1 W1 R2 W2 ", "they did not go in the order in which they came");
  });
}
