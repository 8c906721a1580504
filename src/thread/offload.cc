#include "spindle/thread/offload.h"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// The helpers of the process. They end with it, idle ones being told to.
class Helpers {
 public:
  Helpers() = default;
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;
  ~Helpers() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }

  void submit(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(work));
      if (idle_ < queue_.size() && helpers_.size() < kMostHelpers) {
        add_helper();
      }
    }
    changed_.notify_one();
  }

 private:
  // Signals are for others: a new kernel thread begins with its maker's mask.
  void add_helper() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    helpers_.emplace_back([this] { serve(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      changed_.wait(lock, [this] { return ends_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      const std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> helpers_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};

}  // namespace

namespace detail {

void run_on_helper(const std::function<void()>& work) {
  if (current_control == nullptr) {
    work();
    return;
  }
  // In a section: the helper threads' lock must not be held by a thread that is preempted.
  const Section section;
  Control& self = *current_control;
  static Helpers helpers;
  Runtime& runtime = *current_scheduler->runtime();
  const Runtime::ExternalWork pending(runtime);
  WaitQueue done("blocking call", WaitKind::kEvent);
  WaitNode node;
  node.interruptible = false;
  done.enqueue(node);
  std::atomic<bool> left = false;
  helpers.submit([&] {
    work();
    runtime.post([&] { done.wake(node); });
    left.store(true, std::memory_order_release);
  });
  WaitQueue::park(node);
  // The helper may still be on its way out of the runtime, which must not go before that.
  while (!left.load(std::memory_order_acquire)) self.scheduler->yield(self);
}

}  // namespace detail
}  // namespace spindle::thread
