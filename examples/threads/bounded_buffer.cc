// The bounded buffer, twice: with semaphores (Dijkstra), and as a monitor (Hansen, Hoare, Mesa).
#include <array>
#include <mutex>

#include "example.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

constexpr std::size_t kSlots = 4;
constexpr int kItems = 1000;

/// One semaphore counts the free slots, one the full ones; the mutex keeps the ring whole.
class SemaphoreBuffer {
 public:
  void put(int item) {
    free_.acquire();
    {
      const std::lock_guard lock(mutex_);
      slots_[in_++ % kSlots] = item;
    }
    full_.release();
  }
  int take() {
    full_.acquire();
    int item = 0;
    {
      const std::lock_guard lock(mutex_);
      item = slots_[out_++ % kSlots];
    }
    free_.release();
    return item;
  }

 private:
  std::array<int, kSlots> slots_{};
  std::size_t in_ = 0, out_ = 0;
  Semaphore free_{kSlots, "free slots"}, full_{0, "full slots"};
  Mutex mutex_{"ring"};
};

/// One lock, and a condition for each reason to wait. After a wait the condition is tested again.
class MonitorBuffer {
 public:
  void put(int item) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [this] { return count_ < kSlots; });
    slots_[(out_ + count_++) % kSlots] = item;
    not_empty_.notify_one();
  }
  int take() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [this] { return count_ > 0; });
    const int item = slots_[out_];
    out_ = (out_ + 1) % kSlots;
    --count_;
    not_full_.notify_one();
    return item;
  }

 private:
  std::array<int, kSlots> slots_{};
  std::size_t out_ = 0, count_ = 0;
  Mutex mutex_{"buffer"};
  ConditionVariable not_full_{"not full"}, not_empty_{"not empty"};
};

template <class Buffer>
void produce_and_consume(const char* name) {
  Buffer buffer;
  long sum = 0;
  Thread producer = spawn("producer", [&] {
    for (int i = 1; i <= kItems; ++i) buffer.put(i);
  });
  Thread consumer = spawn("consumer", [&] {
    for (int i = 0; i < kItems; ++i) sum += buffer.take();
  });
  producer.join().take();
  consumer.join().take();
  std::printf("%s: %d items, sum %ld\n", name, kItems, sum);
  check(sum == kItems * (kItems + 1L) / 2, "an item was lost or came twice");
}

int main() {
  run([] {
    produce_and_consume<SemaphoreBuffer>("semaphores");
    produce_and_consume<MonitorBuffer>("monitor");
  });
}
