// Bugs on purpose, which the sanitizers and valgrind must find, and whose thread they must name:
// seeded_bugs BUG.
#include <atomic>
#include <cstdio>
#include <string_view>

#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

namespace {

int shared = 0;

void wait_for(const std::atomic<bool>& flag) {
  while (!flag.load(std::memory_order_relaxed)) {
  }
}

// Both run, and relaxed atomics order no other accesses: nothing orders the two.
void race() {
  std::atomic<bool> runs = false, written = false;
  Thread one = spawn(ThreadOptions{.name = "careless", .pinned_to = 0}, [&] {
    wait_for(runs);
    shared = 1;
    written.store(true, std::memory_order_relaxed);
  });
  Thread other = spawn(ThreadOptions{.name = "hasty", .pinned_to = 1}, [&] {
    runs.store(true, std::memory_order_relaxed);
    wait_for(written);
    shared = 2;
  });
  one.join().take();
  other.join().take();
}

[[gnu::noinline]] int* address_of_a_local() {
  int local = 1;
  int* volatile escapes = &local;
  return escapes;
}

[[gnu::noinline]] void overrun(std::size_t index) {
  char room[32] = {};
  char* volatile at = room;  // what it points to is forgotten
  at[index] = 1;
  shared = at[0];
}

[[gnu::noinline]] void overrun_of_a_block(std::size_t index) {
  volatile char* volatile block = new char[8];  // what it points to is forgotten
  block[index] = 1;
  delete[] block;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view bug = count == 2 ? arguments[1] : "";
  auto runtime = Runtime::create({.workers = bug == "race" ? 2u : 1u}).take();
  const auto result = runtime->run([bug] {
    if (bug == "race") return race();
    Thread careless = spawn("careless", [bug] {
      if (bug == "overrun") overrun(40);
      if (bug == "overrun-of-a-block") overrun_of_a_block(8);
      if (bug == "use-after-return") shared = *address_of_a_local();
    });
    careless.join().take();
  });
  std::printf("%d: nothing was found\n", shared);
  return result.ok() ? 0 : 1;
}
