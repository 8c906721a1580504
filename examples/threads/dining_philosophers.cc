// The dining philosophers (Dijkstra 1965): five forks, five philosophers, two forks to eat with.
// Each takes the left fork and then the right one: a deadlock, which the runtime reports. Two
// cures: take the forks in one order, or ask a waiter who lets four of them try.
#include <array>
#include <string>

#include "example.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

constexpr std::size_t kSeats = 5;
constexpr int kMeals = 20;

struct Table {
  std::array<Mutex, kSeats> forks{Mutex("fork 0"), Mutex("fork 1"), Mutex("fork 2"),
                                  Mutex("fork 3"), Mutex("fork 4")};
  Semaphore waiter{kSeats - 1, "waiter"};
  int meals = 0;
};

void eat(Table& table, std::size_t first, std::size_t second) {
  table.forks[first].lock();
  yield();  // here all may hold their first fork
  table.forks[second].lock();
  ++table.meals;
  table.forks[second].unlock();
  table.forks[first].unlock();
}

template <class Dine>
void seat_all(Table& table, Dine dine) {
  std::array<Thread, kSeats> philosophers;
  for (std::size_t seat = 0; seat < kSeats; ++seat) {
    philosophers[seat] = spawn("philosopher " + std::to_string(seat), [&table, dine, seat] {
      for (int i = 0; i < kMeals; ++i) dine(table, seat, (seat + 1) % kSeats);
    });
  }
  for (Thread& philosopher : philosophers) philosopher.join().take();
  std::printf("  %d meals\n", table.meals);
  check(table.meals == kMeals * static_cast<int>(kSeats), "somebody starved");
}

// The threads stay as they are, so the table must outlive the runtime.
void dine_into_deadlock() {
  Table table;
  std::string report;
  Runtime::Options options;
  options.on_deadlock = [&](std::string_view text) {
    if (report.empty()) report = text;
  };
  auto runtime = Runtime::create(std::move(options)).take();
  const auto result = runtime->run([&table] {
    seat_all(table, [](Table& at, std::size_t left, std::size_t right) { eat(at, left, right); });
  });
  std::printf("left, then right:\n%s", report.c_str());
  check(result.code() == EDEADLK, "all went well, which it must not");
  check(report.find("philosopher 3") != std::string::npos, "the report names no philosopher");
}

int main() {
  dine_into_deadlock();
  run([] {
    std::printf("in one order:\n");
    Table ordered;
    seat_all(ordered, [](Table& at, std::size_t left, std::size_t right) {
      eat(at, std::min(left, right), std::max(left, right));
    });
    std::printf("with a waiter:\n");
    Table waited;
    seat_all(waited, [](Table& at, std::size_t left, std::size_t right) {
      at.waiter.acquire();
      eat(at, left, right);
      at.waiter.release();
    });
  });
}
