// A thread pool: a channel of jobs, some threads that take jobs from it, and a future for each
// answer. Closing the channel ends the threads when the jobs are done.
#include <functional>
#include <string>
#include <vector>

#include "example.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/future.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

class ThreadPool {
 public:
  explicit ThreadPool(int threads) : jobs_(16, "jobs") {
    for (int i = 0; i < threads; ++i) {
      threads_.push_back(spawn("pool " + std::to_string(i), [this] { serve(); }));
    }
  }
  ~ThreadPool() {
    jobs_.close();
    for (Thread& thread : threads_) thread.join().take();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  template <class F>
  Future<int> submit(F function) {
    auto promise = std::make_shared<Promise<int>>();
    Future<int> answer = promise->future();
    jobs_.send([promise, function] { promise->set(function()); }).take();
    return answer;
  }

 private:
  void serve() {
    for (;;) {
      auto job = jobs_.receive();
      if (!job.ok()) return;  // closed, and nothing left
      (*job)();
    }
  }

  Channel<std::function<void()>> jobs_;
  std::vector<Thread> threads_;
};

int main() {
  run([] {
    ThreadPool pool(4);
    std::vector<Future<int>> answers;
    for (int i = 0; i < 100; ++i) {
      answers.push_back(pool.submit([i] {
        yield();
        return i * i;
      }));
    }
    long sum = 0;
    for (const auto& answer : answers) sum += *answer.get();
    std::printf("the squares of 0 to 99 sum to %ld\n", sum);
    check(sum == 328'350, "an answer is missing");
  });
}
