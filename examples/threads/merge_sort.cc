// Merge sort by fork and join, on two workers, with the policy "child-first": the half that is
// forked runs at once, so that few threads are alive at a time.
#include <algorithm>
#include <span>
#include <vector>

#include "example.h"
#include "spindle/base/random.h"
#include "spindle/thread/group.h"
#include "spindle/thread/inspect.h"

using namespace spindle::thread;

constexpr std::size_t kNumbers = 200'000;
constexpr std::size_t kSmall = 500;  // below that a thread costs more than it saves

void merge_sort(std::span<int> numbers, std::span<int> room) {
  if (numbers.size() <= kSmall) {
    std::sort(numbers.begin(), numbers.end());
    return;
  }
  const std::size_t half = numbers.size() / 2;
  TaskGroup group("sort");
  group.run([=] { merge_sort(numbers.first(half), room.first(half)); });
  merge_sort(numbers.subspan(half), room.subspan(half));
  group.wait();
  std::merge(numbers.begin(), numbers.begin() + static_cast<long>(half),
             numbers.begin() + static_cast<long>(half), numbers.end(), room.begin());
  std::copy(room.begin(), room.end(), numbers.begin());
}

int main() {
  spindle::Random random(1);
  std::vector<int> numbers(kNumbers), room(kNumbers);
  for (int& number : numbers) number = static_cast<int>(random.below(1'000'000));
  std::vector<int> expected = numbers;
  std::sort(expected.begin(), expected.end());

  auto runtime = Runtime::create({.policy = "child-first", .workers = 2}).take();
  const auto result = runtime->run([&] { merge_sort(numbers, room); });
  check(result.ok(), "the runtime ended with an error");
  std::printf("%zu numbers sorted, %lu switches, %lu threads taken over by the other worker\n",
              numbers.size(), static_cast<unsigned long>(runtime->switches()),
              static_cast<unsigned long>(runtime->steals()));
  check(numbers == expected, "the numbers are not in order");
}
