// The cigarette smokers (Patil 1971): an agent, which must not be changed, puts two of three things
// on the table, and the smoker who has the third must go on. Parnas' answer (1975): a pusher for
// each thing watches the table and wakes the right smoker.
#include <array>
#include <mutex>

#include "example.h"
#include "spindle/base/random.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

enum Thing { kTobacco, kPaper, kMatches, kThings };
constexpr int kRounds = 60;
constexpr std::array<const char*, kThings> kNames = {"tobacco", "paper", "matches"};

// The agent's semaphores, what the pushers know of the table, and who smoked.
struct Room {
  // Puts all but one thing on the table.
  void put_all_but(std::size_t third) {
    table_free.acquire();
    for (std::size_t thing = 0; thing < kThings; ++thing) {
      if (thing != third) put[thing].release();
    }
  }
  void push(std::size_t thing) {
    for (;;) {
      put[thing].acquire();
      const std::lock_guard lock(mutex);
      lies[thing] = true;
      for (std::size_t other = 0; other < kThings; ++other) {
        if (other == thing || !lies[other]) continue;
        lies[thing] = lies[other] = false;
        smoker[kThings - thing - other].release();  // 0 + 1 + 2: the one who has the third
      }
    }
  }
  void smoke(std::size_t thing) {
    for (;;) {
      smoker[thing].acquire();
      ++smoked[thing];
      table_free.release();
    }
  }

  std::array<Semaphore, kThings> put{Semaphore(0, "tobacco"), Semaphore(0, "paper"),
                                     Semaphore(0, "matches")};
  std::array<Semaphore, kThings> smoker{Semaphore(0, "has tobacco"), Semaphore(0, "has paper"),
                                        Semaphore(0, "has matches")};
  Semaphore table_free{1, "table"};
  Mutex mutex{"table"};
  std::array<bool, kThings> lies{};
  std::array<int, kThings> smoked{};
};

int main() {
  run([] {
    Room room;
    std::array<Thread, 2 * kThings> threads;
    for (std::size_t thing = 0; thing < kThings; ++thing) {
      threads[thing] = spawn(kNames[thing], [&room, thing] { room.push(thing); });
      threads[kThings + thing] = spawn("smoker", [&room, thing] { room.smoke(thing); });
    }
    std::array<int, kThings> lacked{};
    spindle::Random random(7);
    for (int i = 0; i < kRounds; ++i) {
      const auto third = random.below(kThings);
      ++lacked[third];
      room.put_all_but(third);
    }
    room.table_free.acquire();
    for (Thread& thread : threads) thread.cancel();
    for (Thread& thread : threads) thread.join().take();
    for (std::size_t thing = 0; thing < kThings; ++thing) {
      std::printf("who has %s smoked %d times\n", kNames[thing], room.smoked[thing]);
      check(room.smoked[thing] == lacked[thing], "the wrong smoker went on");
    }
  });
}
