// The Banker's algorithm (Dijkstra 1965) guards a pool of resources: each thread says at the start
// how many it may want at most, and a request is granted only if afterwards there is still an order
// in which each thread can get its maximum and end. So there can be no deadlock.
#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "example.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

constexpr std::size_t kKinds = 3;
using Amounts = std::array<int, kKinds>;

bool fits(const Amounts& wanted, const Amounts& there) {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (wanted[i] > there[i]) return false;
  }
  return true;
}

void move(Amounts& to, const Amounts& amount, int sign) {
  for (std::size_t i = 0; i < kKinds; ++i) to[i] += sign * amount[i];
}

class Bank {
 public:
  Bank(Amounts available, std::vector<Amounts> most)
      : available_(available), most_(std::move(most)), held_(most_.size()) {}

  /// Waits until the request can be granted safely.
  void request(std::size_t who, const Amounts& amount) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return grant(who, amount); });
  }
  void release_all(std::size_t who) {
    const std::lock_guard lock(mutex_);
    move(available_, held_[who], 1);
    held_[who] = {};
    changed_.notify_all();
  }
  [[nodiscard]] int refused() const { return refused_; }

 private:
  bool grant(std::size_t who, const Amounts& amount) {
    if (!fits(amount, available_)) return false;
    move(available_, amount, -1);
    move(held_[who], amount, 1);
    if (safe()) return true;
    ++refused_;
    move(held_[who], amount, -1);
    move(available_, amount, 1);
    return false;
  }
  // True if all can end, one after the other, each with all that it may want.
  [[nodiscard]] bool safe() const {
    Amounts there = available_;
    std::vector<bool> ended(most_.size(), false);
    for (std::size_t round = 0; round < most_.size(); ++round) {
      for (std::size_t i = 0; i < most_.size(); ++i) {
        Amounts missing = most_[i];
        move(missing, held_[i], -1);
        if (ended[i] || !fits(missing, there)) continue;
        ended[i] = true;
        move(there, held_[i], 1);
      }
    }
    return std::all_of(ended.begin(), ended.end(), [](bool one) { return one; });
  }

  Mutex mutex_{"bank"};
  ConditionVariable changed_{"resources"};
  Amounts available_;
  std::vector<Amounts> most_;
  std::vector<Amounts> held_;
  int refused_ = 0;
};

int main() {
  run([] {
    // Silberschatz's example: 10, 5 and 7 of three kinds, five processes.
    const std::vector<Amounts> most = {{7, 5, 3}, {3, 2, 2}, {9, 0, 2}, {2, 2, 2}, {4, 3, 3}};
    Bank bank({10, 5, 7}, most);
    std::vector<Thread> threads;
    for (std::size_t who = 0; who < most.size(); ++who) {
      threads.push_back(spawn("customer", [&, who] {
        for (int round = 0; round < 10; ++round) {
          for (std::size_t kind = 0; kind < kKinds; ++kind) {
            for (int i = 0; i < most[who][kind]; ++i) {
              Amounts one{};
              one[kind] = 1;
              bank.request(who, one);
              yield();
            }
          }
          bank.release_all(who);
        }
      }));
    }
    for (Thread& thread : threads) thread.join().take();
    std::printf("all ended; %d requests were put off as unsafe\n", bank.refused());
    check(bank.refused() > 0, "nothing was ever unsafe: the example shows nothing");
  });
}
